import { escapeLine } from '../../protocol/escape.ts';
import type { Context } from '../context.ts';
import { knownNodes } from '../../admin/find.ts';
import { findNode } from '../../admin/select.ts';
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
    const { published, cleaned, written, junk } = outcome;
    const did = [
      ...written.map((key) => `wrote ${key}`),
      ...cleaned.map((key) => `removed ${key}`),
    ];
    const facts = [
      ...(did.length > 0 ? did : ['nothing was to be done']),
      ...junk.map(({ slot, code }) => `slot ${slot} does not verify (${code})`),
    ];
    terminal.print(`${node}  ${escapeLine(facts.join(', '))}`);
    if (!published) {
      terminal.warn(
        `${node} is shown something else than its record has in force: a decision was lost, or its contents; decide again`,
      );
    }
  }
  if (nodes.length === 0) terminal.hint('there is no node yet');
  terminal.document({ repaired });
}
