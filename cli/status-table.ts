import { WRONG } from '../admin/views/states.ts';
import type { StatusView } from '../admin/views/status.ts';
import { fail } from '../protocol/errors.ts';
import { quote } from '../bundle/errors.ts';
import { tableWithin } from './table.ts';
import type { Style } from './terminal.ts';
import { cosignedLine } from '../words/cosigned.ts';
import { when } from '../words/time.ts';
import { imageText, inForceText, machineText, nameText, noteText } from '../words/status.ts';

/** What a column is called in the head, and what stands in it. */
interface Column {
  readonly head: string;
  /** Escaped; `-` where there is nothing. */
  readonly cell: (view: StatusView, style: Style) => string;
}

const orNever = (time: number | undefined): string => (time === undefined ? '-' : when(time));

const COLUMNS = {
  node: { head: 'NODE', cell: ({ node }) => node },
  words: { head: 'WORDS', cell: ({ words }) => words },
  name: { head: 'NAME', cell: nameText },
  state: { head: 'STATE', cell: stateText },
  since: { head: 'SINCE', cell: ({ since }) => orNever(since) },
  'in-force': { head: 'IN FORCE', cell: inForceText },
  expires: { head: 'EXPIRES', cell: ({ decision }) => orNever(decision?.expires) },
  image: { head: 'IMAGE', cell: imageText },
  machine: { head: 'THE MACHINE SAYS', cell: machineText },
} as const satisfies Readonly<Record<string, Column>>;

/** What a node's line may have. */
export type ColumnName = keyof typeof COLUMNS;

/** All of {@link ColumnName}. */
export const COLUMN_NAMES = Object.keys(COLUMNS) as ColumnName[];

/** Those that are shown unless others are asked for. */
export const DEFAULT_COLUMNS: readonly ColumnName[] = [
  ...(['node', 'name', 'state', 'since', 'in-force', 'machine'] as const),
];

/** Names of columns with commas between. @throws usage */
export function parseColumns(text: string): readonly ColumnName[] {
  return text.split(',').map((word) => {
    const name = COLUMN_NAMES.find((one) => one === word.trim());
    if (name !== undefined) return name;
    throw fail('usage', `there is no column ${quote(word)}; there are ${COLUMN_NAMES.join(', ')}`);
  });
}

/** How a table of nodes is made. */
export interface TableOptions {
  readonly names: readonly ColumnName[];
  readonly style: Style;
  /** Of the terminal; undefined where lines may be of any length. */
  readonly columns: number | undefined;
}

/**
 * The head, and the lines of each node: its row, what does not fit into that, its words where it waits,
 * and what somebody should know who looks at it.
 */
export function statusLines(
  nodes: readonly StatusView[],
  { names, style, columns }: TableOptions,
): { readonly head: readonly string[]; readonly blocks: readonly (readonly string[])[] } {
  const shown = names.map((name): Column => COLUMNS[name]);
  const rows = nodes.map((view) => shown.map(({ cell }) => cell(view, style)));
  const [head = [], ...blocks] = tableWithin(
    [shown.map((column) => column.head), ...rows],
    columns,
  );
  return {
    head: head.map(style.dim),
    blocks: blocks.map((lines, i) => {
      const { node, states, words, notes, cosigned = [] } = nodes[i]!;
      const hasWords = states.includes('waiting') && !names.includes('words');
      return [
        ...lines,
        ...(hasWords ? [style.dim(`  ${words}`)] : []),
        ...cosigned.map((one) => style.yellow(`  ${cosignedLine(node, one)}`)),
        ...notes.map((note) => style.yellow(`  ${noteText(note)}`)),
      ];
    }),
  };
}

/** The states of a node, in their colour. */
export function stateText(
  { states, refreshing }: Pick<StatusView, 'states' | 'refreshing'>,
  style: Style,
): string {
  const paint = states.some((state) => WRONG.includes(state))
    ? style.red
    : states.includes('waiting')
      ? style.yellow
      : style.green;
  return `${paint(states.join(', '))}${refreshing ? style.dim(' (refreshing)') : ''}`;
}
