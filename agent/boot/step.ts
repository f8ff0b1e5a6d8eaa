import type { CoatcheckError } from '../../bundle/errors.ts';
import type { Draft } from './snapshot.ts';
import type { Node } from './node.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import type { Servers } from './servers.ts';
import type { Decision, Source } from './source.ts';
import type { Patience } from './patience.ts';

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
export interface Context {
  readonly node: Node;
  readonly servers: Servers;
  readonly source: Source;
  readonly options: BootOptions;
}

/** What a boot knows between two looks. */
export interface State {
  readonly wait: Wait | undefined;
  /** The seq of the decision that this boot shall replace, where it shall: not to be applied. */
  readonly replaces: number | 'newest' | undefined;
  /** Whoever was asked for a first draft stopped. */
  readonly stopped?: boolean;
  /** Somebody pressed a key after a refusal. */
  readonly again?: boolean;
  /** What somebody answered, and could not be sent yet. */
  readonly unsent?: Unsent;
}

export interface Unsent {
  readonly draft: Draft;
  /** The refusal that it is another answer to */
  readonly after: DigestHex | undefined;
}

/** A proposal that this machine waits for. */
export interface Wait {
  readonly digest: DigestHex;
  /** Where it was sent by this boot: unix seconds */
  readonly since?: number;
  /** The decision that refused it */
  readonly refused?: Decision;
}

/** What a look led to: an end, or why it waits on. */
export type Step =
  | { readonly found: Found }
  | {
      readonly why: CoatcheckError;
      readonly state: State;
      /** Look again at once. */
      readonly soon?: boolean;
    };
