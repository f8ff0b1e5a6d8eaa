import fs from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withTemporaryFolder } from '../tests/support/temporary-folder.ts';
import { utf8 } from '../bundle/index.ts';
import { later, now } from './calls.ts';
import type { Steps } from './calls.ts';
import { discard, stageFile } from './own-file.ts';
import { ownerOf } from './own-name.ts';
import { notFinished, removeUnfinished } from './unfinished.ts';
import {
  createFile,
  exists,
  makeFolder,
  making,
  placing,
  renameFile,
  replaceFile,
} from './write.ts';

let folder: string;
let path: string;
withTemporaryFolder('files', (made) => ([folder, path] = [made, join(made, 'file')]));

const modeOf = async (file: string): Promise<number> => (await stat(file)).mode & 0o7777;

/** Both ways to do what is written once. */
const WAYS: readonly [string, <T>(steps: Steps<T>) => Promise<T>][] = [
  ['on another thread', later],
  ['before it returns', async (steps) => now(steps)],
];

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
  it.each([createFile, replaceFile])('names a missing folder', (write) =>
    expect(write(join(folder, 'no/file'), utf8('x'), 0o600)).rejects.toMatchObject({
      code: 'file_missing',
      message: expect.stringContaining(`the folder ${join(folder, 'no')} does not exist`) as string,
    }),
  );
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
  it('takes the place of a link, and leaves alone where it led', async () => {
    await writeFile(join(folder, 'elsewhere'), 'old');
    await symlink('elsewhere', path);
    await replaceFile(path, utf8('new'), 0o600);
    expect(await readFile(join(folder, 'elsewhere'), 'utf8')).toBe('old');
    expect(await readFile(path, 'utf8')).toBe('new');
  });
  it('names a folder in its way, and leaves nothing beside', async () => {
    await mkdir(path);
    const refused = replaceFile(path, utf8('new'), 0o600);
    await expect(refused).rejects.toMatchObject({ code: 'file_malformed' });
    expect(await readdir(folder)).toEqual(['file']);
  });
});

describe.runIf(process.platform === 'linux')('a file system that cannot sync', () => {
  /** For a folder only, or for files as well. */
  function refusing(files: boolean): () => void {
    const { fsync } = fs;
    const error = Object.assign(new Error('EINVAL'), { code: 'EINVAL' });
    fs.fsync = ((fd: number, done: (error: Error | null) => void) =>
      files || fs.fstatSync(fd).isDirectory() ? done(error) : fsync(fd, done)) as typeof fsync;
    syncBuiltinESMExports();
    return () => {
      fs.fsync = fsync;
      syncBuiltinESMExports();
    };
  }
  const says = (path: string) =>
    expect.objectContaining({
      code: 'file_denied',
      message: expect.stringMatching(`^${path} may be gone .*EINVAL`) as string,
    }) as Error;

  it('names the folder, and leaves what was there and nothing else', async () => {
    await writeFile(join(folder, 'old'), 'old');
    const end = refusing(false);
    try {
      await expect(createFile(path, utf8('x'), 0o600)).rejects.toEqual(says(folder));
      await expect(replaceFile(path, utf8('x'), 0o600)).rejects.toEqual(says(folder));
      await expect(replaceFile(join(folder, 'old'), utf8('x'), 0o600)).rejects.toEqual(
        says(folder),
      );
      await expect(makeFolder(join(folder, 'a/b/c'))).rejects.toEqual(says(join(folder, 'a/b')));
    } finally {
      end();
    }
    expect(await readdir(folder)).toEqual(['old']);
    expect(await readFile(join(folder, 'old'), 'utf8')).toBe('old');
  });

  it('leaves a file that another program made where it is, and what has its name', async () => {
    const made = join(folder, 'made');
    await writeFile(made, 'new');
    await writeFile(path, 'old');
    for (const files of [false, true]) {
      const end = refusing(files);
      try {
        await expect(renameFile(made, path)).rejects.toMatchObject({ code: 'file_denied' });
      } finally {
        end();
      }
      expect((await readdir(folder)).toSorted()).toEqual(['file', 'made']);
      expect(await readFile(path, 'utf8')).toBe('old');
    }
    await renameFile(made, path);
    expect(await readdir(folder)).toEqual(['file']);
    expect(await readFile(path, 'utf8')).toBe('new');
  });

  it('names the file, where even that cannot be synced', async () => {
    const end = refusing(true);
    try {
      await expect(createFile(path, utf8('x'), 0o600)).rejects.toEqual(says(path));
    } finally {
      end();
    }
    expect(await readdir(folder)).toEqual([]);
  });
});

