import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../bundle/index.ts';
import { createFile, readLocalFile, replaceFile } from './files.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coatcheck-files-'));
  path = join(folder, 'file');
});
afterEach(() => rm(folder, { recursive: true }));

describe('createFile', () => {
  it('writes the bytes with the mode, whatever the umask', async () => {
    await createFile(path, utf8('x'), 0o666);
    expect(await readFile(path, 'utf8')).toBe('x');
    expect((await stat(path)).mode & 0o777).toBe(0o666);
  });
  it('never overwrites, follows no link, and leaves nothing beside', async () => {
    await symlink(join(folder, 'elsewhere'), path);
    await expect(createFile(path, utf8('x'), 0o600)).rejects.toMatchObject({ code: 'file_exists' });
    expect(await readdir(folder)).toEqual(['file']);
  });
  it('names a missing folder', () =>
    expect(createFile(join(folder, 'no/file'), utf8('x'), 0o600)).rejects.toMatchObject({
      code: 'file_missing',
    }));
  it.runIf(process.platform === 'linux')('says that the disk is full', () =>
    expect(createFile('/proc/coatcheck', utf8('x'), 0o600)).rejects.toThrow(),
  );
});

describe('replaceFile', () => {
  it('replaces in one step and leaves nothing beside', async () => {
    await writeFile(path, 'old');
    await replaceFile(path, utf8('new'), 0o600);
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['file']);
  });
});

describe('readLocalFile', () => {
  const read = (options: { maxBytes?: number; secret?: boolean } = {}) =>
    readLocalFile(path, { maxBytes: 10, ...options });
  it('reads up to the limit and not one byte more', async () => {
    await writeFile(path, '0123456789');
    expect(await read()).toHaveLength(10);
    await writeFile(path, '0123456789a');
    await expect(read()).rejects.toMatchObject({ code: 'file_malformed' });
  });
  it.each([0o644, 0o640, 0o602, 0o660])('a secret with mode %o is refused', async (mode) => {
    await writeFile(path, 'x');
    await chmod(path, mode);
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
