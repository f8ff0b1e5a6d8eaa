import { fail } from '../../protocol/errors.ts';

/** The three files that are merged by entry, with the number of fields of a line (passwd(5), ...). */
export const ACCOUNT_FILES = { 'etc/passwd': 7, 'etc/shadow': 9, 'etc/group': 4 } as const;
/** Path of one of the files in {@link ACCOUNT_FILES}. */
export type AccountFile = keyof typeof ACCOUNT_FILES;

/** Whether a path is that of one of the files in {@link ACCOUNT_FILES}. */
export function isAccountFile(path: string): path is AccountFile {
  return Object.hasOwn(ACCOUNT_FILES, path);
}

/** The text of one of the files, byte for byte: what people are called is not always UTF-8. */
export const textOf = (content: Uint8Array): string => Buffer.from(content).toString('latin1');

/** The file of such a text. */
export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

/** One line, split at its colons; field 0 is the name that it is merged by. */
export type Entry = readonly string[];

/** A number that names a user or a group: 32 bits, and not the last, which means "none". */
const MAX_ID = 0xffff_fffe;

/**
 * The entries of one of the files. Blank lines and comments are passed over; a line of another
 * number of fields (a NIS line such as `+`) is an entry too, as it is.
 */
export function parseEntries(text: string): Entry[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

/** The text of entries, as {@link parseEntries} reads it: a line each. */
export function formatEntries(entries: Iterable<Entry>): string {
  return [...entries].map((entry) => `${entry.join(':')}\n`).join('');
}

/**
 * The entries of an account file that comes in a bundle: every line is what the system's own tools
 * would accept, and no name is there twice.
 * @throws path_refused, naming the line but not its content
 */
export function checkedEntries(file: AccountFile, text: string): Entry[] {
  const fields = ACCOUNT_FILES[file];
  const seen = new Set<string>();
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '' || /^[#+-]/.test(line)) continue;
    const entry = line.split(':');
    const numbers =
      file === 'etc/passwd' ? [entry[2], entry[3]] : file === 'etc/group' ? [entry[2]] : [];
    const valid =
      entry.length === fields &&
      /^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$/.test(entry[0]!) &&
      numbers.every((n) => n !== undefined && /^[0-9]{1,10}$/.test(n) && Number(n) <= MAX_ID);
    if (!valid || seen.has(entry[0]!)) {
      throw fail('path_refused', `${file} in the bundle: line ${i + 1} is not a valid entry`);
    }
    seen.add(entry[0]!);
  }
  return parseEntries(text);
}

/** Numbers by name, and names by number, of one machine's users or groups. */
export interface Names {
  idOf(name: string): number | undefined;
  /** The first name with this number, as the system's own look-up gives it. */
  nameOf(id: number): string | undefined;
}

/** Reads the names of a `passwd` or `group` file; the first entry of a name or number counts. */
export function readNames(text: string): Names {
  const ids = new Map<string, number>();
  const names = new Map<number, string>();
  for (const [name, , id] of parseEntries(text)) {
    if (name === undefined || id === undefined || !/^[0-9]{1,10}$/.test(id)) continue;
    if (!ids.has(name)) ids.set(name, Number(id));
    if (!names.has(Number(id))) names.set(Number(id), name);
  }
  return { idOf: (name) => ids.get(name), nameOf: (id) => names.get(id) };
}
