/** The files of accounts, with the number of fields of a line (passwd(5), shadow(5), ...): merged by entry. */
export const ACCOUNT_FILES = {
  'etc/passwd': 7,
  'etc/shadow': 9,
  'etc/group': 4,
  'etc/gshadow': 4,
} as const;
/** Path of one of the files in {@link ACCOUNT_FILES}. */
export type AccountFile = keyof typeof ACCOUNT_FILES;

/** Whether a path is that of one of the files in {@link ACCOUNT_FILES}. */
export function isAccountFile(path: string): path is AccountFile {
  return Object.hasOwn(ACCOUNT_FILES, path);
}

/** One line, split at its colons; field 0 is the name that it is merged by. */
export type Entry = readonly string[];

/** A number that names a user or a group: 32 bits, and not the last, which means "none". */
const MAX_ID = 0xffff_fffe;
/** Which fields are numbers. */
const NUMBERS: Readonly<Partial<Record<AccountFile, readonly number[]>>> = {
  'etc/passwd': [2, 3],
  'etc/group': [2],
};

/** Whether a line of an account file holds an entry: the C library passes over blanks and comments. */
export const isEntry = (line: string): boolean => !/^[ \t\v\f\r]*(#|$)/.test(line);

/** A line that asks another service, as NIS: `+`, `-`, `+@admins::::::`. What comes after it counts less. */
export const asksElsewhere = (line: string): boolean => /^[+-]/.test(line);

/** The lines of a text, without the empty one behind the last line break. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** The entries of one of the files, whatever they look like. */
export const parseEntries = (text: string): Entry[] =>
  linesOf(text)
    .filter(isEntry)
    .map((line) => line.split(':'));

/** The text of entries, as {@link parseEntries} reads it: a line each. */
export function formatEntries(entries: Iterable<Entry>): string {
  return [...entries].map((entry) => `${entry.join(':')}\n`).join('');
}

/** What is wrong with a file that a machine shall take. */
export interface FileFault {
  readonly path: string;
  /** from 1; absent where it is the whole file */
  readonly line?: number;
  /** goes on after path and line; never what is in the file */
  readonly why: string;
}

/** The entries of an account file that count, and what is wrong with the others. */
export interface ReadEntries {
  readonly entries: readonly Entry[];
  readonly faults: readonly FileFault[];
}

/**
 * Reads an account file of a bundle. A line that is there twice counts once; a name that is there
 * with different fields is a fault, and so is a line that the C library would take for another, or
 * for none. A faulty line that the machine has too, byte for byte, is the machine's: it is neither.
 *
 * @param text byte for byte, each a character: what people are called is not always UTF-8
 * @param own the machine's lines
 */
export function readEntries(
  path: AccountFile,
  text: string,
  own: ReadonlySet<string> = new Set(),
): ReadEntries {
  const first = new Map<string, { readonly line: string; readonly at: number }>();
  const entries: Entry[] = [];
  const faults: FileFault[] = [];
  for (const [i, line] of linesOf(text).entries()) {
    if (!isEntry(line)) continue;
    const entry = line.split(':');
    const name = entry[0]!;
    const before = first.get(name);
    if (before?.line === line) continue;
    const why =
      before === undefined
        ? faultOf(path, line, entry)
        : `names the account or group of line ${before.at} again, with other fields: remove one of the two`;
    if (why === undefined) {
      entries.push(entry);
      first.set(name, { line, at: i + 1 });
    } else if (!own.has(line)) faults.push({ path, line: i + 1, why });
  }
  return { entries, faults };
}

function faultOf(path: AccountFile, line: string, entry: Entry): string | undefined {
  if (/[\0\r]/.test(line)) return 'holds a carriage return or a NUL byte: remove it';
  if (asksElsewhere(line)) return undefined;
  const fields = ACCOUNT_FILES[path];
  if (entry.length !== fields) {
    return `has ${entry.length} fields, and ${fields} belong there: look for a colon too many or too few`;
  }
  const name = nameFault(entry[0]!);
  if (name !== undefined) return name;
  const isId = (text: string): boolean => /^[0-9]{1,10}$/.test(text) && Number(text) <= MAX_ID;
  if ((NUMBERS[path] ?? []).every((at) => isId(entry[at]!))) return undefined;
  return `has something else than a number up to ${MAX_ID} where the number belongs`;
}

/** Why no account or group can be called so: the C library would read another name, or none. */
function nameFault(name: string): string | undefined {
  if (name === '') return 'has no name';

  if (/[\0-\x1f\x7f]/.test(name)) return 'has a name with a control character';
  if (name.startsWith(' ')) return 'begins with white space';
  return /^[0-9]+$/.test(name) ? 'has a number alone for a name, which means a number' : undefined;
}
