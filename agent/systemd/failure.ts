import { CoatcheckError } from '../../bundle/errors.ts';
import { errnoOf } from '../../files/errors.ts';

/** Something that shall take effect and does not. */
export interface Failure {
  /** A unit, `units`, `hostname`, `timezone`, `swap`, `network`, or a step of making a machine available */
  readonly what: string;
  /** A program's words: whoever prints them must escape them */
  readonly why: string;
}

/**
 * Does one step of several. Where it fails by an error of ours, or of the system or a library (one
 * with a `code`), that goes to `failed` and the next step can be done; a bug is thrown.
 *
 * @returns what `act` does; undefined where it failed
 */
export async function trying<T>(
  failed: Failure[],
  what: string,
  act: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    const isFailure = error instanceof CoatcheckError || errnoOf(error) !== undefined;
    if (!isFailure) throw error;
    failed.push({ what, why: (error as Error).message });
    return undefined;
  }
}
