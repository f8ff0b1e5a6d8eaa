import { ACCOUNT_FILES, checkedEntries, formatEntries, parseEntries } from './accounts.ts';
import type { AccountFile, Entry } from './accounts.ts';
import { assignNumbers, isSystem } from './numbers.ts';

const FILES = Object.keys(ACCOUNT_FILES) as AccountFile[];

/** The text of each account file; absent where there is no such file. */
export type AccountTexts = Partial<Record<AccountFile, string>>;

/**
 * For each entry that a bundle put in or changed: the machine's own line, or null where it had
 * none. By file and name.
 */
export type Originals = Readonly<
  Partial<Record<AccountFile, Readonly<Record<string, string | null>>>>
>;

/** The three sides of a merge of the account files. */
export interface MergeInput {
  /** As they are on the disk now. */
  readonly current: AccountTexts;
  /** As the bundle has them; a file that it lacks adds nothing and takes nothing away. */
  readonly bundle: AccountTexts;
  /** What is known of entries that bundles before this one put in. */
  readonly originals: Originals;
}

/** What a merge comes to. */
export interface Merged {
  /** The new text of each file that the bundle has, or that an earlier one changed. */
  readonly texts: AccountTexts;
  /** The originals, with those of this bundle's entries: keep them before anything is written. */
  readonly originals: Originals;
}

/**
 * Merges `passwd`, `shadow` and `group` by entry (docs/adr/0051):
 *
 * - An entry that only the machine has stays. One that an earlier bundle brought and this one lacks
 *   goes back to the image's, or is removed.
 * - A system account that the machine has keeps the machine's numbers: an image upgrade renumbers
 *   them, and the image's own files go by them. A person's numbers are the bundle's.
 * - A system account that only the bundle has keeps its number, unless the machine gave that number
 *   to another name: then it gets the highest free one.
 * - A group's members are those of both sides. All other fields are the bundle's.
 *
 * Doing it twice gives the same as doing it once.
 *
 * @throws path_refused for a malformed entry in the bundle
 */
export function mergeAccounts(input: MergeInput): Merged {
  const base = (file: AccountFile): Map<string, Entry> => withoutBundles(file, input);
  const bundle = (file: AccountFile): Entry[] => checkedEntries(file, input.bundle[file] ?? '');

  const groups = bundle('etc/group');
  const gids = assignNumbers(base('etc/group'), groups);
  const users = bundle('etc/passwd');
  const uids = assignNumbers(base('etc/passwd'), users);
  const groupNames = new Map(groups.map((group) => [group[2], group[0]!]));

  const passwd = overlay(base('etc/passwd'), users, (user, own) => {
    const uid = uids.get(user[0]!);
    if (uid === undefined) return user;
    const groupName = groupNames.get(user[3]);
    const gid = own !== undefined && own[2] === uid && isSystem(uid) ? own[3] : undefined;
    const translated = groupName === undefined ? undefined : gids.get(groupName);
    return replaceFields(user, { 2: uid, 3: gid ?? translated ?? user[3]! });
  });
  const group = overlay(base('etc/group'), groups, (entry, own) => {
    const gid = gids.get(entry[0]!);
    if (gid === undefined) return entry;
    return replaceFields(entry, { 2: gid, 3: union(own?.[3] ?? '', entry[3]!) });
  });
  const shadow = overlay(base('etc/shadow'), bundle('etc/shadow'), (entry) => entry);

  const merged = { 'etc/passwd': passwd, 'etc/shadow': shadow, 'etc/group': group };
  const texts: AccountTexts = {};
  for (const file of FILES) {
    if (input.bundle[file] === undefined && input.originals[file] === undefined) continue;
    texts[file] = formatEntries(merged[file].values());
  }
  return { texts, originals: withNewOriginals(input) };
}

/** Without the entries that the bundle lacks: once it is applied, they are the machine's own. */
export function prunedOriginals(originals: Originals, bundle: AccountTexts): Originals {
  return perFile((file) => {
    const names = new Set(parseEntries(bundle[file] ?? '').map((entry) => entry[0]));
    const kept = Object.entries(originals[file] ?? {}).filter(([name]) => names.has(name));
    return kept.length === 0 ? undefined : Object.fromEntries(kept);
  });
}

function withNewOriginals(input: MergeInput): Originals {
  return perFile((file) => {
    const known = input.originals[file];
    if (input.bundle[file] === undefined) return known;
    const current = byName(parseEntries(input.current[file] ?? ''));
    const added = parseEntries(input.bundle[file])
      .map((entry) => entry[0]!)
      .map((name) => [name, current.get(name)?.join(':') ?? null] as const);
    return { ...Object.fromEntries(added), ...known };
  });
}

function perFile(
  of: (file: AccountFile) => Readonly<Record<string, string | null>> | undefined,
): Originals {
  const entries = FILES.map((file) => [file, of(file)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** What the machine would have if no bundle had ever been applied to it, in the order it has. */
function withoutBundles(file: AccountFile, input: MergeInput): Map<string, Entry> {
  const originals = new Map(Object.entries(input.originals[file] ?? {}));
  const base = new Map<string, Entry>();
  for (const [name, entry] of byName(parseEntries(input.current[file] ?? ''))) {
    const original = originals.get(name);
    if (original === undefined) base.set(name, entry);
    else if (original !== null) base.set(name, original.split(':'));
  }
  return base;
}

function byName(entries: readonly Entry[]): Map<string, Entry> {
  const map = new Map<string, Entry>();
  // The system's look-up takes the first of a name.
  for (const entry of entries) if (!map.has(entry[0]!)) map.set(entry[0]!, entry);
  return map;
}

function overlay(
  base: ReadonlyMap<string, Entry>,
  entries: readonly Entry[],
  combine: (entry: Entry, own: Entry | undefined) => Entry,
): Map<string, Entry> {
  const merged = new Map(base);
  for (const entry of entries) merged.set(entry[0]!, combine(entry, base.get(entry[0]!)));
  return merged;
}

function replaceFields(entry: Entry, fields: Readonly<Record<number, string>>): Entry {
  return entry.map((field, i) => fields[i] ?? field);
}

/** Two comma-separated lists of members as one, without repetition. */
function union(a: string, b: string): string {
  return [...new Set(`${a},${b}`.split(',').filter((name) => name !== ''))].join(',');
}
