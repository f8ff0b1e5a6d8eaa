import { escapeLine } from '../../protocol/escape.ts';

/** What every console shows, a serial line too, which has no size. */
const COLUMNS = 80;
const INDENT = '  ';

/**
 * A line for a console, escaped, in parts of at most 79 characters: some terminals begin a new line after
 * the last column, and some do not. It is broken at spaces, and a longer word where it has to be; what follows
 * stands two columns further in. A letter counts as one column.
 */
export function fold(line: string): string[] {
  const width = COLUMNS - 1;
  const parts: string[] = [];
  let rest = escapeLine(line);
  const indent = `${/^ */.exec(rest)![0]}${INDENT}`.slice(0, COLUMNS / 2);
  while (rest.length > width) {
    const begins = parts.length === 0 ? indent.length - INDENT.length : indent.length;
    const space = rest.lastIndexOf(' ', width);
    const end = space > begins ? space : width;
    parts.push(rest.slice(0, end).trimEnd());
    rest = indent + rest.slice(end).trimStart();
  }
  return [...parts, rest];
}
