import type { NodeId } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import { codeOf } from '../../protocol/errors.ts';
import type { Context } from '../context.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { waiting } from '../find.ts';
import type { Waiting } from '../find.ts';
import { openPlace } from '../opened.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import { table } from '../table.ts';
import { when } from '../time.ts';

/** `coatcheck pending`: what waits for a decision, of all nodes. */
export async function pending(context: Context): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const proposals = await terminal.waiting('looking for proposals', async () => {
    const found = [];
    for (const proposal of await waiting(session)) found.push(await about(session, proposal));
    return found;
  });
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
      : terminal.style.red(`does not verify: ${p.problem}`),
  ]);
  const head = ['NODE', 'DIGEST', 'SINCE', 'BYTES', 'HOST NAME (CLAIMED)'];
  const [title, ...lines] = table([head.map(terminal.style.dim), ...rows]);
  terminal.print(title);
  lines.forEach((line, i) => {
    terminal.print(line);
    terminal.print(terminal.style.dim(`  ${proposals[i]!.words}`));
  });
  terminal.hint('coatcheck diff NODE shows what would change; coatcheck approve NODE decides');
}

interface PendingRow {
  readonly node: NodeId;
  /** as the node's console shows them */
  readonly words: string;
  readonly digest: string;
  readonly size: number;
  readonly modified: number;
  readonly madeBy?: 'node' | 'admin';
  readonly hostname?: string;
  readonly keySource?: string;
  /** the error code, for what cannot be opened */
  readonly problem?: string;
}

async function about(session: Session, proposal: Waiting): Promise<PendingRow> {
  const { node, digest, size, modified, key } = proposal;
  const row = { node, words: nodeWords(node), digest, size, modified };
  try {
    const { sealed, manifest } = await openPlace(session, node, { where: 'pending', digest, key });
    const { hostname, keySource } = manifest.metadata;
    return {
      ...row,
      madeBy: sealed.kind === 'admin' ? 'admin' : 'node',
      ...(hostname === undefined ? {} : { hostname }),
      ...(keySource === undefined ? {} : { keySource }),
    };
  } catch (error) {
    return { ...row, problem: codeOf(error) };
  }
}
