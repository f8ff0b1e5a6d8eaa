import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { systemError } from '../agent/tree/system-error.ts';
import { fileError } from '../cli/files.ts';
import { errnoOf } from './errno.ts';

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
    expect(systemError(error, '/x')).toMatchObject(full);
    expect(fileError(error, '/x')).toMatchObject(full);
  });
});
