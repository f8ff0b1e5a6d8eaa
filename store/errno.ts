import { constants } from 'node:os';

/** libuv has no name for it. */
const NAMELESS_EDQUOT = `Unknown system error -${constants.errno.EDQUOT}`;

/** The code of a system error, such as `ENOENT`; undefined for anything else that was thrown. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string') return undefined;
  return code === NAMELESS_EDQUOT ? 'EDQUOT' : code;
}
