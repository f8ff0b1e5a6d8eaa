import { toHex } from '../../bundle/index.ts';
import type { Context } from '../context.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { findNode } from '../find.ts';
import { openSession } from '../session.ts';
import { decidedBy, statementDocument } from '../statement-line.ts';
import { table } from '../table.ts';
import { when } from '../time.ts';

/** `coatcheck history NODE`: every decision about a node, verified. */
export async function history(context: Context, nodeText: string): Promise<void> {
  const { terminal } = context;
  const { style } = terminal;
  const session = await openSession(context);
  const node = await findNode(session, nodeText);
  const { entries, junk, inForce } = await session.history(node);
  const [first] = entries;
  const isWhole = first === undefined || first.frame.statement.prev.every((byte) => byte === 0);
  terminal.document({
    node,
    entries: entries.map((entry) => ({
      slot: entry.slot,
      ...statementDocument(entry.frame),
      inForce: entry === inForce,
      forgotten: entry.forgotten,
    })),
    junk,
    isWhole,
  });
  if (first === undefined) {
    terminal.hint(`nothing was ever decided about ${node}`);
    return;
  }
  const rows = entries.map((entry) => {
    const { type, seq, issued, expires, reason, digest } = entry.frame.statement;
    return [
      String(entry.slot),
      String(seq),
      entry === inForce ? style.green(`${type} *`) : type,
      when(issued),
      escapeLine(decidedBy(entry.frame)),
      toHex(digest).slice(0, 16),
      [
        escapeLine(reason),
        ...(expires === undefined ? [] : [`(expires ${when(expires)})`]),
        ...(entry.forgotten ? ['(contents forgotten)'] : []),
      ].join(' '),
    ];
  });
  const head = ['SLOT', 'SEQ', 'DECISION', 'WHEN', 'BY', 'BUNDLE', 'REASON'];
  for (const line of table([head.map(style.dim), ...rows])) terminal.print(line);
  terminal.hint('* in force');
  if (!isWhole) {
    terminal.hint(`the record begins at slot ${first.slot}: what was before it is not kept`);
  }
}
