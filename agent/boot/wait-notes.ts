import { nodeWords } from '../../bundle/words.ts';
import type { CoatcheckError, ErrorDetails } from '../../bundle/errors.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { formatTime } from '../console/console.ts';
import type { Console } from '../console/console.ts';

const FIRST_REMINDER_MINUTES = 1;
const MAX_REMINDER_MINUTES = 60;

/** What a boot waits for, with its code. */
export type Reason = Pick<CoatcheckError, 'code' | 'message'> & {
  readonly details?: ErrorDetails;
};

/** Shows which machine this is so that it is found on a screen full of others' lines: its eight words, set apart. */
export function tellWords({ note }: Pick<Console, 'note'>, node: NodeId): void {
  for (const line of ['', 'this machine:', `    ${nodeWords(node)}`, '']) note(line);
}

/**
 * Says what a boot waits for: what is new at once, with the machine's words, since when, and what to do;
 * all of that again after a minute, two, four, and so on up to an hour, so that whoever comes to the console
 * finds it there and a weekend does not fill a log. In between a terminal shows that it still looks.
 * @param now Unix seconds
 * @param elapsed monotonic, milliseconds
 * @returns takes the reason, and what somebody at the console can do about it
 */
export function createWaitNotes(
  console: Pick<Console, 'note' | 'progress'>,
  node: NodeId,
  now: () => number,
  elapsed: () => number = () => performance.now(),
): (why: Reason, hint?: string) => void {
  let waits = '';
  let since = 0;
  let nextMinutes = 0;
  return (why, hint) => {
    const line = `${why.message} [${why.code}]`;
    const isNew = line !== waits;
    if (isNew) {
      waits = line;
      since = elapsed();
      nextMinutes = FIRST_REMINDER_MINUTES;
    }
    const seconds = Math.floor((elapsed() - since) / 1000);
    const minutes = Math.floor(seconds / 60);
    if (!isNew && minutes < nextMinutes) {
      console.progress(`still waiting: ${seconds} s; asked again at ${formatTime(now())}`);
      return;
    }
    if (!isNew) {
      while (nextMinutes <= minutes) nextMinutes += Math.min(nextMinutes, MAX_REMINDER_MINUTES);
    }
    tellWords(console, node);
    const howLong = isNew ? '' : `, for ${minutes} min`;
    console.note(`${line}, waiting since ${formatTime(now() - seconds)}${howLong}`);
    console.note(hint ?? whatToDo(why, node));
  };
}

/** Where nobody at the console can do anything about it. */
function whatToDo({ code, details }: Reason, node: NodeId): string {
  if (code === 'nothing_approved' && details?.['digest'] !== undefined) {
    // As much of the id as names a machine that nobody approved yet (docs/adr/0222); 78 columns.
    return `to do: an administrator compares the words: coatcheck approve ${node.slice(0, 16)}`;
  }
  if (details?.['wiped'] !== undefined)
    return `to do: an administrator decides anew: coatcheck renew ${node.slice(0, 16)}`;
  return ADMINISTRATORS.includes(code)
    ? 'to do: an administrator has to decide; this machine asks every minute'
    : 'to do: mend that; this machine tries again every minute, and goes on by itself';
}

/** What waits for a person, and for no cable or server (`wait` in protocol/errors.ts, but for an old copy). */
const ADMINISTRATORS: readonly string[] = ['nothing_approved', 'rejected', 'revoked', 'expired'];
