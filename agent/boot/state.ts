import type { DigestHex } from '../../protocol/keys.ts';
import type { Sent } from './propose.ts';
import type { Draft } from './snapshot.ts';
import type { Decision } from './source.ts';

/**
 * Where a boot is between two looks. Three of its states are settled: they say what stands with the
 * administrators. The others say what somebody at the console did on top of one of those.
 *
 *     undrafted --- a draft was sent -----------> waiting --- it was refused ---> refused
 *     waiting ----- it is gone, of an earlier boot ------------------------------> undrafted
 *     undrafted --- whoever was asked stopped --> stopped --- a key ------------> undrafted
 *     refused ----- a key ----------------------> again ----- a draft was sent -> waiting
 *     any of them - an answer was not sent -----> unsent ---- it was sent ------> waiting
 */
export type State = SettledState | StoppedState | AgainState | UnsentState;

/** What stands with the administrators, as far as this boot knows. */
export type SettledState = UndraftedState | WaitingState | RefusedState;

/** Nothing waits for a decision. */
export interface UndraftedState {
  readonly name: 'undrafted';
}

/** A proposal waits for an administrator. */
export interface WaitingState {
  readonly name: 'waiting';
  readonly digest: DigestHex;
  /** When it was last known to be with the server: monotonic milliseconds of the patience */
  readonly seen: number;
  /** Where it was sent by this boot: what, to be sent again, and when, unix seconds */
  readonly sent?: { readonly proposal: Sent; readonly at: number };
}

/** A proposal was refused. */
export interface RefusedState {
  readonly name: 'refused';
  readonly digest: DigestHex;
  /** The decision that refused it */
  readonly refusal: Decision;
}

/** Whoever was asked for a first draft stopped: nobody is asked until somebody presses a key. */
export interface StoppedState {
  readonly name: 'stopped';
  readonly from: SettledState;
}

/** Somebody pressed a key, to make another proposal than the one that was refused. */
export interface AgainState {
  readonly name: 'again';
  readonly from: RefusedState;
}

/** What somebody answered could not be sent yet. */
export interface UnsentState {
  readonly name: 'unsent';
  readonly from: SettledState;
  readonly draft: Draft;
  /** The refusal that it is another answer to */
  readonly after: DigestHex | undefined;
}

/** What a boot knows between two looks. */
export interface Progress {
  readonly state: State;
  /**
   * The seq of the decision that this boot shall replace, which is not applied; `newest` until a look
   * shows which one that is; undefined where there is none to replace.
   */
  readonly replaces: number | 'newest' | undefined;
}

/** What stands, whatever somebody at the console did. */
export const settledOf = (state: State): SettledState => ('from' in state ? state.from : state);

/** The proposal that the next look asks after. */
export function digestOf(state: State): DigestHex | undefined {
  const settled = settledOf(state);
  return settled.name === 'undrafted' ? undefined : settled.digest;
}

/** Whether somebody at the console could do something about it. */
export const canAnswer = (state: State): boolean =>
  state.name === 'stopped' || settledOf(state).name === 'refused';

/** Somebody did, by a key. An answer that could not be sent yet is sent before anything else. */
export function pressed(state: State): State {
  if (state.name === 'unsent') return state;
  const from = settledOf(state);
  return from.name === 'refused' ? { name: 'again', from } : from;
}
