import { claimsOf, isSealedToOthers } from '../admin/views/status.ts';
import type { StatusNote, StatusView } from '../admin/views/status.ts';
import { escapeLine } from '../protocol/escape.ts';
import { imageShown } from './attested.ts';
import { decidedBy } from './decisions.ts';
import { when } from './time.ts';
import type { Voice } from './voice.ts';
import { problemText } from './warnings.ts';

/** The name in force, or that which is claimed. */
export function nameText(view: StatusView): string {
  const [claim] = claimsOf(view);
  if (view.name !== undefined) return escapeLine(view.name);
  return claim === undefined ? '-' : `claims ${escapeLine(claim)}`;
}

/** What is in force, and until when. */
export function inForceText(view: StatusView): string {
  const expires = view.decision?.expires;
  return `${decisionText(view)}${expires === undefined ? '' : `, until ${when(expires)}`}`;
}

/** What is in force, without its end. */
export function decisionText({ decision, problem }: StatusView): string {
  if (decision === undefined) return problem === undefined ? '-' : problemText(problem);
  const { type, seq } = decision;
  return `${type} (seq ${seq}) by ${escapeLine(decidedBy(decision))}`;
}

/** Of a report that is sealed to others. */
export const NOT_SEALED_TO_YOU =
  'not readable: reported before you were an administrator; readable after its next report';

/** All of it is the machine's word but when it was stored. */
export function machineText({ machine }: StatusView): string {
  if (machine === undefined) return '-';
  const times = [
    ...('time' in machine ? [`at ${when(machine.time)}`] : []),
    `stored ${when(machine.stored)}`,
  ];
  return `${saidText(machine)} (${times.join(', ')}${olderText(machine)})`;
}

/** Which image the machine runs, as far as its TPM vouches for it. */
export const imageText = ({ machine }: StatusView): string =>
  machine === undefined || 'problem' in machine ? '-' : imageShown(machine);

type Said = NonNullable<StatusView['machine']>;

/** What a machine says, without times; or why that cannot be read. */
export function saidText(machine: Said): string {
  if (!('problem' in machine)) return escapeLine(machine.result);
  const { problem } = machine;
  return isSealedToOthers(problem) ? NOT_SEALED_TO_YOU : problemText(problem);
}

/** What stands behind the times of a report that goes back, or nothing. */
export const olderText = (machine: Said): string =>
  'isOlder' in machine && machine.isOlder ? ', older than one seen before' : '';

/** What somebody should know who looks at a node, in one sentence. */
export function noteText(note: StatusNote, voice: Voice = 'terminal'): string {
  if (note.code === 'succeeds') {
    return `it was ${note.node}, by the signature of that key: ${voice === 'page' ? 'in a terminal, ' : ''}coatcheck transfer --successors gives it what that has`;
  }
  const name = escapeLine(note.name);
  switch (note.code) {
    case 'name_in_force':
      return `what waits claims ${name}, which is in force for ${note.nodes.join(', ')}`;
    case 'name_claimed':
      return `${name} is claimed as well by ${note.nodes.join(', ')}`;
    case 'name_twice':
      return `${name} is in force as well for ${note.nodes.join(', ')}`;
    case 'maybe_new_key': {
      const gives =
        voice === 'page'
          ? `“Give to a new key” on the page of ${note.node}`
          : `coatcheck transfer ${note.node} NEW`;
      return `${note.node} with a new key, or another that says so: somebody who knows the machine has to find out which, and ${gives} gives it what that has`;
    }
  }
}
