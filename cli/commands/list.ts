import { nodeViews } from '../../admin/views/nodes.ts';
import type { NodeView } from '../../admin/views/nodes.ts';
import type { StatementView } from '../../admin/views/statement.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { isExpiring } from '../../protocol/verify.ts';
import type { Context } from '../context.ts';
import { openSession } from '../session.ts';
import { decidedBy } from '../../words/decisions.ts';
import { printTable } from '../table.ts';
import type { Style } from '../terminal.ts';
import { when } from '../../words/time.ts';
import { problemText } from '../../words/warnings.ts';

/** `coatcheck list`: every node, with what is in force for it, was refused, or waits. */
export async function list(context: Context): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const nodes = await terminal.waiting('reading what is in force', () => nodeViews(session));
  terminal.document({ nodes });
  if (nodes.length === 0) {
    terminal.hint('there is no node yet');
    return;
  }
  const now = session.client.now();
  const rows = nodes.map((view) => [view.node, ...cells(view, terminal.style, now)]);
  const head = ['NODE', 'IN FORCE', 'SEQ', 'SINCE', 'BY', 'EXPIRES', 'REASON'];
  printTable(terminal, [head, ...rows]);
  if (nodes.some(({ waiting }) => waiting.length > 0)) {
    terminal.hint('coatcheck diff NODE shows what waits; coatcheck approve NODE decides');
  }
}

function cells(
  { decision, rejected, problem, waiting }: NodeView,
  style: Style,
  now: number,
): string[] {
  const waits = waiting.length > 0 ? [style.yellow(`${waiting.length} waiting`)] : [];
  if (decision === undefined) {
    if (problem !== undefined) return [style.red(problemText(problem)), ...waits];
    if (rejected === undefined) return ['nothing', ...waits];
    return ['nothing', ...tail(rejected, ['rejected', ...waits])];
  }
  const { type, expired = false } = decision;
  const marks = [
    ...(expired ? [style.red('EXPIRED')] : []),
    ...(isExpiring(decision, now) ? [style.yellow('expires soon')] : []),
    ...(problem === undefined ? [] : [style.red('not shown to the node: coatcheck repair')]),
    ...waits,
  ];
  return [type, ...tail(decision, marks)];
}

function tail(statement: StatementView, marks: readonly string[]): string[] {
  const { seq, issued, expires, reason } = statement;
  return [
    String(seq),
    when(issued),
    escapeLine(decidedBy(statement)),
    expires === undefined ? '-' : when(expires),
    [...marks, escapeLine(reason)].filter((text) => text !== '').join(' '),
  ];
}
