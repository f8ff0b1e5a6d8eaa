/**
 * How a node can stand; several at once may be so. What wants somebody first comes first.
 *
 * - `unreadable`: what the node is shown cannot be read, or does not verify
 * - `unpublished`: a decision is recorded and not shown to the node; a repair does that
 * - `unapproved`: the machine says that it runs what nobody approved
 * - `failed`: the machine says that something of it was not applied, or did not take effect
 * - `expired`: what is in force has ended
 * - `undersigned`: administrators have signed a decision that lacks signatures
 * - `waiting`: a proposal waits; `first`, of a node about which nothing is in force
 * - `drifted`: the machine says that files left to the image differ from those it was approved with
 * - `expiring`: what is in force ends within `EXPIRING_DAYS` (protocol/verify.ts)
 * - `behind`: the machine's last report is about another decision than what is in force
 * - `unheard`: the machine's last report cannot be opened with this key, since it was sealed before this one was
 *   an administrator: nobody here knows what it says
 * - `never-booted`: something is in force, and the machine never said that it applied anything
 * - `partial`: the machine says that all is applied but files that something is in the way of
 * - `reconfigure`: a new configuration is ordered; `revoked`: the node applies nothing any more
 * - `rejected`: the newest decision is a refusal
 * - `in-force`: an approved configuration is in force, and has not ended
 * - `nothing`: none of these
 */
export const STATES = [
  ...['unreadable', 'unpublished', 'unapproved', 'failed', 'expired', 'undersigned', 'waiting'],
  ...[
    'first',
    'drifted',
    'expiring',
    'behind',
    'unheard',
    'never-booted',
    'partial',
    'reconfigure',
    'revoked',
  ],
  ...['rejected', 'in-force', 'nothing'],
] as readonly State[];

/** One of {@link STATES}. */
export type State =
  | 'unreadable'
  | 'unpublished'
  | 'unapproved'
  | 'failed'
  | 'expired'
  | 'undersigned'
  | 'waiting'
  | 'first'
  | 'drifted'
  | 'expiring'
  | 'behind'
  | 'unheard'
  | 'never-booted'
  | 'partial'
  | 'reconfigure'
  | 'revoked'
  | 'rejected'
  | 'in-force'
  | 'nothing';

/** Those in which something is wrong, and not only under way. */
export const WRONG: readonly State[] = [
  ...(['unreadable', 'unpublished', 'unapproved', 'failed', 'expired', 'drifted'] as const),
];
