import type { Context } from '../context.ts';
import { findNode, knownNodes } from '../find.ts';
import { openSession } from '../session.ts';

/** `coatcheck repair [NODE]`: do again whatever a decision left undone, for one node or for all. */
export async function repair(context: Context, nodeText: string | undefined): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const nodes =
    nodeText === undefined ? await knownNodes(session) : [await findNode(session, nodeText)];
  const repaired = [];
  for (const node of nodes) {
    const outcome = await terminal.waiting(`repairing ${node}`, () => session.client.repair(node));
    repaired.push({ node, ...outcome });
    const done = [
      ...(outcome.published ? ['published what is in force'] : []),
      ...outcome.cleaned.map((key) => `removed ${key}`),
      ...outcome.junk.map(({ slot, code }) => `slot ${slot} does not verify (${code})`),
    ];
    terminal.print(`${node}  ${done.length === 0 ? 'nothing to do' : done.join(', ')}`);
  }
  if (nodes.length === 0) terminal.hint('there is no node yet');
  terminal.document({ repaired });
}
