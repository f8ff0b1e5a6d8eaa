import { setTimeout } from 'node:timers/promises';
import { fail, hasCode } from '../../protocol/errors.ts';
import { retryAfterOf } from '../../protocol/leave-alone.ts';
import { onTheWay } from '../../protocol/on-the-way.ts';
import { readBody, reasonOf } from '../../protocol/objects.ts';
import type { Fetch, FetchInit } from '../../protocol/objects.ts';
import { backoffSeconds } from '../boot/patience.ts';

/** What a web server answered: up to 256 KiB of UTF-8. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  /** The status, and what it means where something on the way gave it: what follows "answered" */
  readonly said: string;
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
  let retryAfter = {};
  try {
    const signal = AbortSignal.timeout(limitSeconds * 1000);
    const got = await fetch(url.href, { ...init, redirect: 'manual', signal });
    const bytes = await readBody(got, MAX_ANSWER_BYTES);
    const { says, retryAfter: seconds } = onTheWay(got);
    const { status } = got;
    const said = says === undefined ? `${status}` : `${status} ${says}`;
    answer = { status, said, text: new TextDecoder().decode(bytes ?? new Uint8Array()) };
    if (seconds !== undefined) retryAfter = { retryAfter: seconds };
  } catch (cause) {
    const said = `${who} at ${url.host} did not answer: ${reasonOf(cause, url.origin)}`;
    throw fail('server_unreachable', said, { cause });
  }
  const { status, said } = answer;
  if (status === 429 || status >= 500) {
    const details = retryAfter;
    throw fail('server_unreachable', `${who} at ${url.host} answered ${said}`, { details });
  }
  return answer;
}

/** However long somebody asks for: a boot waits for it. */
const MAX_PAUSE_SECONDS = 60;

/** Tries up to six times, with growing pauses, or as long ones as are asked for, while nobody answers. */
export async function patiently<T>(
  act: () => Promise<T>,
  { pause = (seconds) => setTimeout(seconds * 1000) }: Manners = {},
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!hasCode(error, 'server_unreachable') || attempt + 1 >= TRIES) throw error;
      const asked = Math.min(retryAfterOf(error) ?? 0, MAX_PAUSE_SECONDS);
      await pause(Math.max(asked, backoffSeconds(attempt, Math.random())));
    }
  }
}
