import { escapeLine } from '../../../protocol/escape.ts';

/**
 * Text for a terminal, escaped, in lines of at most `columns` - 1: some terminals begin a new line
 * after the last column, and some do not. A word that is longer is left to the terminal.
 * A letter counts as one column: the texts are English, and a value in wide letters that goes past the last
 * column is broken by the terminal. Nothing is lined up here, as the tables of `coatcheck` are.
 */
export function wrap(text: string, columns: number): string[] {
  return text.split('\n').flatMap((line) => wrapLine(escapeLine(line), columns - 1));
}

function wrapLine(line: string, width: number): string[] {
  const indent = /^ */.exec(line)![0];
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const before = rest.lastIndexOf(' ', width);
    const space = before > indent.length ? before : rest.indexOf(' ', width);
    if (space < 0) break;
    lines.push(rest.slice(0, space));
    rest = indent + rest.slice(space + 1);
  }
  return [...lines, rest];
}
