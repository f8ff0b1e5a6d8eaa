import { findBundle } from '../../admin/find.ts';
import { findNode } from '../../admin/select.ts';
import { openPlace } from '../../admin/open.ts';
import { review } from '../../admin/review.ts';
import type { Context } from '../context.ts';
import { diffLines } from '../diff-lines.ts';
import { look } from '../look.ts';
import { imageLines, shownBy, warnOfUnreadable } from '../review.ts';
import type { ReviewFlags } from '../review.ts';
import { openSession } from '../session.ts';
import { summary } from '../../words/changes.ts';
import { warningText } from '../../words/warnings.ts';

/** `coatcheck diff NODE [DIGEST]`: what would change for a node. */
export async function diff(
  context: Context,
  nodeText: string,
  digestText: string | undefined,
  options: ReviewFlags,
): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const node = await findNode(session, nodeText);
  const standing = await look(session, terminal, node);
  const place = findBundle(standing, digestText);
  const opened = await openPlace(session, node, place);
  const seen = await review(session, standing, opened, shownBy(terminal, options));
  warnOfUnreadable(terminal, seen);
  await terminal.page(diffLines(seen.diff, terminal.style));
  terminal.hint(summary(seen.diff));
  for (const line of imageLines(seen)) terminal.hint(line);
  for (const warning of seen.warnings) {
    if (['not_there', 'was_refused'].includes(warning.code)) terminal.warn(warningText(warning));
  }
  const { bundle, imageInForce, fresh, diff: shown } = seen;
  if (place.where === 'pending' && !fresh) {
    terminal.warn('this proposal was made before what is in force now');
  }
  terminal.document({
    ...{ node, digest: place.digest, where: place.where, fresh, bundle },
    ...(imageInForce && { imageInForce }),
    ...shown,
  });
}
