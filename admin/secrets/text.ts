/**
 * Where secrets stand in a text, so that a review can show all the rest of it. A range covers one
 * value that can be nothing but a secret: one token, in a known place of a known format, in a line
 * that the format's parser takes to its end. Whatever a parser does not take is no secret, and shown.
 */

/** A part of a line: code units from `start` to before `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Where the secret of each line is, in the order of the lines; undefined where it has none. */
export type LineParser = (lines: readonly string[]) => (Range | undefined)[];

/**
 * A reader with a buffer takes the rest of a longer line for another one, as that of iscsid.conf
 * does: in code units, and less than any reader's.
 */
export const MAX_LINE = 512;
const MAX_TOKEN = 256;

/** No white space, and nothing that is not seen. */
export const TOKEN = /^[^\s\p{C}]+$/u;

/**
 * The range of `value` where it ends `line`, but for white space.
 * @param value what `line` ends with, without white space around it
 */
export function tailOf(line: string, value: string): Range | undefined {
  const end = line.trimEnd().length;
  return range(line, end - value.length, end);
}

/** A range that is short enough to hide, in a line that is. */
export function range(line: string, start: number, end: number): Range | undefined {
  const fits = line.length <= MAX_LINE && end > start && end - start <= MAX_TOKEN;
  return fits ? { start, end } : undefined;
}

/** A parser that looks at each line by itself; one that is too long has no secret. */
export const eachLine =
  (parse: (line: string) => Range | undefined): LineParser =>
  (lines) =>
    lines.map((line) => (line.length > MAX_LINE ? undefined : parse(line)));
