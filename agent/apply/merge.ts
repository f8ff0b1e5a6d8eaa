import { ACCOUNT_FILES, asksElsewhere, isEntry, linesOf } from '../../protocol/accounts.ts';
import { parseEntries, readEntries } from '../../protocol/accounts.ts';
import type { AccountFile, Entry } from '../../protocol/accounts.ts';
import { faultText } from '../../protocol/bootable.ts';
import { fail } from '../../protocol/errors.ts';
import { textOfLines } from './accounts.ts';
import { assignNumbers, isSystem } from './numbers.ts';
import type { Reserved } from './numbers.ts';

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
  /** Numbers that no account is given: those of files without an owner here, and ranges of `subuid`. */
  readonly reserved?: Reserved;
}

/** What a merge comes to. */
export interface Merged {
  /** The new text of each file that the bundle has, or that an earlier one changed. */
  readonly texts: AccountTexts;
  /** The originals, with those of this bundle's entries: keep them before anything is written. */
  readonly originals: Originals;
}

/**
 * Merges the files of accounts by entry (docs/adr/0051):
 *
 * - An entry that only the machine has stays. One that an earlier bundle brought and this one lacks
 *   goes back to the image's, or is removed.
 * - A system account that the machine has keeps the machine's numbers: an image upgrade renumbers
 *   them, and the image's own files go by them. A person's numbers are the bundle's.
 * - A system account that only the bundle has keeps its number, unless the machine gave that number
 *   to another name: then it gets the highest free one.
 * - Members and administrators of a group are those of both sides. All other fields are the bundle's.
 * - Whatever else the machine has in such a file stays where it is, as it is: comments, lines that
 *   ask NIS, lines that are none. Only a second line that is the same is left out.
 *
 * Doing it twice gives the same as doing it once.
 *
 * @throws path_refused for what is wrong in the bundle's files, line by line; where no number is left
 */
export function mergeAccounts(input: MergeInput): Merged {
  const { reserved = [] } = input;
  const own = perFile((file) => withoutBundles(file, input));
  const base = perFile((file) => byName(own[file].filter(isEntry).map((line) => line.split(':'))));
  const bundle = checkedEntries(input, own);

  const groups = bundle['etc/group'];
  const users = bundle['etc/passwd'];
  const primary = [...base['etc/passwd'].values(), ...users].map((user) => Number(user[3]));
  const gids = assignNumbers(base['etc/group'], groups, [
    ...reserved,
    ...primary.map((gid) => [gid, gid] as const),
  ]);
  const uids = assignNumbers(base['etc/passwd'], users, reserved);
  const groupNames = new Map(groups.toReversed().map((group) => [Number(group[2]), group[0]!]));

  const combine: Record<AccountFile, Combine> = {
    'etc/passwd': (user, mine) => {
      const uid = uids.get(user[0]!);
      if (uid === undefined) return user;
      const groupName = groupNames.get(Number(user[3]));
      const gid = mine !== undefined && mine[2] === uid && isSystem(uid) ? mine[3] : undefined;
      const translated = groupName === undefined ? undefined : gids.get(groupName);
      return replaceFields(user, { 2: uid, 3: gid ?? translated ?? user[3]! });
    },
    'etc/group': (group, mine) => {
      const gid = gids.get(group[0]!);
      if (gid === undefined) return group;
      return replaceFields(group, { 2: gid, 3: union(mine?.[3], group[3]) });
    },
    'etc/gshadow': (group, mine) =>
      replaceFields(group, { 2: union(mine?.[2], group[2]), 3: union(mine?.[3], group[3]) }),
    'etc/shadow': (entry) => entry,
  };
  const texts: AccountTexts = {};
  for (const file of FILES) {
    if (input.bundle[file] === undefined && input.originals[file] === undefined) continue;
    texts[file] = textOfLines(overlay(own[file], base[file], bundle[file], combine[file]));
  }
  return { texts, originals: withNewOriginals(input, bundle) };
}

type Combine = (entry: Entry, own: Entry | undefined) => Entry;

/** @throws path_refused */
function checkedEntries(
  { bundle }: MergeInput,
  own: Readonly<Record<AccountFile, readonly string[]>>,
): Record<AccountFile, readonly Entry[]> {
  const read = perFile((file) => readEntries(file, bundle[file] ?? '', new Set(own[file])));
  const faults = FILES.flatMap((file) => read[file].faults);
  if (faults.length > 0) {
    throw fail('path_refused', `in the bundle: ${faults.map(faultText).join('; ')}`);
  }
  return perFile((file) => read[file].entries);
}

