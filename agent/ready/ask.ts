import { fail, hasCode } from '../../protocol/errors.ts';
import { readBody, reasonOf } from '../../protocol/objects.ts';
import type { Fetch, FetchInit } from '../../protocol/objects.ts';
import { backoffSeconds } from '../boot/patience.ts';

/** What a web server answered: up to 256 KiB of UTF-8. */
export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** For one answer. */
export const LIMIT_SECONDS = 30;
const MAX_ANSWER_BYTES = 256 * 1024;
const TRIES = 6;

/** How others are waited for: for tests to change. */
export interface Manners {
  readonly pause?: (seconds: number) => Promise<void>;
  /** For one answer; default 30 s */
  readonly limitSeconds?: number;
}

/**
 * One request, answered within its time and 256 KiB.
 * @param who for messages, such as `the webhook`
 * @throws server_unreachable where another try may help: no answer, 429, 5xx
 */
export async function ask(
  fetch: Fetch,
  who: string,
  url: URL,
  init: FetchInit,
  { limitSeconds = LIMIT_SECONDS }: Manners = {},
): Promise<Reply> {
  let answer: Reply;
  try {
    const signal = AbortSignal.timeout(limitSeconds * 1000);
    const { status, body } = await fetch(url.href, { ...init, redirect: 'manual', signal });
    const bytes = await readBody({ body }, MAX_ANSWER_BYTES);
    answer = { status, text: new TextDecoder().decode(bytes ?? new Uint8Array()) };
  } catch (cause) {
    const said = `${who} at ${url.host} did not answer: ${reasonOf(cause, url.origin)}`;
    throw fail('server_unreachable', said, { cause });
  }
  const { status } = answer;
  if (status === 429 || status >= 500) {
    throw fail('server_unreachable', `${who} at ${url.host} answered ${status}`);
  }
  return answer;
}

const sleep = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Tries up to six times, with growing pauses, while nobody answers. */
export async function patiently<T>(
  act: () => Promise<T>,
  { pause = sleep }: Manners = {},
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!hasCode(error, 'server_unreachable') || attempt + 1 >= TRIES) throw error;
    }
    await pause(backoffSeconds(attempt, Math.random()));
  }
}
