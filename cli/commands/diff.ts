import type { Context } from '../context.ts';
import { diffLines } from '../diff-lines.ts';
import { findBundle, findNode, lookAt } from '../find.ts';
import { openPlace } from '../opened.ts';
import { openInForce, review, summary } from '../review.ts';
import { openSession } from '../session.ts';

/** `coatcheck diff NODE [DIGEST]`: what would change for a node. */
export async function diff(
  context: Context,
  nodeText: string,
  digestText: string | undefined,
  options: { readonly showSecrets?: boolean; readonly stat?: boolean },
): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const node = await findNode(session, nodeText);
  const seen = await lookAt(session, node);
  const { history } = seen;
  const place = findBundle(seen, digestText);
  const opened = await openPlace(session, node, place);
  const inForce = openInForce(session, terminal, node, history);
  const { view, fresh } = review(session, history, inForce, opened, {
    showSecrets: options.showSecrets === true,
    stat: options.stat === true,
  });
  for (const line of diffLines(view, terminal.style)) terminal.print(line);
  terminal.hint(summary(view));
  if (place.where === 'pending' && !fresh) {
    terminal.warn('this proposal was made before what is in force now');
  }
  terminal.document({ node, digest: place.digest, where: place.where, fresh, ...view });
}
