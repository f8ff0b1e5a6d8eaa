import { classifyPath } from '../protocol/paths.ts';

/**
 * How much of a file is shown. `secret`: only that it changed, and how many lines. `values`: lines,
 * without the values that look like secrets. `all`: lines as they are. Files that execute are
 * always shown as they are: a command must not hide behind something that looks like a password.
 */
export type Visibility = 'secret' | 'values' | 'all';

const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----/;

export function visibilityOf(path: string, texts: readonly string[]): Visibility {
  const kind = classifyPath(path);
  if (kind === 'secret') return 'secret';
  if (kind === 'exec') return 'all';
  return texts.some((text) => PRIVATE_KEY.test(text)) ? 'secret' : 'values';
}

const SECRET_VALUE =
  /((?:password|passphrase|secret|token|psk|api[_-]?key|private[_-]?key|credential)[\w.-]*["']?\s*[:=]\s*|passwd\s*=\s*)(\S.*)$/i;

/** What stands where a secret was. */
export const MASK = '********';

/** One line of text with the value of a `password = ...` and its like masked. */
export function maskLine(line: string): string {
  return line.replace(SECRET_VALUE, `$1${MASK}`);
}
