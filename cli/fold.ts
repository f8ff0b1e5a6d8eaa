import stringWidth from 'string-width';

/**
 * A line as rows of a terminal that is so many columns wide. A terminal breaks a longer line itself,
 * and the rest of it would begin a row as a line of ours does: a node could count the columns, and
 * write a header or another line of its file there.
 * @param line escaped, perhaps with colours; `| ` stands before a content, and no line of one goes on
 *   with `>`
 */
export function fold(line: string, columns: number): string[] {
  // No character takes more than a tab.
  if (line.length * TAB <= columns) return [line];
  const before = line.startsWith('| ') ? '| > ' : '    > ';
  const rows: string[] = [];
  let [row, width] = ['', 0];
  for (const [part] of line.matchAll(PART)) {
    const cells = cellsOf(part);
    if (width + cells > columns && row !== '' && row !== before) {
      rows.push(row);
      [row, width] = [before, before.length];
    }
    row += part;
    width += cells;
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
