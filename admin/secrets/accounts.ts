import { eachLine, range } from './text.ts';
import type { LineParser } from './text.ts';

/** How somebody gets into an account with a password, as crypt(5) and shadow(5) have it. */
export type Password =
  | 'empty' // no password is asked for
  | 'locked' // a hash that nothing matches, since `!` stands before it
  | 'none' // nothing that can be a hash: `*`, `!`, `x` and the like
  | 'set'; // also where no scheme is known: crypt(5) has more, and they let in as well

/** One account of shadow(5) or passwd(5), without its hash. */
export interface AccountView {
  readonly name: string;
  readonly password: Password;
  /** of the hash, as `$y$`; absent where there is none, or none that is known */
  readonly scheme?: string;
  /** days since 1970: when the password was changed, and when the account ends */
  readonly changed?: number;
  readonly expires?: number;
}

/** `!` locks. A scheme, perhaps its parameters and its salt, and the hash; or the 13 characters of DES. */
const HASH = /^(!*)(\$(?:1|2[abxy]|5|6|7|y|gy|sha1)\$)([\w./$=,+-]+)$|^(!*)()([\w./]{13})$/;

/** The second field of passwd(5), group(5), shadow(5) and gshadow(5): the hash behind its scheme. */
export const accountHashes: LineParser = eachLine((line) => {
  const [, before = '', field = ''] = /^([^:]+:)([^:]*)(?::[^:]*){1,7}$/.exec(line) ?? [];
  const found = HASH.exec(field);
  if (found === null) return undefined;
  const hash = found[3] ?? found[6]!;
  const end = before.length + field.length;
  return range(line, end - hash.length, end);
});

/**
 * The account of a line of shadow(5), with its ageing, or of passwd(5).
 * @returns undefined for a line that is none: it is shown
 */
function accountOf(line: string): AccountView | undefined {
  const [name = '', field, ...rest] = line.split(':');
  if (name === '' || field === undefined) return undefined;
  const [changed, , , , , expires] = rest.length === 7 ? rest : [];
  return {
    name,
    ...passwordOf(field),
    ...days('changed', changed),
    ...days('expires', expires),
  };
}

/** No hash begins so, and none is shorter than that of DES. */
const CANNOT_MATCH = /^(?:[!*].*|.{1,12})$/s;

function passwordOf(field: string): Pick<AccountView, 'password' | 'scheme'> {
  if (field === '') return { password: 'empty' };
  const found = HASH.exec(field);
  if (found === null) return { password: CANNOT_MATCH.test(field) ? 'none' : 'set' };
  const [locks = '', scheme = ''] = found[3] === undefined ? [found[4], ''] : [found[1], found[2]];
  return { password: locks === '' ? 'set' : 'locked', scheme: scheme === '' ? 'DES' : scheme };
}

const days = (name: 'changed' | 'expires', text: string | undefined) =>
  text !== undefined && /^\d{1,7}$/.test(text) ? { [name]: Number(text) } : {};

/** What changes about an account; at least one of `before` and `after` is there. */
export interface AccountChange {
  readonly name: string;
  readonly before?: AccountView;
  readonly after?: AccountView;
  /** Another hash, or another way in. */
  readonly passwordChanged: boolean;
}

/**
 * By account, what differs between two versions of `etc/shadow`, or who of `etc/passwd` needs no
 * password; who needs none first, then in the order of the names.
 * @returns undefined for another file
 */
export function accountChanges(
  path: string,
  before: string,
  after: string,
): AccountChange[] | undefined {
  if (path !== 'etc/shadow' && path !== 'etc/passwd') return undefined;
  const [old, now] = [linesByName(before), linesByName(after)];
  const isOpen = (name: string): boolean => now.get(name)?.split(':')[1] === '';
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return [...names.filter(isOpen), ...names.filter((name) => !isOpen(name))]
    .filter((name) => old.get(name) !== now.get(name))
    .map((name) => {
      const [a, b] = [old.get(name), now.get(name)];
      return {
        name,
        ...(a !== undefined && { before: accountOf(a)! }),
        ...(b !== undefined && { after: accountOf(b)! }),
        passwordChanged: a?.split(':')[1] !== b?.split(':')[1],
      };
    })
    .filter(({ after: then }) => path === 'etc/shadow' || then?.password === 'empty');
}

/** Of several lines of a name one without a password counts, or the first, as for the C library. */
function linesByName(text: string): Map<string, string> {
  const lines = new Map<string, string>();
  for (const line of text.split('\n')) {
    const account = accountOf(line);
    if (account === undefined) continue;
    if (!lines.has(account.name) || account.password === 'empty') lines.set(account.name, line);
  }
  return lines;
}
