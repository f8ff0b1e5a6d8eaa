import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { toHex } from '../../bundle/bytes.ts';
import { describeWith } from '../support/components.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeSite } from '../support/site.ts';
import { startSwtpm } from '../support/swtpm.ts';
import type { Swtpm } from '../support/swtpm.ts';

const VARIABLE = 'TPM2TOOLS_TCTI';
const testSite = makeSite();
let folder: string;
let tpm: Swtpm;
let machine: Machine;
/** Its roots after each reboot */
let roots: Machine[];

async function powerCycle(): Promise<void> {
  await tpm.stop();
  await tpm.start();
}

/** Power off and on: what was in the root is gone, what is in the TPM is not. */
async function reboot(): Promise<void> {
  await powerCycle();
  machine = machine.reboot();
  roots.push(machine);
}

/** A decision on disk, as a mirror would give it. */
function decision(seq: number, text: string): string {
  const path = join(folder, `${seq}-${text}`);
  const files = [fileEntry('etc/motd', `${text}\n`)];
  writeFileSync(path, approvedFrame(testSite, machine.identity, files, seq));
  return path;
}

/** What a killed agent has no time to remove, and a boot does: it is in memory. */
const left = (): string[] => readdirSync('/run').filter((name) => /^coatcheck-tpm-/.test(name));

const apply = (path: string, ...more: string[]): Promise<Run> =>
  machine.run('--memory', 'tpm', ...more, 'apply', path);
const codeOf = ({ code, stderr }: Run): string =>
  code === 0 ? 'applied' : (/\[(\w+)\]\n$/.exec(stderr)?.[1] ?? stderr);
const remembered = async (): Promise<unknown> => {
  const { memoryKind, memory } = await machine.json('--memory', 'tpm', 'status');
  expect(memoryKind).toBe('tpm');
  return (memory as { seq?: number } | null | undefined)?.seq;
};

