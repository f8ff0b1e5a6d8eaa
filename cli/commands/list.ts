import { collect } from '../../admin/pool.ts';
import { nodeViews } from '../../admin/views/nodes.ts';
import { escapeLine } from '../../protocol/escape.ts';
import type { Context } from '../context.ts';
import { openSession } from '../session.ts';
import { decidedBy } from '../statement-line.ts';
import { table } from '../table.ts';
import { when } from '../time.ts';

/** `coatcheck list`: every node that something is in force for. */
export async function list(context: Context): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const nodes = await terminal.waiting('reading what is in force', () =>
    collect(nodeViews(session)),
  );
  terminal.document({ nodes });
  if (nodes.length === 0) {
    terminal.hint('nothing is in force for any node');
    return;
  }
  const rows = nodes.map(({ node, decision, problem }) =>
    decision === undefined
      ? [node, terminal.style.red(`does not verify: ${problem ?? ''}`)]
      : [
          node,
          decision.type,
          String(decision.seq),
          when(decision.issued),
          escapeLine(decidedBy(decision)),
          decision.expires === undefined ? '-' : when(decision.expires),
          escapeLine(decision.reason),
        ],
  );
  const head = ['NODE', 'IN FORCE', 'SEQ', 'SINCE', 'BY', 'EXPIRES', 'REASON'];
  for (const line of table([head.map(terminal.style.dim), ...rows])) terminal.print(line);
}
