import { CoatcheckError } from '../../bundle/errors.ts';
import { hasCode } from '../../protocol/errors.ts';
import type { ObjectStore } from '../../store/port.ts';
import { demandServable } from './marker.ts';

/** Milliseconds between two questions to a store that is away; and how long a start waits for the first answer. */
const PAUSE = 5_000;

/**
 * Refuses a copy that was not verified. A store that does not answer at once is asked until it does, or this is
 * stopped.
 *
 * @param found told of it, where that is only known later
 * @throws does_not_verify
 */
export async function refuseCopies(
  store: Pick<ObjectStore, 'list'>,
  found: (error: unknown) => void,
): Promise<{ readonly stop: () => void }> {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let isStarting = true;

  /** Until the store has answered. @returns the refusal, where it is one and the start waits for it */
  async function ask(): Promise<unknown> {
    try {
      await demandServable(store);
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      const isCopy = hasCode(error, 'does_not_verify');
      if (isCopy && isStarting) return error;
      if (isCopy) found(error);
      else if (!isStopped) timer = setTimeout(() => void ask(), PAUSE);
    }
    return undefined;
  }
  let patience: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    patience = setTimeout(() => resolve(undefined), PAUSE);
  });
  const refusal = await Promise.race([ask(), late]);
  clearTimeout(patience);
  isStarting = false;
  if (refusal !== undefined) throw refusal as CoatcheckError;
  return {
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
