import { WRONG } from '../../admin/views/states.ts';
import type { State } from '../../admin/views/states.ts';
import type { StatusView } from '../../admin/views/status.ts';

/** A shape for each state, so that none is told by its colour alone. */
const SHAPES: Readonly<Record<State, string>> = {
  unreadable: '✖',
  unpublished: '◧',
  unapproved: '✖',
  failed: '✖',
  expired: '✖',
  undersigned: '✎',
  waiting: '▲',
  first: '△',
  drifted: '◇',
  expiring: '◔',
  behind: '◑',
  unheard: '◌',
  'never-booted': '○',
  partial: '◐',
  reconfigure: '↻',
  revoked: '⊘',
  rejected: '⊗',
  'in-force': '●',
  nothing: '·',
};

const KIND = (state: State): 'bad' | 'wait' | 'good' | 'plain' =>
  WRONG.includes(state)
    ? 'bad'
    : state === 'waiting' || state === 'first' || state === 'undersigned'
      ? 'wait'
      : state === 'in-force'
        ? 'good'
        : 'plain';

/** One state: its shape, its word, its colour. */
export function Badge({ state }: { state: State }) {
  return (
    <span class={`badge ${KIND(state)}`}>
      <span aria-hidden="true">{SHAPES[state]}</span> {state}
    </span>
  );
}

/** All states of a node, in the order of what wants somebody first. */
export function States({ view: { states, refreshing } }: { view: StatusView }) {
  return (
    <span class="states">
      {states.map((state) => (
        <Badge state={state} />
      ))}
      {refreshing && <span class="dim">refreshing</span>}
    </span>
  );
}
