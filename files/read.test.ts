import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withTemporaryFolder } from '../tests/support/temporary-folder.ts';
import { utf8 } from '../bundle/index.ts';
import { readLocalFile, readLocalFileNow } from './read.ts';
import type { Reading } from './read.ts';

let folder: string;
let path: string;
withTemporaryFolder('files', (made) => ([folder, path] = [made, join(made, 'file')]));

describe.each([
  ['on another thread', readLocalFile],
  [
    'before it returns',
    async (file: string, options: Reading) => readLocalFileNow(file, options).content,
  ],
])('a file that is read %s', (_, readLocalFile) => {
  const read = (options: Partial<Reading> = {}) =>
    readLocalFile(path, { maxBytes: 10, ...options });
  const refused = (code: string) => expect.objectContaining({ code }) as Error;

  it('is read up to the limit and not one byte more', async () => {
    await writeFile(path, '0123456789');
    expect(await read()).toHaveLength(10);
    expect(await read({ settled: true })).toEqual(utf8('0123456789'));
    await writeFile(path, '0123456789a');
    await expect(read()).rejects.toMatchObject({ code: 'file_malformed' });
    await expect(read({ settled: true })).rejects.toMatchObject({ code: 'file_malformed' });
  });

  it('may be empty, and any size below the limit', async () => {
    for (const size of [0, 1, 4095, 4096, 10_000]) {
      await writeFile(path, Buffer.alloc(size, 7));
      const content = Buffer.from(await read({ maxBytes: 2 ** 20 }));
      expect(content.equals(Buffer.alloc(size, 7))).toBe(true);
    }
  });

  it.runIf(process.platform === 'linux')('is read although its size says otherwise', async () => {
    // Those of /proc say 0, those of /sys 4096, whatever is in them.
    const limit = { maxBytes: 1024 };
    const version = Buffer.from(await readLocalFile('/proc/version', limit)).toString();
    expect(version).toMatch(/^Linux version .*\n$/);
    expect(await readLocalFile('/sys/kernel/uevent_seqnum', limit)).not.toHaveLength(4096);
    const small = readLocalFile('/proc/version', { maxBytes: 5 });
    await expect(small).rejects.toThrow('/proc/version is larger than 5 bytes');
  });

  it('is refused as a FIFO, which nobody waits for', async () => {
    execFileSync('mkfifo', ['-m', '600', path]);
    await expect(read()).rejects.toEqual(refused('file_malformed'));
    await expect(read({ secret: true })).rejects.toEqual(refused('file_unsafe'));
  });

  it('is read through a link unless it is told not to', async () => {
    await writeFile(join(folder, 'elsewhere'), 'x', { mode: 0o600 });
    await symlink('elsewhere', path);
    expect(await read({ secret: true })).toEqual(utf8('x'));
    await expect(read({ noLink: true })).rejects.toEqual(refused('file_malformed'));
    const both = { noLink: true, secret: true };
    await expect(read(both)).rejects.toEqual(refused('file_unsafe'));
  });

  it.each([0o644, 0o640, 0o602, 0o660])('a secret with mode %o is refused', async (mode) => {
    await writeFile(path, 'x');
    await chmod(path, mode);
    await expect(read({ secret: true })).rejects.toMatchObject({ code: 'file_unsafe' });
    await expect(read({ secret: true })).rejects.toThrow(`run chmod 600 ${path}`);
  });
  it.runIf(process.getuid?.() === 0)('a secret of another user is refused', async () => {
    await writeFile(path, 'x', { mode: 0o600 });
    await chown(path, 65534, 65534);
    expect(await read()).toEqual(utf8('x'));
    await expect(read({ secret: true })).rejects.toMatchObject({ code: 'file_unsafe' });
  });
  it('a secret of ours is read', async () => {
    await writeFile(path, 'x', { mode: 0o600 });
    expect(await read({ secret: true })).toEqual(utf8('x'));
  });
  it('names what is missing or no file', async () => {
    await expect(read()).rejects.toMatchObject({ code: 'file_missing' });
    await mkdir(path);
    await expect(read()).rejects.toMatchObject({ code: 'file_malformed' });
  });
  it('names a socket, and a name that is too long', async () => {
    const server = createServer().listen(path);
    await once(server, 'listening');
    await expect(read()).rejects.toMatchObject({ code: 'file_malformed' });
    server.close();
    const long = readLocalFile('x'.repeat(300), { maxBytes: 1 });
    await expect(long).rejects.toMatchObject({ code: 'usage' });
  });
});
