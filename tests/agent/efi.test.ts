import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { efiMemory } from '../../agent/identity/memory/efi.ts';
import type { DecisionMemory } from '../../agent/identity/memory/memory.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { describeWith } from '../support/components.ts';
import { codeFrom } from '../support/thrown.ts';

/**
 * The logic on a folder that keeps an immutable flag, as efivarfs does. Only firmware shows that a
 * variable outlives the power.
 */
let folder: string;
const owner = { site: new Uint8Array(16).fill(5), node: 'a'.repeat(32) as NodeId };
const other = { ...owner, node: 'b'.repeat(32) as NodeId };
const memory = (seq: number): DecisionMemory => ({
  ...{ keysetVersion: 1, keysetDigest: new Uint8Array(32).fill(1) },
  ...{ seq, digest: new Uint8Array(32).fill(seq), issued: 1_790_000_000 },
});
const variables = (): string[] =>
  fs.readdirSync(folder).filter((name) => name.startsWith('Coatcheck-'));
const isImmutable = (name: string): boolean =>
  execFileSync('lsattr', [join(folder, name)], { encoding: 'utf8' })
    .split(' ')[0]!
    .includes('i');
const chattr = (flag: string): void => {
  for (const name of variables()) execFileSync('chattr', [flag, join(folder, name)]);
};

describeWith('disks', 'a memory in EFI variables', () => {
  beforeEach(() => {
    // Not in a tmpfs, which has no such flag.
    folder = fs.mkdtempSync('/var/tmp/efivars-');
    fs.writeFileSync(join(folder, 'BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c'), 'x');
  });
  afterEach(() => {
    chattr('-i');
    fs.rmSync(folder, { recursive: true });
  });

  it('keeps what is newest, for each node apart, protected as the kernel does', () => {
    expect(efiMemory(owner, folder).load()).toBeUndefined();
    for (const seq of [2, 1, 3]) efiMemory(owner, folder).save(memory(seq));
    efiMemory(other, folder).save(memory(9));
    expect(efiMemory(owner, folder).load()).toEqual(memory(3));
    expect(efiMemory(other, folder).load()).toEqual(memory(9));
    expect(variables().map(isImmutable)).toEqual([true, true]);
    expect(variables()[0]).toMatch(/^Coatcheck-[0-9a-f]{16}-[0-9a-f-]{36}$/);
    // The four bytes before the data: non-volatile, seen at boot and at run time.
    const bytes = fs.readFileSync(join(folder, variables()[0]!));
    expect([...bytes.subarray(0, 4)]).toEqual([7, 0, 0, 0]);
  });

  it('is missing, not empty, where there are no variables at all', () => {
    fs.rmSync(join(folder, fs.readdirSync(folder)[0]!));
    for (const place of [folder, join(folder, 'absent')]) {
      expect(codeFrom(() => efiMemory(owner, place).load())).toBe('device_missing');
      expect(codeFrom(() => efiMemory(owner, place).save(memory(1)))).toBe('device_missing');
    }
  });

  it.each([0, 3, 143, 145])('is never taken for missing when it has %i bytes', (length) => {
    efiMemory(owner, folder).save(memory(2));
    chattr('-i');
    fs.truncateSync(join(folder, variables()[0]!), length);
    expect(codeFrom(() => efiMemory(owner, folder).load())).toMatch(/^(file_malformed|too_large)$/);
    expect(codeFrom(() => efiMemory(owner, folder).save(memory(3)))).not.toBe('no error');
  });
});
