import type { NodeId } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import type { HistoryEntry } from '../protocol/history.ts';
import { planMany } from './many.ts';
import type { ManyPlans, Target, Telling } from './many.ts';
import { carriesBundle } from './record.ts';
import type { Session } from './session.ts';

/** A node that can be forgotten: its newest decision is a revoke. */
export interface Forgettable {
  readonly node: NodeId;
  readonly revoke: HistoryEntry;
  /** How many decisions of its record still have a configuration. */
  readonly bundles: number;
  /** How many proposals wait. */
  readonly waiting: number;
}

/**
 * Looks at nodes that are to be forgotten: `Client.forget` does it, by the digest of the revoke. One whose newest
 * decision is no revoke is left out.
 * @throws where server or store do not answer
 */
export function planForget(
  session: Session,
  targets: readonly Target[],
  telling: Telling = {},
): Promise<ManyPlans<Forgettable>> {
  return planMany(session, targets, telling, ({ node, history, pending }) => {
    const { head, entries } = history;
    if (head?.frame.statement.type !== 'revoke') {
      const now =
        head === undefined
          ? 'nothing is decided about it'
          : `its newest decision is ${head.frame.statement.type} (seq ${head.frame.statement.seq})`;
      throw fail('head_moved', `only a revoked node is forgotten, and ${now}: revoke it first`);
    }
    const bundles = entries.filter(carriesBundle).length;
    return { node, revoke: head, bundles, waiting: pending.length };
  });
}
