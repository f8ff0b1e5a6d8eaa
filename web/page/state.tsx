import { WRONG } from '../../admin/views/states.ts';
import type { State } from '../../admin/views/states.ts';
import type { StatusView } from '../../admin/views/status.ts';
import { decisionText, olderText, saidText } from '../../words/status.ts';
import { Time } from './frame.tsx';

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

/** Of the words that say least by themselves. */
const MEANS: Readonly<Partial<Record<State, string>>> = {
  unpublished: 'A decision is recorded and not shown to the machine yet: a repair does that',
  unapproved: 'The machine says that it runs what nobody approved',
  undersigned: 'A decision lacks signatures of other administrators',
  first: 'Nothing was ever approved for this machine',
  drifted: 'Files left to the image differ from those that the machine was approved with',
  behind: 'The last report is about another decision than what is in force',
  partial: 'All is applied but files that something on the machine is in the way of',
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
    <span class={`badge ${KIND(state)}`} title={MEANS[state]}>
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

/** What is in force, and until when. */
export function InForce({ view }: { view: StatusView }) {
  const expires = view.decision?.expires;
  return (
    <>
      {decisionText(view)}
      {expires !== undefined && (
        <>
          , until <Time at={expires} />
        </>
      )}
    </>
  );
}

/** All of it is the machine's word but when it was stored. */
export function MachineSays({ view: { machine } }: { view: StatusView }) {
  if (machine === undefined) return <>-</>;
  return (
    <>
      {saidText(machine)} (
      {'time' in machine && (
        <>
          at <Time at={machine.time} />,{' '}
        </>
      )}
      stored <Time at={machine.stored} />
      {olderText(machine)})
    </>
  );
}
