import { CoatcheckError } from '../bundle/errors.ts';
import { hasCode } from './errors.ts';
import { MAX_RETRY_AFTER_SECONDS } from './on-the-way.ts';

/** Whoever is asked, and asks for patience: each by its origin. */
export interface LeavingAlone {
  /** What changes nothing, and may be asked again. @throws as `act` */
  read<T>(url: string, act: () => Promise<T>): Promise<T>;
  /** What may have happened although nobody said so: it is for the caller to ask again. @throws as `act` */
  write<T>(url: string, act: () => Promise<T>): Promise<T>;
}

/** How often what only reads is asked for, in all. */
const TRIES = 4;
/** Longer than this no person is made to wait for one try. */
const MAX_WAIT_SECONDS = 60;

/**
 * Heeds `Retry-After`: before it is over nothing goes to that origin, and the refusal stands.
 * @param waits what only reads waits for that time, or a growing one where none was named, and is then
 *   asked again
 */
export function leavingAlone(waits: boolean): LeavingAlone {
  const refused = new Map<string, { readonly error: unknown; readonly until: number }>();

  async function once<T>(url: string, act: () => Promise<T>): Promise<T> {
    const origin = URL.canParse(url) ? new URL(url).origin : url;
    const last = refused.get(origin);
    if (last !== undefined && performance.now() < last.until) throw last.error;
    try {
      return await act();
    } catch (error) {
      const seconds = retryAfterOf(error);
      if (seconds !== undefined) {
        refused.set(origin, { error, until: performance.now() + seconds * 1000 });
      }
      throw error;
    }
  }

  return {
    write: once,
    async read(url, act) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await once(url, act);
        } catch (error) {
          const seconds = retryAfterOf(error) ?? Math.random() * 2 ** (attempt - 1);
          const mayHelp = waits && attempt < TRIES && seconds <= MAX_WAIT_SECONDS;
          if (!mayHelp || !isPassing(error)) throw error;
          // Never a moment too early: a timer may be.
          await new Promise((resolve) => setTimeout(resolve, seconds * 1000 + 5));
        }
      }
    },
  };
}

function detailOf(error: unknown, name: string): unknown {
  return error instanceof CoatcheckError ? error.details[name] : undefined;
}

/** For how long an error says that its sender asks to be left alone, seconds; undefined if it does not. */
export function retryAfterOf(error: unknown): number | undefined {
  const seconds = detailOf(error, 'retryAfter');
  if (typeof seconds !== 'number') return undefined;
  // A server may have put it there itself.
  return Math.max(0, Math.min(seconds, MAX_RETRY_AFTER_SECONDS));
}

/** Of a server or a store that is there, or something in front of it, and may serve soon. */
function isPassing(error: unknown): boolean {
  const status = detailOf(error, 'status');
  return (
    retryAfterOf(error) !== undefined ||
    (hasCode(error, 'server_unreachable', 'store_unavailable') &&
      typeof status === 'number' &&
      [429, 500, 502, 503, 504].includes(status))
  );
}
