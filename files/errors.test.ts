import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { fail } from '../protocol/errors.ts';
import { errnoOf, FileFault, fileError, isMissing, naming, treeError } from './errors.ts';

describe('a quota that is used up', () => {
  /** As Node gives it: libuv has no name for the number. */
  const error = Object.assign(new Error('Unknown system error -122, write'), {
    code: `Unknown system error -${constants.errno.EDQUOT}`,
    errno: -constants.errno.EDQUOT,
    syscall: 'write',
  });

  it('is known as one, in the store, the agent and the command', () => {
    expect(errnoOf(error)).toBe('EDQUOT');
    const full = { code: 'disk_full', message: expect.stringContaining('/x') as string };
    expect(treeError(error, '/x')).toMatchObject(full);
    expect(fileError(error, '/x')).toMatchObject(full);
  });
});

const failed = (code: string): Error => Object.assign(new Error(`${code}: no`), { code });

describe('what the system says of a path', () => {
  it.each([
    ['ENOENT', 'file_missing', 'file_missing', '/x does not exist'],
    ['ENOTDIR', 'file_missing', 'path_refused', '/x lies behind something that is not a folder'],
    ['EEXIST', 'file_exists', 'file_exists', '/x exists already, and is never overwritten'],
    ['EACCES', 'file_denied', 'file_denied', '/x may not be read or written by this user'],
    ['EROFS', 'file_denied', 'file_denied', '/x is on a read-only filesystem'],
    ['ENOSPC', 'disk_full', 'disk_full', '/x does not fit: the disk is full'],
    ['ELOOP', 'file_malformed', 'path_refused', '/x is a link, or lies behind one'],
    ['EISDIR', 'file_malformed', 'path_refused', '/x is a folder'],
    ['EBUSY', 'file_denied', 'path_refused', '/x is in use by the system, as a mount point is'],
    ['ENAMETOOLONG', 'usage', 'path_refused', '/x is too long for a path'],
  ])('%s is %s where a person named it, %s in a tree', (errno, named, inTree, message) => {
    const cause = failed(errno);
    expect(fileError(cause, '/x')).toMatchObject({ code: named, message, cause });
    expect(treeError(cause, '/x')).toMatchObject({ code: inTree, message, cause });
    expect(isMissing(cause)).toBe(named === 'file_missing');
  });

  it('is what is wrong with a file, too', () => {
    const large = FileFault.tooLarge(10);
    const message = '/x is larger than 10 bytes';
    expect(fileError(large, '/x')).toMatchObject({ code: 'file_malformed', message });
    expect(treeError(large, '/x')).toMatchObject({ code: 'too_large', message });
  });

  it('passes on what is ours already, and what is no word of the system', () => {
    for (const error of [fail('file_missing', '/y does not exist'), failed('EWHAT'), 'text']) {
      expect(fileError(error, '/x')).toBe(error);
      expect(treeError(error, '/x')).toBe(error);
    }
    expect(errnoOf(fail('file_missing', 'x'))).toBeUndefined();
    const missing = (): never => {
      throw failed('ENOENT');
    };
    expect(() => naming('etc/x', missing)).toThrow('etc/x does not exist');
    expect(naming('etc/x', () => 1)).toBe(1);
  });
});