/**
 * Pairs of an account of the bundle and another of the machine that go by one number, as people may:
 * those numbers are nobody's choice.
 */
export function sharedNumbers(current: AccountTexts, bundle: AccountTexts): string[] {
  return (['etc/passwd', 'etc/group'] as const).flatMap((file) => {
    const theirs = byName(parseEntries(bundle[file] ?? ''));
    const mine = byName(parseEntries(current[file] ?? ''));
    const byNumber = new Map([...mine].map(([name, entry]) => [entry[2], name]));
    return [...theirs].flatMap(([name, entry]) => {
      const other = mine.has(name) ? undefined : byNumber.get(entry[2]);
      const isOther = other !== undefined && !theirs.has(other) && !isSystem(entry[2] ?? '');
      return isOther ? [`${other} and ${name} in ${file}, ${entry[2]!}`] : [];
    });
  });
}

/** Without the entries that the bundle lacks: once it is applied, they are the machine's own. */
export function prunedOriginals(originals: Originals, bundle: AccountTexts): Originals {
  return onlyKnown((file) => {
    const names = new Set(parseEntries(bundle[file] ?? '').map((entry) => entry[0]));
    const kept = Object.entries(originals[file] ?? {}).filter(([name]) => names.has(name));
    return kept.length === 0 ? undefined : Object.fromEntries(kept);
  });
}

function withNewOriginals(
  input: MergeInput,
  bundle: Readonly<Record<AccountFile, readonly Entry[]>>,
): Originals {
  return onlyKnown((file) => {
    const known = input.originals[file];
    if (input.bundle[file] === undefined) return known;
    const current = byName(parseEntries(input.current[file] ?? ''));
    const added = bundle[file]
      .map((entry) => entry[0]!)
      .map((name) => [name, current.get(name)?.join(':') ?? null] as const);
    return { ...Object.fromEntries(added), ...known };
  });
}

function onlyKnown(
  of: (file: AccountFile) => Readonly<Record<string, string | null>> | undefined,
): Originals {
  const entries = FILES.map((file) => [file, of(file)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

const perFile = <T>(of: (file: AccountFile) => T): Record<AccountFile, T> =>
  Object.fromEntries(FILES.map((file) => [file, of(file)])) as Record<AccountFile, T>;

/** The lines that the machine would have if no bundle had ever been applied to it, each once. */
function withoutBundles(file: AccountFile, input: MergeInput): string[] {
  const originals = new Map(Object.entries(input.originals[file] ?? {}));
  const seen = new Set<string>();
  return linesOf(input.current[file] ?? '').flatMap((line) => {
    if (!isEntry(line)) return [line];
    const name = nameOf(line);
    // Only the first of a name was ever changed: it is the one that counts.
    const original = originals.get(name);
    originals.delete(name);
    const own = original === undefined ? line : original;
    if (own === null || seen.has(own)) return [];
    seen.add(own);
    return [own];
  });
}

const nameOf = (line: string): string => line.split(':', 1)[0]!;

/** The system's look-up takes the first of a name. */
const byName = (entries: readonly Entry[]): Map<string, Entry> =>
  new Map(entries.toReversed().map((entry) => [entry[0]!, entry]));

/** The machine's lines with the bundle's entries in their places, and the new ones behind them. */
function overlay(
  lines: readonly string[],
  base: ReadonlyMap<string, Entry>,
  entries: readonly Entry[],
  combine: Combine,
): string[] {
  const theirs = new Map(
    entries.map((entry) => [entry[0]!, combine(entry, base.get(entry[0]!)).join(':')]),
  );
  const placed = lines.map((line) => {
    const name = nameOf(line);
    const replacement = isEntry(line) ? theirs.get(name) : undefined;
    if (replacement === undefined) return line;
    theirs.delete(name);
    return replacement;
  });
  const added = [...theirs.values()];
  // What another service knows is looked up in its place: an account behind it might never be found.
  const elsewhere = placed.findIndex(asksElsewhere);
  const end = elsewhere < 0 ? placed.length : elsewhere;
  return [
    ...placed.slice(0, end),
    ...added.filter((line) => !asksElsewhere(line)),
    ...placed.slice(end),
    ...added.filter(asksElsewhere),
  ];
}

function replaceFields(entry: Entry, fields: Readonly<Record<number, string>>): Entry {
  return entry.map((field, i) => fields[i] ?? field);
}

/** Two comma-separated lists of members as one, without repetition. */
function union(a = '', b = ''): string {
  return [...new Set(`${a},${b}`.split(',').filter((name) => name !== ''))].join(',');
}
