import { fail, hasCode } from '../../protocol/errors.ts';
import { readBody, reasonOf } from '../../protocol/objects.ts';
import type { Fetch, FetchInit } from '../../protocol/objects.ts';
import { backoffSeconds } from '../boot/wait.ts';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

const LIMIT_SECONDS = 30;
const MAX_ANSWER_BYTES = 256 * 1024;
const TRIES = 6;

/**
 * One request, answered within 30 s and 256 KiB.
 * @param who for messages, such as `the webhook`
 * @throws server_unreachable where another try may help: no answer, 429, 5xx
 */
export async function ask(fetch: Fetch, who: string, url: URL, init: FetchInit): Promise<Answer> {
  let answer: Answer;
  try {
    const signal = AbortSignal.timeout(LIMIT_SECONDS * 1000);
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

export type Pause = (seconds: number) => Promise<void>;

export const sleep: Pause = (seconds) =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Tries up to six times, with growing pauses, while nobody answers. */
export async function patiently<T>(act: () => Promise<T>, pause: Pause = sleep): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!hasCode(error, 'server_unreachable') || attempt + 1 >= TRIES) throw error;
    }
    await pause(backoffSeconds(attempt, Math.random()));
  }
}