describe.each(WAYS)('a new file, written %s', (_, run) => {
  it('has exactly its mode under any umask', async () => {
    for (const umask of [0, 0o777]) {
      const before = process.umask(umask);
      try {
        await run(making(path, utf8('x'), { mode: 0o640 }));
      } finally {
        process.umask(before);
      }
      expect(await modeOf(path)).toBe(0o640);
      await rm(path);
    }
  });
  it('is not there if it could not be written whole', async () => {
    const { fsync, fsyncSync } = fs;
    const full = Object.assign(new Error('full'), { code: 'ENOSPC' });
    Object.assign(fs, {
      fsync: (_: number, done: (error: Error) => void) => done(full),
      fsyncSync: () => {
        throw full;
      },
    });
    syncBuiltinESMExports();
    try {
      await expect(run(making(path, utf8('x'), { mode: 0o600 }))).rejects.toBe(full);
      await writeFile(path, 'old');
      const replacing = run(placing(path, utf8('new'), { mode: 0o600 }, 'rename'));
      await expect(replacing).rejects.toBe(full);
    } finally {
      Object.assign(fs, { fsync, fsyncSync });
      syncBuiltinESMExports();
    }
    expect(await readdir(folder)).toEqual(['file']);
    expect(await readFile(path, 'utf8')).toBe('old');
  });
  it('is never another that was there', async () => {
    await writeFile(path, 'old');
    await expect(run(making(path, utf8('x'), { mode: 0o600 }))).rejects.toThrow('EEXIST');
    expect(await readFile(path, 'utf8')).toBe('old');
  });
});

describe('a staged file', () => {
  it('is named for this process as long as it is in use', async () => {
    const staged = await stageFile(folder, utf8('x'));
    const [name] = await readdir(folder);
    expect(staged).toBe(join(folder, name!));
    expect(await modeOf(staged)).toBe(0o600);
    expect(ownerOf(name!)).toBe('alive');
    await discard(staged);
    expect(ownerOf(name!)).toBe('dead');
    expect(await readdir(folder)).toEqual([]);
    await discard(staged);
  });
});

describe('makeFolder', () => {
  it('makes what is missing for its owner alone, and takes what is there', async () => {
    const deep = join(folder, 'a', 'b');
    await makeFolder(deep);
    expect([await modeOf(deep), await modeOf(join(folder, 'a'))]).toEqual([0o700, 0o700]);
    await makeFolder(deep);
    await writeFile(path, '');
    await expect(makeFolder(path)).rejects.toMatchObject({ code: 'file_exists' });
    await expect(makeFolder(join(path, 'x'))).rejects.toMatchObject({ code: 'file_missing' });
  });
});

describe('exists', () => {
  it('is true of whatever has the name', async () => {
    expect(await exists(path)).toBe(false);
    expect(await exists(join(path, 'below'))).toBe(false);
    await symlink('nowhere', path);
    expect(await exists(path)).toBe(true);
    await rm(path);
    await writeFile(path, '');
    expect(await exists(join(path, 'below'))).toBe(false);
  });
});

describe('what is not finished', () => {
  it('is removed when the process is interrupted, and what is finished is not', async () => {
    await mkdir(path);
    notFinished(path);
    await writeFile(join(folder, 'done'), '');
    notFinished(join(folder, 'done'))();
    removeUnfinished();
    expect(await readdir(folder)).toEqual(['done']);
  });
});
