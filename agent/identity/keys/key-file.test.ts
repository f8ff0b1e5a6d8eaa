import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeFrom } from '../../../tests/support/thrown.ts';
import { formatKeyFile, makeKeyFile, parseKeyFile, readKeyFile } from './key-file.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'agent-key-'));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

const seed = Uint8Array.from({ length: 32 }, (_, i) => i * i);

describe('a key file', () => {
  it('gives back the seed that was made, and only its owner can read it', () => {
    const path = join(folder, 'key');
    const umask = process.umask(0);
    const made = makeKeyFile(path);
    process.umask(umask);
    expect(readKeyFile(path)).toEqual(made);
    expect(fs.statSync(path).mode & 0o7777).toBe(0o600);
    expect(fs.statSync(path).size).toBeLessThanOrEqual(1024);
    expect(fs.readdirSync(folder)).toEqual(['key']);
  });

  it('is read although an editor put a mark before it', () => {
    const path = join(folder, 'key');
    fs.writeFileSync(path, `\uFEFF${formatKeyFile(seed)}`, { mode: 0o600 });
    expect(readKeyFile(path)).toEqual(seed);
    fs.writeFileSync(path, `\uFEFF${formatKeyFile(seed)}`, 'utf16le');
    expect(() => readKeyFile(path)).toThrow('UTF-16');
  });

  it('is never overwritten', () => {
    const path = join(folder, 'key');
    const made = makeKeyFile(path);
    expect(codeFrom(() => makeKeyFile(path))).toBe('file_exists');
    expect(readKeyFile(path)).toEqual(made);
    fs.symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
    expect(codeFrom(() => makeKeyFile(join(folder, 'link')))).toBe('file_exists');
    expect(fs.readdirSync(folder).sort()).toEqual(['key', 'link']);
  });

  it('says which folder is not there that it was to be made in', () => {
    const absent = join(folder, 'etc');
    expect(codeFrom(() => makeKeyFile(join(absent, 'key')))).toBe('file_missing');
    expect(() => makeKeyFile(join(absent, 'key'))).toThrow(
      `the folder ${absent} does not exist; make it first, with mkdir -p ${absent}`,
    );
  });

  it('is refused where others can read or write it', () => {
    const path = join(folder, 'key');
    makeKeyFile(path);
    for (const mode of [0o640, 0o604, 0o620, 0o602]) {
      fs.chmodSync(path, mode);
      expect(codeFrom(() => readKeyFile(path))).toBe('file_unsafe');
    }
  });

  it('is refused through a link, as a folder, and as a FIFO', () => {
    makeKeyFile(join(folder, 'key'));
    fs.symlinkSync('key', join(folder, 'link'));
    expect(codeFrom(() => readKeyFile(join(folder, 'link')))).toBe('file_unsafe');
    expect(codeFrom(() => readKeyFile(folder))).toBe('file_unsafe');
    execFileSync('mkfifo', ['-m', '600', join(folder, 'fifo')]);
    expect(codeFrom(() => readKeyFile(join(folder, 'fifo')))).toBe('file_unsafe');
    expect(codeFrom(() => readKeyFile(join(folder, 'absent')))).toBe('file_missing');
  });

  it('is refused when one character changed', () => {
    const text = formatKeyFile(seed);
    expect(parseKeyFile(text, 'key')).toEqual(seed);
    for (let i = 0; i < text.length; i++) {
      const other = text[i] === 'A' ? 'B' : 'A';
      const changed = text.slice(0, i) + other + text.slice(i + 1);
      expect(codeFrom(() => parseKeyFile(changed, 'key'))).toBe('file_malformed');
    }
  });

  it('is refused when it is empty, long, or all zeros', () => {
    const path = join(folder, 'key');
    for (const [text, code] of [
      ['', 'file_malformed'],
      ['x'.repeat(2000), 'file_malformed'],
      [formatKeyFile(new Uint8Array(32)), 'weak_secret'],
    ] as const) {
      fs.writeFileSync(path, text, { mode: 0o600 });
      expect(codeFrom(() => readKeyFile(path))).toBe(code);
    }
  });
});
