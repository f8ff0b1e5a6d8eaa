import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeFrom } from '../../../tests/support/thrown.ts';
import { formatKeyFile, makeKeyFile } from './key-file.ts';
import { openSeed } from './open-seed.ts';
import type { OpenedSeed } from './open-seed.ts';
import { parseKeySource } from './key-source.ts';
import type { KeySource } from './key-source.ts';

const VARIABLE = 'CREDENTIALS_DIRECTORY';
let root: string;
let given: string | undefined;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'agent-open-'));
  fs.mkdirSync(join(root, 'etc/coatcheck'), { recursive: true });
  given = process.env[VARIABLE];
  Reflect.deleteProperty(process.env, VARIABLE);
});
afterEach(() => {
  fs.rmSync(root, { recursive: true });
  Reflect.deleteProperty(process.env, VARIABLE);
  if (given !== undefined) process.env[VARIABLE] = given;
});

const open = (source?: KeySource): OpenedSeed => openSeed(source, root, () => undefined);
const key = (): string => join(root, 'etc/coatcheck/key');

/** As systemd puts it there. */
function handOver(mode = 0o400): Uint8Array {
  const folder = join(root, 'credentials');
  fs.mkdirSync(folder);
  const seed = Uint8Array.from({ length: 32 }, (_, i) => i * i + 1);
  fs.writeFileSync(join(folder, 'coatcheck.seed'), formatKeyFile(seed), { mode });
  process.env[VARIABLE] = folder;
  return seed;
}

describe('the source of a key', () => {
  it.each([
    ['tpm', { from: 'tpm' }],
    ['usb', { from: 'usb' }],
    ['image', { from: 'image' }],
    ['credential', { from: 'credential' }],
    ['file:/a/b', { from: 'file', path: '/a/b' }],
    ['/a/b', { from: 'file', path: '/a/b' }],
    ['./tpm', { from: 'file', path: './tpm' }],
  ])('is named %s', (text, source) => {
    expect(parseKeySource(text)).toEqual(source);
  });

  it('is the file below the root by default, then the credential, and never the hardware', () => {
    expect(codeFrom(() => open())).toBe('file_missing');
    const credential = handOver();
    expect(open()).toEqual({ seed: credential, from: 'credential' });
    const seed = makeKeyFile(key());
    expect(open()).toEqual({ seed, from: 'file' });
    expect(open({ from: 'credential' }).seed).toEqual(credential);
  });

  it('is not passed over where it is there and cannot be used', () => {
    handOver();
    fs.writeFileSync(key(), 'junk', { mode: 0o600 });
    expect(codeFrom(() => open())).toBe('file_malformed');
    fs.rmSync(key());
    fs.symlinkSync('nowhere', key());
    expect(codeFrom(() => open())).toBe('file_unsafe');
  });

  it('is refused as a credential that others can read, or that is not there', () => {
    expect(codeFrom(() => open({ from: 'credential' }))).toBe('file_missing');
    handOver(0o444);
    expect(codeFrom(() => open({ from: 'credential' }))).toBe('file_unsafe');
  });

  it('says of a file that is missing how to make one', () => {
    const path = join(root, 'absent');
    expect(() => open({ from: 'file', path })).toThrow(/absent does not exist.*key make/);
    expect(codeFrom(() => open({ from: 'image' }))).toBe('file_missing');
  });
});
