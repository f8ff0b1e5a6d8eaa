import stringWidth from 'string-width';
import type { Terminal } from './terminal.ts';

/**
 * Rows as lines whose columns begin under one another, two spaces apart. The caller has escaped the
 * cells (escape.ts).
 */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat(widths[column]! - stringWidth(cell)),
      )
      .join('  ')
      .trimEnd(),
  );
}

/**
 * A table for a terminal of so many columns, as lines for each row, the head's first. Columns that do not
 * fit stand below their row, named, unless there is nothing in them (`-`); no cell is cut. Without
 * `columns` all fit.
 */
export function tableWithin(rows: readonly (readonly string[])[], columns = Infinity): string[][] {
  const [head = []] = rows;
  let fits = 0;
  for (let width = 0; fits < head.length; fits++) {
    width += Math.max(...rows.map((row) => stringWidth(row[fits] ?? ''))) + (fits > 0 ? 2 : 0);
    if (width > columns) break;
  }
  fits = Math.max(fits, 1);
  const lines = table(rows.map((row) => row.slice(0, fits)));
  return rows.map((row, i) => [
    lines[i]!,
    ...(i === 0 ? [] : row.slice(fits))
      .map((cell, j) => [head[fits + j]!.toLowerCase(), cell] as const)
      .filter(([, cell]) => cell !== '-')
      .map(([name, cell]) => `  ${name}: ${cell}`),
  ]);
}

/** Prints {@link tableWithin} the terminal. @param below what stands behind the lines of a row, by its index */
export function printTable(
  { print, style, columns }: Pick<Terminal, 'print' | 'style' | 'columns'>,
  [head, ...rows]: readonly [readonly string[], ...(readonly string[])[]],
  below: (row: number) => readonly string[] = () => [],
): void {
  const [titles = [], ...blocks] = tableWithin([head, ...rows], columns);
  for (const line of titles) print(style.dim(line));
  blocks.forEach((lines, i) => {
    for (const line of [...lines, ...below(i)]) print(line);
  });
}
