import { linesOf, parseEntries } from '../../protocol/accounts.ts';

/** The text of one of the files, byte for byte: what people are called is not always UTF-8. */
export const textOf = (content: Uint8Array): string => Buffer.from(content).toString('latin1');

/** The file of such a text. */
export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

/** The text of lines, as `linesOf` reads it. */
export const textOfLines = (lines: readonly string[]): string =>
  lines.map((line) => `${line}\n`).join('');

/** The numbers of the ranges of a `subuid` or `subgid` file, both ends included. */
export function rangesOf(text: string): (readonly [from: number, to: number])[] {
  return linesOf(text).flatMap((line) => {
    const [, start, count, ...more] = line.split(':');
    const [from, length] = [Number(start), Number(count)];
    const isRange = more.length === 0 && from >= 0 && length > 0;
    return isRange ? [[from, from + length - 1] as const] : [];
  });
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
