import { CoatcheckError } from '../../bundle/errors.ts';
import { LOOK_SECONDS } from '../events.ts';
import type { EventSource } from '../events.ts';
import { allStates } from '../states.ts';
import type { PublicState, StatesReader } from '../states.ts';

/** What ends without anybody's doing is looked for so often, milliseconds. */
const EVERY = 3_600_000;

/**
 * Tells how all nodes stand: at once, whenever something else waits, and every hour, until it is stopped. While the
 * store cannot be asked it tells nothing, and tries again.
 */
export function keepTelling(
  events: EventSource,
  reader: StatesReader,
  tell: (states: readonly PublicState[]) => void,
  failed: (error: unknown) => void,
): { readonly stop: () => void } {
  let [cursor, toldAt, isStopped]: [string | undefined, number, boolean] = [undefined, 0, false];
  let timer: NodeJS.Timeout | undefined;
  let isDown = false;

  async function look(): Promise<void> {
    let again = 0;
    try {
      const moment = await events.wait(cursor);
      if (isStopped) return;
      ({ again } = moment);
      if (moment.cursor !== cursor || performance.now() - toldAt >= EVERY) {
        tell(await allStates(reader));
        [cursor, toldAt] = [moment.cursor, performance.now()];
      }
      isDown = false;
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      if (!isDown) failed(error);
      [again, isDown] = [LOOK_SECONDS, true];
    }
    if (isStopped) return;
    timer = setTimeout(() => void look(), again * 1000);
  }
  void look();
  return {
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
