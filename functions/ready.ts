import { fail, hasCode } from '../protocol/errors.ts';
import type { KeysetReader } from './keysets.ts';

/** How long an answer about the store is good for: however many ask, the store is asked this often. */
export const READY_SECONDS = 5;
/** A store that takes longer is away for whoever asks. */
const PATIENCE_SECONDS = 5;

/**
 * Asks the store whether it answers, by one read of a keyset, which need not be there. What it said is
 * kept for {@link READY_SECONDS}, a refusal too, and one question serves all who ask at once.
 *
 * @param version of the keyset that is asked for
 * @returns what resolves where the store answers
 * @throws what the store throws; store_unavailable after five seconds without an answer
 */
export function createReadiness(
  reader: KeysetReader,
  version: number,
  { patienceSeconds = PATIENCE_SECONDS, now = () => performance.now() } = {},
): () => Promise<void> {
  let last: Promise<void> | undefined;
  let until = 0;
  return () => {
    if (last !== undefined && now() < until) return last;
    until = Infinity;
    last = inTime(look(reader, version), patienceSeconds).finally(() => {
      until = now() + READY_SECONDS * 1000;
    });
    return last;
  };
}

async function look(reader: KeysetReader, version: number): Promise<void> {
  try {
    await reader.read(version);
  } catch (error) {
    // An answer all the same, and what is wrong with it is said by the routes that need a keyset.
    if (!hasCode(error, 'too_large')) throw error;
  }
}

async function inTime(answer: Promise<void>, seconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(fail('store_unavailable', `the store did not answer within ${seconds} seconds`));
    }, seconds * 1000);
  });
  await Promise.race([answer, late]).finally(() => {
    clearTimeout(timer);
  });
}
