import { pendingViews } from '../../admin/views/nodes.ts';
import { escapeLine } from '../../protocol/escape.ts';
import type { Context } from '../context.ts';
import { openSession } from '../session.ts';
import { printTable } from '../table.ts';
import { when } from '../../words/time.ts';
import { problemText } from '../../words/warnings.ts';

/** `coatcheck pending`: what waits for a decision, of all nodes. */
export async function pending(context: Context): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const proposals = await terminal.waiting('looking for proposals', () => pendingViews(session));
  terminal.document({ pending: proposals });
  if (proposals.length === 0) {
    terminal.hint('nothing waits');
    return;
  }
  const rows = proposals.map((p) => [
    p.node,
    p.digest.slice(0, 16),
    when(p.modified),
    `${p.size}`,
    p.problem === undefined
      ? escapeLine(p.hostname ?? '-')
      : terminal.style.red(problemText(p.problem)),
  ]);
  const head = ['NODE', 'DIGEST', 'SINCE', 'BYTES', 'HOST NAME (CLAIMED)'];
  printTable(terminal, [head, ...rows], (i) => [terminal.style.dim(`  ${proposals[i]!.words}`)]);
  terminal.hint('coatcheck diff NODE shows what would change; coatcheck approve NODE decides');
}
