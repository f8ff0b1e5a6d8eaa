/** One measured value. */
export interface Row {
  readonly name: string;
  /** Absent where it could not be measured; `note` says why. */
  readonly value?: number;
  /** The value over that of the suite's baseline. */
  readonly ratio?: number;
  readonly note?: string;
  /** Further columns of the table, by their headings. */
  readonly more?: Readonly<Record<string, number>>;
}

/** What the project aims at, and whether this run got there. */
export interface Aim {
  readonly text: string;
  readonly met: boolean;
}

/** Measurements that belong together, taken in one run. */
export interface Suite {
  readonly title: string;
  readonly unit: string;
  /** The row that `ratio` refers to. */
  readonly baseline?: string;
  readonly rows: readonly Row[];
  readonly aims?: readonly Aim[];
}

/** Gives every row its ratio to the row named `baseline`, where both were measured. */
export function compare(rows: readonly Row[], baseline: string): Row[] {
  const base = rows.find((row) => row.name === baseline)?.value;
  if (base === undefined) return [...rows];
  return rows.map((row) => (row.value === undefined ? row : { ...row, ratio: row.value / base }));
}

/** The ratio of the row `name`; undefined if it or the baseline was not measured. */
export const ratioOf = (rows: readonly Row[], name: string): number | undefined =>
  rows.find((row) => row.name === name)?.ratio;

/** One suite for each column of a table, the first one included: what a chart draws as panels. */
export function columnsOf(suite: Suite): Suite[] {
  const { rows, unit } = suite;
  const more = [...new Set(rows.flatMap((row) => Object.keys(row.more ?? {})))];
  const column = (heading: string, valueOf: (row: Row) => number | undefined): Suite => ({
    title: suite.title,
    unit: heading,
    rows: rows.map((row) => {
      const value = valueOf(row);
      return { name: row.name, ...(value === undefined ? {} : { value }) };
    }),
  });
  return [
    column(unit, ({ value }) => value),
    ...more.map((heading) => column(heading, (row) => row.more?.[heading])),
  ];
}

/** A number as people read it: three digits that count, thousands apart. */
export function humanNumber(value: number): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 3) });
}

/** The suites as Markdown tables, for the terminal and for docs/benchmarks.md. */
export function toMarkdown(suites: readonly Suite[]): string {
  return suites.map(suiteTable).join('\n');
}

function suiteTable({ title, unit, baseline, rows, aims = [] }: Suite): string {
  const more = [...new Set(rows.flatMap((row) => Object.keys(row.more ?? {})))];
  const ratio = baseline === undefined ? [] : [`ratio to ${baseline}`];
  const head = [title, unit, ...ratio, ...more];
  const number = (value: number | undefined): string =>
    value === undefined ? '' : humanNumber(value);
  const body = rows.map((row) => [
    row.name,
    row.value === undefined ? `left out: ${row.note ?? 'not measured'}` : humanNumber(row.value),
    ...ratio.map(() => row.ratio?.toFixed(2) ?? ''),
    ...more.map((column) => number(row.more?.[column])),
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((cells) => cells[i]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |\n`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |\n`;
  const verdicts = aims.map(
    ({ text, met }) => `\nAim: ${text}. ${met ? 'Met.' : '**Not met.**'}\n`,
  );
  return line(head) + rule + body.map(line).join('') + verdicts.join('');
}
