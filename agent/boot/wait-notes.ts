import { nodeWords } from '../../bundle/words.ts';
import type { CoatcheckError } from '../../bundle/errors.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { formatTime } from '../console/console.ts';
import type { Console } from '../console/console.ts';

const FIRST_REMINDER_MINUTES = 1;
const MAX_REMINDER_MINUTES = 60;

/** What a boot waits for, with its code. */
export type Reason = Pick<CoatcheckError, 'code' | 'message'>;

/**
 * Says what a boot waits for: what is new at once, with the machine's words and since when; the same
 * again after a minute, two, four, and so on up to an hour, so that whoever comes to the console
 * finds it there and a weekend does not fill a log.
 * @param now Unix seconds
 * @param elapsed monotonic, milliseconds
 * @returns takes the reason, and what somebody at the console can do about it
 */
export function createWaitNotes(
  console: Pick<Console, 'note'>,
  node: NodeId,
  now: () => number,
  elapsed: () => number = () => performance.now(),
): (why: Reason, hint?: string) => void {
  let waits = '';
  let since = 0;
  let nextMinutes = 0;
  const minutes = (): number => Math.floor((elapsed() - since) / 60_000);
  return ({ code, message }, hint) => {
    const line = `${message} [${code}]`;
    if (line !== waits) {
      waits = line;
      since = elapsed();
      nextMinutes = FIRST_REMINDER_MINUTES;
      console.note(`${line}, waiting since ${formatTime(now())}`);
      console.note(`this machine: ${nodeWords(node)}`);
    } else if (minutes() >= nextMinutes) {
      console.note(`${line}, waiting for ${minutes()} min`);
      while (nextMinutes <= minutes()) {
        nextMinutes += Math.min(nextMinutes, MAX_REMINDER_MINUTES);
      }
    } else return;
    if (hint !== undefined) console.note(hint);
  };
}
