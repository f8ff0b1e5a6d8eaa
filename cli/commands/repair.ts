import { escapeLine } from '../../protocol/escape.ts';
import type { Context } from '../context.ts';
import { findNode, knownNodes } from '../../admin/find.ts';
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
    const { published, cleaned, junk } = outcome;
    const facts = [
      published ? 'the node is shown what is in force' : 'the node is shown something else',
      ...cleaned.map((key) => `removed ${key}`),
      ...junk.map(({ slot, code }) => `slot ${slot} does not verify (${code})`),
    ];
    terminal.print(`${node}  ${escapeLine(facts.join(', '))}`);
    if (!published) {
      terminal.warn(`the record of ${node} lost a decision, or its contents: decide again`);
    }
  }
  if (nodes.length === 0) terminal.hint('there is no node yet');
  terminal.document({ repaired });
}
