import stringWidth from 'string-width';

/**
 * A line as rows of a terminal that is so many columns wide. A terminal breaks a longer line itself,
 * and the rest of it would begin a row as a line of ours does: a node could count the columns, and
 * write a header or another line of its file there. A word that fits into a row is not cut, but in a
 * content: a row of that is full.
 * @param line escaped, perhaps with colours; `| ` stands before a content, and no line of one goes on
 *   with `>`
 */
export function fold(line: string, columns: number): string[] {
  // No character takes more than a tab.
  if (line.length * TAB <= columns) return [line];
  const isContent = line.startsWith('| ');
  const before = isContent ? '| > ' : '    > ';
  /** Whether a word of which so much has been is whole in a row of its own. */
  const fits = (cells: number, rest: string): boolean =>
    before.length + cells + stringWidth(/^[^ ]*/.exec(rest)![0]) <= columns;
  const rows: string[] = [];
  let [row, width] = ['', 0];
  /** Where in the row its last word begins, behind another, and how wide it is so far. */
  let word: { readonly at: number; cells: number } | undefined;
  for (const { 0: part, index } of line.matchAll(PART)) {
    const cells = cellsOf(part);
    if (width + cells > columns && row !== '' && row !== before) {
      const moved = word !== undefined && fits(word.cells, line.slice(index)) ? word : undefined;
      const at = moved?.at ?? row.length;
      rows.push(row.slice(0, at));
      [row, width] = [before + row.slice(at), before.length + (moved?.cells ?? 0)];
      word = undefined;
    }
    row += part;
    width += cells;
    if (part !== ' ') {
      if (word !== undefined) word.cells += cells;
    } else if (!isContent && row !== before && row.trim() !== '') {
      word = { at: row.length, cells: 0 };
    }
  }
  return [...rows, row];
}

/** A colour of ours, or a character with the marks that stand on it. */
const PART = /\x1b\[[\d;]*m|.\p{M}*/gsu;

/** At most: up to the next stop. */
const TAB = 8;

function cellsOf(part: string): number {
  if (part === '\t') return TAB;
  return /^[ -~]$/.test(part) ? 1 : stringWidth(part);
}
