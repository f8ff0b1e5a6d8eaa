import { hasCode } from '../../protocol/errors.ts';
import type { Patience } from './patience.ts';

/**
 * Asks somebody who may take an hour, or may not be there at all, and goes on looking meanwhile: what
 * an administrator decided goes before an answer.
 * @param ask its signal says that the answer is not wanted any more
 * @param isOvertaken one look
 * @throws as both; not the code interrupted of a question that was overtaken
 */
export async function askWhileLooking<T>(
  ask: (overtaken: AbortSignal) => Promise<T>,
  isOvertaken: () => Promise<boolean>,
  patience: Patience,
): Promise<T | 'overtaken'> {
  const overtaken = new AbortController();
  const answer = ask(overtaken.signal);
  try {
    while (!(await patience.pause(() => answer.then(() => true)))) {
      if (patience.isOver() || (await isOvertaken())) return 'overtaken';
    }
    return await answer;
  } finally {
    overtaken.abort();
    // The keyboard is given back before anything else is said.
    await answer.catch((error: unknown) => {
      if (!hasCode(error, 'interrupted')) throw error;
    });
  }
}
