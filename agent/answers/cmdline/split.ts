/** One argument of the kernel's command line. */
export interface Word {
  readonly name: string;
  /** Undefined where there is no `=` */
  readonly value: string | undefined;
  /** 1 for the first character of the line */
  readonly position: number;
}

/**
 * An argument: what is between double quotes, and what is no space. The kernel takes the no-break
 * space of Latin-1 for a space, too.
 */
const ARGUMENT = /(?:"[^"]*(?:"|$)|[^"\t-\r \xa0])+/g;

/**
 * Splits a command line exactly as the kernel does (`next_arg` in lib/cmdline.c): spaces part the
 * arguments unless they are between double quotes; quotes around a value or around a whole argument
 * go, any others stay; there is no escape, and a quote that is never closed reaches to the end.
 *
 * What stands behind ` -- ` is for init, and is split too: pxelinux appends `BOOTIF=` and `ip=`
 * behind everything, and whoever else reads the line (systemd, dracut) does not stop there
 * (docs/adr/0100-the-command-line-as-the-kernel-splits-it.md).
 *
 * Total: any text has its words.
 * @param text one character for each byte (Latin-1)
 */
export function splitCommandLine(text: string): Word[] {
  return Array.from(text.matchAll(ARGUMENT), ({ 0: argument, index }) => ({
    ...parse(argument),
    position: index + 1,
  }));
}

/** The kernel takes one quote from the end, whether it closes the argument or only its value. */
function parse(argument: string): Omit<Word, 'position'> {
  const isQuoted = argument.startsWith('"');
  const text = isQuoted ? argument.slice(1) : argument;
  const unquoted = text.endsWith('"') ? text.slice(0, -1) : text;
  const equals = text.indexOf('=', 1);
  if (equals < 0) return { name: isQuoted ? unquoted : text, value: undefined };
  const name = text.slice(0, equals);
  const value = text.slice(equals + 1);
  if (!value.startsWith('"')) {
    return { name, value: isQuoted ? unquoted.slice(equals + 1) : value };
  }
  return { name, value: unquoted.slice(equals + 2) };
}

/** The words of a command line, by their names. */
export type Words = ReadonlyMap<string, readonly Word[]>;

/** Those of a name that have a value. */
export const valued = (words: Words, name: string): readonly Word[] =>
  (words.get(name) ?? []).filter(({ value }) => value);

/** The value that counts, of the last word of a name that has one. */
export const lastOf = (words: Words, name: string): string | undefined =>
  valued(words, name).at(-1)?.value;

/** Where a word is, as messages say it. */
export const place = ({ position }: Word): string =>
  ` at character ${position} of the kernel's command line`;
