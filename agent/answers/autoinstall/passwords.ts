import { ACCOUNT_FILES, formatEntries, parseEntries } from '../../../protocol/accounts.ts';
import type { AccountFile, Entry } from '../../../protocol/accounts.ts';
import type { AccountTexts } from '../../apply/merge.ts';
import type { Answers } from '../cmdline/answers.ts';

const ADMIN = 'admin';
/** Whoever is in one of these may use sudo, where the image says so. */
const ADMINS = ['sudo', 'wheel'];

/**
 * The entries of `root` and `admin` for their crypted passwords, by account file; they are merged
 * with the machine's own when they are applied (docs/adr/0051-merge-accounts-by-name.md). `admin` is
 * made where the image has no such account: with a number and a group of its own, and in the group
 * of those who may use sudo.
 *
 * The password need not be changed at the first login, as oVirt Node had it: a machine without a
 * disk would ask for that at every boot (docs/adr/0103-passwords-do-not-expire.md).
 *
 * @param image the account files as the image has them
 */
export function accountEntries({ rootpw, adminpw }: Answers, image: AccountTexts): AccountTexts {
  const made: Partial<Record<AccountFile, Entry[]>> = {};
  const add = (file: AccountFile, entry: Entry): void => {
    made[file] = [...(made[file] ?? []), entry];
  };
  const own = (file: AccountFile, name: string): Entry | undefined =>
    parseEntries(image[file] ?? '').find(
      (entry) => entry[0] === name && entry.length === ACCOUNT_FILES[file],
    );
  const setPassword = (user: Entry, hash: string): void => {
    const name = user[0]!;
    const shadow = own('etc/shadow', name) ?? [name, ...Array<string>(8).fill('')];
    add('etc/shadow', shadow.with(1, hash));
    // Anything but an x is itself the password, and the shadow is not looked at.
    if (user[1] !== 'x' || own('etc/passwd', name) === undefined) {
      add('etc/passwd', user.with(1, 'x'));
    }
  };

  if (rootpw !== undefined) {
    const root = ['root', 'x', '0', '0', 'root', '/root', '/bin/sh'];
    setPassword(own('etc/passwd', 'root') ?? root, rootpw);
  }
  if (adminpw !== undefined) {
    const existing = own('etc/passwd', ADMIN);
    if (existing === undefined) {
      const id = freeId(image);
      const group = own('etc/group', ADMIN);
      if (group === undefined) add('etc/group', [ADMIN, 'x', id, '']);
      const admins = ADMINS.map((name) => own('etc/group', name)).find(Boolean);
      if (admins !== undefined) add('etc/group', admins.with(3, ADMIN));
      const gid = group?.[2] ?? id;
      const shell = own('etc/passwd', 'root')?.[6] ?? '/bin/sh';
      setPassword([ADMIN, 'x', id, gid, '', `/home/${ADMIN}`, shell], adminpw);
    } else {
      setPassword(existing, adminpw);
    }
  }
  const texts = Object.entries(made).map(([file, entries]) => [file, formatEntries(entries)]);
  return Object.fromEntries(texts) as AccountTexts;
}

/** The first number from 1000 that no user and no group has, also none as its own group. */
function freeId({ 'etc/passwd': users = '', 'etc/group': groups = '' }: AccountTexts): string {
  const numbers = [
    ...parseEntries(users).flatMap((user) => [user[2], user[3]]),
    ...parseEntries(groups).map((group) => group[2]),
  ];
  const taken = new Set(numbers.map(Number));
  let id = 1000;
  while (taken.has(id)) id++;
  return String(id);
}
