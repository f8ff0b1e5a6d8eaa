import { toHex } from '../../bundle/index.ts';
import type { Manifest, NodeId } from '../../bundle/index.ts';
import { fail } from '../../protocol/errors.ts';
import type { History } from '../../protocol/history.ts';
import { demandRenewal, warnOfRevoke } from '../again.ts';
import { confirm } from '../confirm.ts';
import type { Consent } from '../confirm.ts';
import type { Context } from '../context.ts';
import { decide } from '../decide.ts';
import type { Decided, Decision } from '../decide.ts';
import { diffLines } from '../diff-lines.ts';
import { diffView } from '../../admin/diff-view.ts';
import { findBundle, findNode, lookAt } from '../find.ts';
import type { BundlePlace } from '../find.ts';
import { openPlace } from '../opened.ts';
import type { Opened } from '../opened.ts';
import { proposeAsAdmin } from '../propose.ts';
import { rebase } from '../../admin/rebase.ts';
import { baseManifest, openInForce, printReview, review } from '../review.ts';
import type { InForce, Review } from '../review.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import { parseExpiry } from '../time.ts';
import { checkReason, printDecided } from './outcome.ts';

export interface ApproveOptions extends Consent {
  readonly expires?: string;
  readonly reason?: string;
  readonly rebase?: boolean;
  readonly anyway?: boolean;
  readonly showSecrets?: boolean;
  readonly stat?: boolean;
}

interface Work {
  readonly context: Context;
  readonly session: Session;
  readonly node: NodeId;
  readonly history: History;
  readonly inForce: InForce;
  readonly options: ApproveOptions;
  readonly reason: string;
  readonly expires?: number;
}

/** `coatcheck approve NODE [DIGEST]`: look at what a node asks for, sign it, put it in force. */
export async function approve(
  context: Context,
  nodeText: string,
  digestText: string | undefined,
  options: ApproveOptions,
): Promise<void> {
  const reason = checkReason(options.reason ?? '');
  const session = await openSession(context);
  const node = await findNode(session, nodeText);
  const seen = await lookAt(session, node);
  const { history } = seen;
  const place = findBundle(seen, digestText);
  const opened = await openPlace(session, node, place);
  const inForce = openInForce(session, context.terminal, node, history);
  const work: Work = {
    ...{ context, session, node, history, inForce, options, reason },
    ...(options.expires === undefined
      ? {}
      : { expires: parseExpiry(options.expires, session.client.now()) }),
  };
  if (options.rebase === true && place.where === 'pending') await approveRebased(work, opened);
  else await approveAsIs(work, place, opened);
}

function look(work: Work, opened: Opened): Review {
  const { context, session, history, inForce, node, options } = work;
  const seen = review(session, history, inForce, opened, {
    showSecrets: options.showSecrets === true,
    stat: options.stat === true,
  });
  printReview(context.terminal, node, seen, session);
  return seen;
}

async function approveAsIs(work: Work, place: BundlePlace, opened: Opened): Promise<void> {
  const { context, node, options } = work;
  const seen = look(work, opened);
  if (place.where === 'pending') {
    warnOfRevoke(context.terminal, work.history);
    if (!seen.fresh) demandChoice(work, opened);
  } else {
    const anyway = options.anyway === true;
    demandRenewal(context.terminal, node, work.history, place.entry, { anyway });
  }
  await confirm(work.session, context.terminal, `Approve this for ${node}?`, options);
  const decided = await sign(work, work.history, {
    type: 'approve',
    digest: opened.sealed.digest,
    from: place.where === 'pending' ? { pending: true } : { slot: place.entry.slot },
    nodeBoxKey: opened.manifest.node.boxKey,
  });
  printDecided(context.terminal, [decided], seen.view);
}

/**
 * Says what changed in force since a proposal was made, which is undone if it is approved as it is.
 * @throws stale_base unless that was asked for
 */
function demandChoice(work: Work, opened: Opened): void {
  const { context, session, node, history, inForce, options } = work;
  const { terminal } = context;
  const before = baseManifest(session, history, node, opened.manifest.base);
  const now = inForce.opened?.manifest;
  if (before !== undefined && now !== undefined) {
    terminal.print('since it was made, this changed in what is in force:');
    const since = diffView(before, now, { showSecrets: false, stat: true });
    for (const line of diffLines(since, terminal.style)) terminal.print(`  ${line}`);
  }
  const entry = inForce.entry;
  const stale = `this proposal was made before what is in force now (${entry === undefined ? 'nothing' : `seq ${entry.frame.statement.seq}`})`;
  if (options.anyway !== true) {
    throw fail(
      'stale_base',
      `${stale}: --rebase applies its changes to that, --anyway approves it as it is`,
    );
  }
  terminal.warn(stale);
}

/** Applies what the proposal changed to what is in force, and approves that; refuses the original. */
async function approveRebased(work: Work, opened: Opened): Promise<void> {
  const { context, session, node, options } = work;
  const manifest = rebased(work, opened.manifest);
  const seen = look(work, { ...opened, manifest });
  const question = `Seal this anew and approve it for ${node}?`;
  await confirm(session, context.terminal, question, options);
  const digest = await proposeAsAdmin(session, manifest);
  const approved = await sign(work, work.history, {
    type: 'approve',
    digest,
    from: { pending: true },
  });
  // Otherwise it would wait for ever, and keep the node from proposing.
  const rejected = await decide(session, node, await session.history(node), {
    type: 'reject',
    digest: opened.sealed.digest,
    reason: `rebased and approved as ${toHex(digest).slice(0, 16)}`,
  });
  printDecided(context.terminal, [approved, rejected], seen.view);
}

/** @throws stale_base, listing the conflicts */
function rebased(work: Work, mine: Manifest): Manifest {
  const { session, history, node, inForce } = work;
  const theirs = inForce.opened?.manifest;
  const base = baseManifest(session, history, node, mine.base);
  if (inForce.entry === undefined || theirs === undefined || base === undefined) {
    throw fail('stale_base', 'there is nothing to rebase on: --anyway approves it as it is');
  }
  const { files, conflicts } = rebase(base.files, theirs.files, mine.files);
  if (conflicts.length > 0) {
    throw fail(
      'stale_base',
      `both sides changed ${conflicts.join(', ')}: reject it, or approve it as it is with --anyway`,
    );
  }
  return { ...mine, base: inForce.entry.frame.statementDigest, files };
}

function sign(
  work: Work,
  history: History,
  decision: Omit<Decision, 'reason' | 'expires'>,
): Promise<Decided> {
  const { session, node, reason, expires } = work;
  return decide(session, node, history, {
    ...decision,
    reason,
    ...(expires === undefined ? {} : { expires }),
  });
}
