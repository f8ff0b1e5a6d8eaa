import { ZERO_DIGEST, fromHex } from '../../bundle/index.ts';
import { fail, codeOf } from '../../protocol/errors.ts';
import { confirm } from '../confirm.ts';
import type { Consent } from '../confirm.ts';
import type { Context } from '../context.ts';
import { decide } from '../decide.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { demandUndecided, findNode, lookAt, onlyMatch } from '../find.ts';
import { openEntry, openPlace } from '../opened.ts';
import { proposeAsAdmin } from '../propose.ts';
import { aboutLines, openInForce, printReview, review } from '../review.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import { checkReason, printDecided } from './outcome.ts';
import { statementLine } from '../statement-line.ts';
import type { HistoryEntry } from '../../protocol/history.ts';

interface Options extends Consent {
  readonly reason?: string;
}

/** `coatcheck reject NODE DIGEST --reason TEXT`: refuse what a node asks for, and tell it why. */
export async function reject(
  context: Context,
  nodeText: string,
  digestText: string,
  options: Options & { readonly reason: string },
): Promise<void> {
  const { terminal } = context;
  const reason = checkReason(options.reason);
  const session = await openSession(context);
  const node = await findNode(session, nodeText);
  const { history, pending } = await lookAt(session, node);
  const match = pending.find((proposal) => proposal.digest.startsWith(digestText));
  if (match === undefined) demandUndecided(history, digestText);
  // Something that does not verify, or is gone already, may be refused by its whole digest.
  const digest = /^[0-9a-f]{64}$/.test(digestText)
    ? digestText
    : onlyMatch(
        'proposal of this node',
        digestText,
        pending.map((p) => p.digest),
      );
  if (match !== undefined) {
    try {
      const opened = await openPlace(session, node, { where: 'pending', ...match });
      for (const [label, text] of aboutLines(node, opened, session.keyset)) {
        terminal.print(`${terminal.style.dim(label.padEnd(10))} ${text}`);
      }
    } catch (error) {
      terminal.warn(`this proposal cannot be opened (${codeOf(error)})`);
    }
  }
  await confirm(session, terminal, `Reject ${digest} of ${node}?`, options);
  const decision = { type: 'reject', digest: fromHex(digest), reason } as const;
  printDecided(terminal, [await decide(session, node, history, decision)]);
}

/** `coatcheck rollback NODE SLOT`: put in force again what slot SLOT of the history put in force. */
export async function rollback(
  context: Context,
  nodeText: string,
  slotText: string,
  options: Options & { readonly showSecrets?: boolean; readonly stat?: boolean },
): Promise<void> {
  const { terminal } = context;
  const reason = checkReason(options.reason ?? '');
  if (!/^[0-9]{1,10}$/.test(slotText))
    throw fail('usage', 'SLOT is a number: see coatcheck history');
  const session = await openSession(context);
  const node = await findNode(session, nodeText);
  const history = await session.history(node);
  const entry = history.entries.find(({ slot }) => slot === Number(slotText));
  if (entry === undefined) throw fail('not_found', `node ${node} has no slot ${Number(slotText)}`);
  const opened = openEntry(session, node, entry);
  const inForce = openInForce(session, terminal, node, history);
  const seen = review(session, history, inForce, opened, {
    showSecrets: options.showSecrets === true,
    stat: options.stat === true,
  });
  printReview(terminal, node, seen, session);
  await confirm(session, terminal, `Roll ${node} back to slot ${entry.slot}?`, options);
  const decision = sealedToNewest(session, entry)
    ? ({ digest: opened.sealed.digest, from: { slot: entry.slot } } as const)
    : ({
        digest: await proposeAsAdmin(session, {
          ...opened.manifest,
          base: inForce.entry?.frame.statementDigest ?? ZERO_DIGEST,
        }),
        from: { pending: true },
      } as const);
  const decided = await decide(session, node, history, {
    type: 'rollback',
    ...decision,
    nodeBoxKey: opened.manifest.node.boxKey,
    reason,
  });
  printDecided(terminal, [decided], seen.view);
}

/** Whether all administrators of today could open the bundle of an entry, and nobody else. */
function sealedToNewest(session: Session, { frame }: HistoryEntry): boolean {
  return frame.keyset.version === session.keyset.version;
}

/** `coatcheck reconfigure NODE`: at its next boot the node makes a new proposal. */
export async function reconfigure(
  context: Context,
  nodeText: string,
  options: Options,
): Promise<void> {
  await decideAboutNode(context, nodeText, 'reconfigure', options);
}

/** `coatcheck revoke NODE`: the node applies nothing any more. */
export async function revoke(context: Context, nodeText: string, options: Options): Promise<void> {
  await decideAboutNode(context, nodeText, 'revoke', options);
}

async function decideAboutNode(
  context: Context,
  nodeText: string,
  type: 'reconfigure' | 'revoke',
  options: Options,
): Promise<void> {
  const { terminal } = context;
  const reason = checkReason(options.reason ?? '');
  const session = await openSession(context);
  const node = await findNode(session, nodeText);
  const history = await session.history(node);
  const inForce = history.inForce;
  terminal.print(`${terminal.style.dim('node'.padEnd(10))} ${node}`);
  const now = inForce === undefined ? 'nothing' : statementLine(inForce);
  terminal.print(`${terminal.style.dim('in force'.padEnd(10))} ${now}`);
  terminal.print(`${terminal.style.dim('reason'.padEnd(10))} ${escapeLine(reason)}`);
  await confirm(session, terminal, `Sign: ${type} ${node}?`, options);
  const bundle = inForce?.frame.bundle;
  const digest = type === 'reconfigure' && bundle ? bundle.digest : ZERO_DIGEST;
  printDecided(terminal, [await decide(session, node, history, { type, digest, reason })]);
}