describeWith('swtpm', 'a TPM', () => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tpm-test-'));
    tpm = await startSwtpm();
    process.env[VARIABLE] = tpm.tcti;
    machine = makeMachine(testSite.site);
    roots = [machine];
  });
  afterEach(async () => {
    await tpm.remove();
    Reflect.deleteProperty(process.env, VARIABLE);
    roots.forEach((root) => root.remove());
    rmSync(folder, { recursive: true });
  });

  const id = async (): Promise<unknown> => (await machine.json('--key', 'tpm', 'id'))['node'];

  it('gives the same id after a restart and after it was cleared, and another TPM another', async () => {
    const first = await id();
    expect(first).toMatch(/^[a-z2-7]{32}$/);
    await powerCycle();
    expect(await id()).toBe(first);
    tpm.tool('tpm2_clear', '-Q');
    expect(await id()).toBe(first);
    const other = await startSwtpm();
    process.env[VARIABLE] = other.tcti;
    expect(await id()).not.toBe(first);
    await other.remove();
  });

  it('keeps nothing of what the agent had in it', async () => {
    await id();
    for (const handles of ['transient', 'loaded-session', 'persistent', 'nv-index']) {
      expect(tpm.tool('tpm2_getcap', `handles-${handles}`)).toBe('');
    }
  });

  it('that is gone, or not there, is named, with the program that said so', async () => {
    await tpm.stop();
    const gone = await machine.run('--key', 'tpm', 'id');
    expect(codeOf(gone)).toBe('device_failed');
    expect(gone.stderr).toMatch(
      /^coatcheck: tpm2_createprimary .* ended with status \d+: ERROR: Could not load tcti/,
    );
    Reflect.deleteProperty(process.env, VARIABLE);
    const none = [await machine.run('--key', 'tpm', 'id'), await apply(decision(1, 'one'))];
    const expected = existsSync('/dev/tpmrm0') ? 'device_failed' : 'device_missing';
    expect(none.map(codeOf)).toEqual([expected, expected]);
  });

  it('that has an owner with a password is named, and nothing is applied', async () => {
    tpm.tool('tpm2_changeauth', '-c', 'owner', 'secret');
    const refused = await apply(decision(1, 'one'));
    expect(codeOf(refused)).toBe('device_failed');
    expect(refused.stderr).toMatch(/tpm2_nvdefine .*: ERROR: .*authorization/);
    expect(existsSync(machine.path('etc/motd'))).toBe(false);
    expect(await id()).toMatch(/^[a-z2-7]{32}$/);
  });

  it('remembers the newest decision over a restart: no older one, no other with its number', async () => {
    const [one, two] = [decision(1, 'one'), decision(2, 'two')];
    expect(await remembered()).toBeUndefined();
    expect(codeOf(await apply(one))).toBe('applied');
    expect(codeOf(await apply(two))).toBe('applied');
    await reboot();
    expect(await remembered()).toBe(2);
    expect(codeOf(await apply(one))).toBe('rollback_refused');
    expect(codeOf(await apply(decision(2, 'fork')))).toBe('rollback_refused');
    expect(existsSync(machine.path('etc/motd'))).toBe(false);
    expect(codeOf(await apply(two))).toBe('applied');
    expect(codeOf(await apply(decision(7, 'seven')))).toBe('applied');
    await reboot();
    expect(await remembered()).toBe(7);
  });

  it('remembers nothing that did not verify', async () => {
    const forged = join(folder, 'forged');
    const files = [fileEntry('etc/motd', 'forged\n')];
    writeFileSync(forged, approvedFrame(makeSite({ name: 'other' }), machine.identity, files, 9));
    expect(codeOf(await apply(forged))).not.toBe('applied');
    expect(await remembered()).toBeUndefined();
    expect(tpm.tool('tpm2_getcap', 'handles-nv-index')).toBe('');
  });

  it.each([
    ['before the index is defined', 'tpm2_nvdefine', 'before', 1],
    ['after the index is defined', 'tpm2_nvdefine', 'after', 1],
    ['before the record is written', 'tpm2_nvwrite', 'before', 1],
    ['after the record was written', 'tpm2_nvwrite', 'after', 2],
  ] as const)('a kill %s loses and applies nothing', async (_, program, when, then) => {
    const [one, two] = [decision(1, 'one'), decision(2, 'two')];
    // The index is there already where only its writing is cut.
    if (program === 'tpm2_nvwrite') expect(codeOf(await apply(one))).toBe('applied');
    await reboot();
    const path = process.env['PATH']!;
    process.env['PATH'] = `${killer(program, when)}:${path}`;
    expect((await apply(two)).code).toBeNull();
    process.env['PATH'] = path;
    await reboot();
    left().forEach((name) => rmSync(join('/run', name), { recursive: true }));
    expect(existsSync(machine.path('etc/motd'))).toBe(false);
    expect(codeOf(await apply(one))).toBe(then === 2 ? 'rollback_refused' : 'applied');
    expect(codeOf(await apply(two))).toBe('applied');
    await reboot();
    expect(await remembered()).toBe(2);
  });

  it('that was wiped remembers nothing, and says so; what this boot knows is put back', async () => {
    const [one, two] = [decision(1, 'one'), decision(2, 'two')];
    expect(codeOf(await apply(two))).toBe('applied');
    tpm.tool('tpm2_clear', '-Q');
    expect(codeOf(await apply(one))).toBe('rollback_refused');
    await reboot();
    expect(await remembered()).toBe(2);
    tpm.tool('tpm2_clear', '-Q');
    await reboot();
    expect((await machine.run('--memory', 'tpm', 'status')).stdout).toContain(
      'memory   tpm: nothing, an older decision would not be noticed',
    );
    const forgotten = await apply(one);
    expect(codeOf(forgotten)).toBe('applied');
    expect(forgotten.stderr).toContain('the memory (tpm) holds nothing: this is a first boot, or');
    expect((await apply(one)).stderr).not.toContain('holds nothing');
  });

  it('has a memory for each key, and takes no damaged or strange index for a missing one', async () => {
    expect(codeOf(await apply(decision(3, 'three')))).toBe('applied');
    const index = /0x[0-9a-f]+/i.exec(tpm.tool('tpm2_getcap', 'handles-nv-index'))![0];
    const other = makeMachine(testSite.site);
    roots.push(other);
    expect((await other.json('--memory', 'tpm', 'status'))['memory']).toBeUndefined();
    await reboot();
    const record = join(folder, 'record');
    tpm.tool('tpm2_nvread', '-C', 'o', '-o', record, index);
    writeFileSync(record, flipped(record));
    tpm.tool('tpm2_nvwrite', '-C', 'o', '-i', record, index);
    expect(codeOf(await apply(decision(4, 'four')))).toBe('file_malformed');
    tpm.tool('tpm2_nvundefine', '-C', 'o', index);
    tpm.tool('tpm2_nvdefine', '-C', 'o', '-s', '8', '-a', 'ownerread|ownerwrite|no_da', index);
    const strange = await apply(decision(4, 'four'));
    expect(codeOf(strange)).toBe('file_malformed');
    expect(strange.stderr).toContain(index.toLowerCase());
  });
});

/** A folder with a stand-in for a program that kills the agent before or after the program ran. */
function killer(program: string, when: 'before' | 'after'): string {
  const real = execFileSync('which', [program], { encoding: 'utf8' }).trim();
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const lines = [`${real} "$@"`, 'kill -9 $PPID'];
  const script = join(bin, program);
  writeFileSync(script, `#!/bin/sh\n${(when === 'after' ? lines : lines.slice(1)).join('\n')}\n`);
  chmodSync(script, 0o755);
  return bin;
}

function flipped(path: string): Uint8Array {
  const bytes = execFileSync('cat', [path]);
  bytes[90]! ^= 1;
  expect(toHex(bytes)).toHaveLength(280);
  return bytes;
}
