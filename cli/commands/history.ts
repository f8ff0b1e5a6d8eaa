import { findNode } from '../../admin/select.ts';
import { historyView } from '../../admin/views/statement.ts';
import type { HistoryView } from '../../admin/views/statement.ts';
import { escapeLine } from '../../protocol/escape.ts';
import type { Context } from '../context.ts';
import { record } from '../look.ts';
import { openSession } from '../session.ts';
import { decidedBy } from '../../words/decisions.ts';
import { printTable } from '../table.ts';
import type { Style } from '../terminal.ts';
import { when } from '../../words/time.ts';

/** `coatcheck history NODE`: every decision about a node, verified. */
export async function history(context: Context, nodeText: string): Promise<void> {
  const { terminal } = context;
  const { style } = terminal;
  const session = await openSession(context);
  const node = await findNode(session, nodeText);
  const view = historyView(node, await record(session, terminal, node), session.client.now());
  terminal.document(view);
  const [first] = view.entries;
  if (first === undefined) {
    terminal.hint(`nothing was ever decided about ${node}`);
    return;
  }
  const rows = view.entries.map((entry) => [
    String(entry.slot),
    String(entry.seq),
    decisionCell(entry, style),
    when(entry.issued),
    escapeLine(decidedBy(entry)),
    entry.digest.slice(0, 16),
    [
      escapeLine(entry.reason),
      ...(entry.expires === undefined
        ? []
        : [`(${entry.expired ? 'EXPIRED' : 'expires'} ${when(entry.expires)})`]),
      ...(entry.forgotten ? ['(contents forgotten)'] : []),
    ].join(' '),
  ]);
  const head = ['SLOT', 'SEQ', 'DECISION', 'WHEN', 'BY', 'BUNDLE', 'REASON'];
  printTable(terminal, [head, ...rows]);
  terminal.hint('* in force');
  if (!view.isWhole) {
    terminal.hint(`the record begins at slot ${first.slot}: what was before it is not kept`);
  }
}

function decisionCell(
  { type, inForce, expired = false }: HistoryView['entries'][number],
  style: Style,
): string {
  if (!inForce) return type;
  return expired ? style.red(`${type} * EXPIRED`) : style.green(`${type} *`);
}
