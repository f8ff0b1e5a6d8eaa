import { lookAtCosigned } from '../../admin/cosign.ts';
import { cosignedView } from '../../admin/cosigned.ts';
import type { CosignedView } from '../../admin/cosigned.ts';
import type { Session } from '../../admin/session.ts';
import { pendingViews } from '../../admin/views/nodes.ts';
import type { PendingView } from '../../admin/views/nodes.ts';
import type { NodeId } from '../../bundle/index.ts';
import { predecessorText } from '../../words/bundle.ts';
import { cosignedLine } from '../../words/cosigned.ts';
import { escapeLine } from '../../protocol/escape.ts';
import type { Context } from '../context.ts';
import { openSession } from '../session.ts';
import { printTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { when } from '../../words/time.ts';
import { problemText } from '../../words/warnings.ts';

/** `coatcheck pending`: what waits for a decision, of all nodes. */
export async function pending(context: Context): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const proposals = await terminal.waiting('looking for proposals', () => pendingViews(session));
  const cosigned = await cosignedOf(session);
  terminal.document({ pending: proposals, cosigned });
  const besides = cosigned.filter(
    ({ node, digest }) => !proposals.some((one) => one.node === node && one.digest === digest),
  );
  if (proposals.length > 0) printProposals(terminal, proposals, cosigned);
  for (const view of besides) terminal.print(terminal.style.yellow(cosignedLine(view.node, view)));
  terminal.hint(nextHint(session, proposals, cosigned));
}

type Cosigned = readonly (CosignedView & { readonly node: NodeId })[];

/** What is to be done about it, by this administrator. */
function nextHint(
  { keyset, keyIndex }: Session,
  proposals: readonly PendingView[],
  cosigned: Cosigned,
): string {
  const { name } = keyset.keys[keyIndex]!;
  const open = cosigned.filter(({ isVoid }) => !isVoid);
  const isUndecided = proposals.some(
    ({ node, digest }) => !open.some((one) => one.node === node && one.digest === digest),
  );
  const isToSign = open.some((one) => one.open.includes(name));
  const hints = [
    ...(isUndecided
      ? ['coatcheck diff NODE shows what would change; coatcheck approve NODE decides']
      : []),
    ...(proposals.some(({ succeeds }) => succeeds?.isProven)
      ? ['coatcheck transfer --successors gives machines with a new key what they had']
      : []),
    ...(isToSign ? ['coatcheck cosign NODE shows what others signed, and signs it too'] : []),
  ];
  if (hints.length > 0) return hints.join('; ');
  return open.length > 0 ? 'what waits is signed by you, and lacks others' : 'nothing waits';
}

function printProposals(
  terminal: Terminal,
  proposals: readonly PendingView[],
  cosigned: Cosigned,
): void {
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
  printTable(terminal, [head, ...rows], (i) => {
    const { node, digest, words, succeeds } = proposals[i]!;
    return [
      terminal.style.dim(`  ${words}`),
      ...(succeeds === undefined ? [] : [`  succeeds ${predecessorText(succeeds)}`]),
      ...cosigned
        .filter((view) => view.node === node && view.digest === digest)
        .map((view) => terminal.style.yellow(`  ${cosignedLine(node, view)}`)),
    ];
  });
}

/** What others have signed about what waits, and lacks signatures. */
async function cosignedOf(session: Session): Promise<(CosignedView & { node: NodeId })[]> {
  const found: (CosignedView & { node: NodeId })[] = [];
  if (session.chain.every(({ keyset }) => keyset.threshold === 1)) return found;
  const nodes = new Set<NodeId>();
  for await (const { parsed } of session.list('cosign')) {
    if (parsed.prefix === 'cosign') nodes.add(parsed.node);
  }
  for (const node of nodes) {
    const all = await lookAtCosigned(session, { node, history: await session.history(node) });
    found.push(...all.map((one) => ({ node, ...cosignedView(session, one) })));
  }
  return found;
}
