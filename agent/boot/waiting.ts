import type { CoatcheckError } from '../../bundle/errors.ts';
import { formatTime } from '../console/console.ts';
import type { Console } from '../console/console.ts';

const REMIND_MILLISECONDS = 60_000;

/**
 * Says what a boot waits for, with the code: what is new at once and since when, the same again at
 * most once a minute, so that whoever comes to the console finds it there.
 * @param now Unix seconds
 * @param elapsed monotonic, milliseconds
 */
export function createWaitNotes(
  console: Pick<Console, 'note'>,
  now: () => number,
  elapsed: () => number = () => performance.now(),
): (why: Pick<CoatcheckError, 'code' | 'message'>) => void {
  let waits = '';
  let since = 0;
  let toldAt = 0;
  return ({ code, message }) => {
    const line = `${message} [${code}]`;
    if (line !== waits) {
      since = elapsed();
      console.note(`${line}, waiting since ${formatTime(now())}`);
    } else if (elapsed() - toldAt >= REMIND_MILLISECONDS) {
      console.note(`${line}, waiting for ${Math.floor((elapsed() - since) / 60_000)} min`);
    } else return;
    waits = line;
    toldAt = elapsed();
  };
}
