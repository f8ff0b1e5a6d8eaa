import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fromHex, toHex } from '../../bundle/bytes.ts';
import { deriveIdentity } from '../../bundle/identity.ts';
import { describeWith } from '../support/components.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeSite } from '../support/site.ts';
import { startSwtpm } from '../support/swtpm.ts';
import type { Swtpm } from '../support/swtpm.ts';

const VARIABLE = 'TPM2TOOLS_TCTI';
/** TPM_CC (TPM 2.0 Library part 2, 6.5.2) */
const [NV_DEFINE_SPACE, NV_WRITE] = [0x12a, 0x137];
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

  it('gives the key that tpm2-tools give: who had one by them is the same machine', async () => {
    const [key, label] = [join(folder, 'key'), join(folder, 'label')];
    writeFileSync(label, 'coatcheck/v1 tpm-seed');
    const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign';
    const template = ['-Q', '-C', 'e', '-g', 'sha256', '-G', 'hmac', '-a', attributes];
    tpm.tool('tpm2_createprimary', ...template, '-c', key);
    const seed = tpm.tool('tpm2_hmac', '-g', 'sha256', '-c', key, '--hex', label).trim();
    tpm.tool('tpm2_flushcontext', '-t');
    expect(await id()).toBe(deriveIdentity(fromHex(seed)).id);
  });

  it('that is not there, or cannot be named so, is named', async () => {
    const nowhere = join(folder, 'tpmrm7');
    process.env[VARIABLE] = `device:${nowhere}`;
    const gone = await machine.run('--key', 'tpm', 'id');
    expect(codeOf(gone)).toBe('device_missing');
    expect(gone.stderr).toContain(`this machine has no TPM 2.0: there is no ${nowhere}`);
    expect(codeOf(await apply(decision(1, 'one')))).toBe('device_missing');
    writeFileSync(nowhere, '');
    const noAnswer = await machine.run('--key', 'tpm', 'id');
    expect(codeOf(noAnswer)).toBe('device_failed');
    expect(noAnswer.stderr).toContain(nowhere);
    process.env[VARIABLE] = 'swtpm:path=/tmp/socket';
    expect((await machine.run('--key', 'tpm', 'id')).stderr).toContain(
      'TPM2TOOLS_TCTI is swtpm:path=/tmp/socket: a TPM is reached as device:PATH',
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
    expect(refused.stderr).toContain(
      'the TPM refused TPM2_NV_DefineSpace: TPM_RC_BAD_AUTH 0x9a2, the authorization is wrong',
    );
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

  it('has the index that tpm2-tools define and write, in both directions', async () => {
    expect(codeOf(await apply(decision(3, 'three')))).toBe('applied');
    const index = tpm.tool('tpm2_getcap', 'handles-nv-index').trim().slice(2);
    const about = tpm.tool('tpm2_nvreadpublic', index);
    const record = join(folder, 'record');
    tpm.tool('tpm2_nvread', '-C', 'o', '-s', '140', '-o', record, index);
    tpm.tool('tpm2_nvundefine', '-C', 'o', index);
    tpm.tool(
      'tpm2_nvdefine',
      '-Q',
      '-C',
      'o',
      '-s',
      '140',
      '-a',
      'ownerread|ownerwrite|no_da',
      index,
    );
    await reboot();
    expect(await remembered()).toBeUndefined();
    tpm.tool('tpm2_nvwrite', '-Q', '-C', 'o', '-i', record, index);
    expect(tpm.tool('tpm2_nvreadpublic', index)).toBe(about);
    await reboot();
    expect(await remembered()).toBe(3);
    expect(codeOf(await apply(decision(4, 'four')))).toBe('applied');
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
    ['before the index is defined', NV_DEFINE_SPACE, 'before', 1],
    ['after the index is defined', NV_DEFINE_SPACE, 'after', 1],
    ['before the record is written', NV_WRITE, 'before', 1],
    ['after the record was written', NV_WRITE, 'after', 2],
  ] as const)(
    'a kill %s loses and applies nothing',
    { tags: 'long' },
    async (_, command, when, then) => {
      const [one, two] = [decision(1, 'one'), decision(2, 'two')];
      // The index is there already where only its writing is cut.
      if (command === NV_WRITE) expect(codeOf(await apply(one))).toBe('applied');
      await reboot();
      const { held } = await tpm.hold(command, when);
      const agent = [process.execPath, agentProgram(), '--root', machine.root, '--memory', 'tpm'];
      const { child, done } = machine.start(agent, ['apply', two]);
      await held;
      child.kill('SIGKILL');
      expect((await done).code).toBeNull();
      await reboot();
      expect(existsSync(machine.path('etc/motd'))).toBe(false);
      expect(codeOf(await apply(one))).toBe(then === 2 ? 'rollback_refused' : 'applied');
      expect(codeOf(await apply(two))).toBe('applied');
      await reboot();
      expect(await remembered()).toBe(2);
    },
  );

  it(
    'that was wiped remembers nothing, and says so; what this boot knows is put back',
    { tags: 'long' },
    async () => {
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
      expect(forgotten.stderr).toContain(
        'the memory (tpm) holds nothing: this is a first boot, or',
      );
      expect((await apply(one)).stderr).not.toContain('holds nothing');
    },
  );

  it(
    'has a memory for each key, and takes no damaged or strange index for a missing one',
    { tags: 'long' },
    async () => {
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
    },
  );
});

function flipped(path: string): Uint8Array {
  const bytes = readFileSync(path);
  bytes[90]! ^= 1;
  expect(toHex(bytes)).toHaveLength(280);
  return bytes;
}
