import type { CoatcheckError } from '../../bundle/errors.ts';
import type { Node } from './node.ts';
import type { Patience } from './patience.ts';
import type { Servers } from './servers.ts';
import type { Draft } from './snapshot.ts';
import type { Decision, Source } from './source.ts';
import type { Progress, SettledState, State } from './state.ts';

/** How a boot goes on where nothing is in force, and how long it waits. */
export interface BootOptions {
  readonly patience: Patience;
  readonly token?: string | undefined;
  /**
   * Makes what this machine proposes, where nothing is approved or a new configuration was ordered.
   * Where it is absent, nothing is proposed. Undefined, or the code interrupted, if whoever was asked
   * stopped: then nothing is until somebody presses a key.
   * @param overtaken an administrator decided meanwhile: the draft is not wanted any more
   */
  readonly draft?: (
    inForce: Decision | undefined,
    overtaken: AbortSignal,
  ) => Promise<Draft | undefined>;
  /**
   * Makes another draft after a refusal: at once where it asks somebody, and whenever somebody
   * presses a key. Undefined to wait for an administrator.
   */
  readonly redraft?: (refusal: Decision, overtaken: AbortSignal) => Promise<Draft | undefined>;
  /** The drafts are somebody's answers: nobody is asked while an earlier proposal waits. */
  readonly asks?: boolean;
  /** Whether somebody at the console pressed a key, until the signal says that the wait is over. */
  readonly pressed?: ((over: AbortSignal) => Promise<boolean>) | undefined;
  /** Propose although something is approved; that is applied only if it is just what is proposed. */
  readonly fresh?: boolean;
  /**
   * Asked at each failure to look: something to apply that nobody approved, or undefined to wait;
   * `overtaken` where a look did not fail meanwhile.
   */
  readonly unapproved?: (why: CoatcheckError) => Promise<Draft | 'overtaken' | undefined>;
}

/** What a boot ended with: a decision to apply, or a draft that nobody approved. */
export type Found = { readonly decision: Decision } | { readonly unapproved: Draft };

/** What stays the same during a boot. */
export interface Boot {
  readonly node: Node;
  readonly servers: Servers;
  readonly source: Source;
  readonly options: BootOptions;
}

/** A look that left it to this machine to propose something. */
export interface Turn extends Boot {
  /** The decision that it showed: one to replace, or an order; undefined where nothing was decided */
  readonly inForce: Decision | undefined;
  /** What stood before it, and stands on where this turn leads to nothing else */
  readonly settled: SettledState;
  readonly replaces: number | undefined;
}

/** What a look led to: an end, or why it waits on. */
export type BootStep =
  | { readonly found: Found }
  | {
      readonly why: CoatcheckError;
      readonly progress: Progress;
      /** Look again at once. */
      readonly soon?: boolean;
      /** What is in force, and is not taken */
      readonly untaken?: Decision;
    };

/** Waits on, in this state. */
export const waitOn = (
  { replaces }: Turn,
  why: CoatcheckError,
  state: State,
  soon = false,
): BootStep => ({ why, progress: { state, replaces }, soon });
