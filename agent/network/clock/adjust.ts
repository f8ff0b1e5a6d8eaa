import type { LookupFunction } from 'node:net';
import { CoatcheckError } from '../../../bundle/errors.ts';
import { MAX_TIME } from '../../../bundle/statement.ts';
import { reachOnly } from '../../../net/reach.ts';
import { httpDate } from '../../../protocol/http-date.ts';
import type { Fetch, FetchAnswer, FetchInit } from '../../../protocol/objects.ts';
import { reasonOf } from '../../../protocol/objects.ts';
import { formatTime } from '../../console/console.ts';
import type { Console } from '../../console/console.ts';
import { keptBefore } from './before.ts';
import type { Before } from './before.ts';
import { systemClock } from './system-clock.ts';
import type { SystemClock } from './system-clock.ts';
import { claimedTime } from './claimed-time.ts';

/** What a clock is judged by; the rest is for tests to change. */
export interface ClockOptions {
  readonly console: Pick<Console, 'note'>;
  /** Unix seconds: when the image was made, undefined where it does not say. No clock that is right says less. */
  readonly built: number | undefined;
  readonly clock?: SystemClock;
  readonly kept?: Before;
}

/**
 * Moves a clock that says less than the image's date forward to it, as machines without a battery
 * boot in 1970: certificates would not be valid yet, and logs and files would be dated by nonsense.
 * Without the right to, it says so, and what this program dates itself takes the later of both.
 * Before that it takes back what an earlier process tried and was killed over.
 */
export async function adjustClock(options: ClockOptions): Promise<void> {
  const { console, built, clock = systemClock, kept = keptBefore() } = options;
  const tried = clock.now();
  try {
    if (await putBack(clock, kept)) {
      console.note(
        `the clock said ${formatTime(tried)}, for which nobody vouched: set back to ${formatTime(clock.now())}`,
      );
    }
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    console.note(
      `what the clock said before a time was tried on it cannot be read: ${error.message}`,
    );
  }
  const before = clock.now();
  if (built === undefined || before >= built || (await clock.isKept())) return;
  const refused = await clock.set(built);
  const said = `the clock said ${formatTime(before)}, before this image was made`;
  console.note(
    refused === undefined
      ? `${said}: set to ${formatTime(built)}`
      : `${said}, and cannot be set (${refused}): TLS may take certificates for not yet valid`,
  );
}

/** @returns why that cannot be, or undefined */
async function tryOut(clock: SystemClock, kept: Before, time: number): Promise<string | undefined> {
  try {
    kept.keep(clock.now());
  } catch (error) {
    return reasonOf(error);
  }
  const refused = await clock.set(time);
  if (refused !== undefined) kept.forget();
  return refused;
}

/** @returns whether it did: not where nothing was tried, something keeps it meanwhile, or it cannot be set */
async function putBack(clock: SystemClock, kept: Before): Promise<boolean> {
  const time = kept.now();
  if (time === undefined) return false;
  const isKept = await clock.isKept();
  if (!isKept && (await clock.set(time)) !== undefined) return false;
  kept.forget();
  return !isKept;
}

/** OpenSSL's codes for a certificate that the clock makes invalid. */
const BY_DATE = ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'];
/** Less is not worth setting a clock for. */
const MAX_DRIFT_SECONDS = 60;

/**
 * A fetch for a machine whose clock may be years off. Where TLS refuses a certificate because of its
 * dates, it asks the server for the time, without TLS's word for the answer and for nothing but that;
 * sets the clock to it; and asks again, verified. If that works, the clock gets the time of the
 * verified answer. If not, it gets back what it said before, which is kept in a file meanwhile: a
 * process that is killed in between leaves that to the next one (docs/adr/0128).
 *
 * Whoever forges the first answer needs a certificate of the CA that was valid at some time after the
 * image was made. A clock that NTP or the like keeps is left alone.
 */
export function followDates(fetch: Fetch, options: ClockOptions & FollowOptions): Fetch {
  const { console, built, clock = systemClock, kept = keptBefore(), lookup } = options;
  const { claimed = (url: string, init?: FetchInit) => askTime(url, init, lookup) } = options;
  const isPossible = (time: number | undefined): time is number =>
    time !== undefined && time >= (built ?? 0) && time <= MAX_TIME;
  let isTold = false;
  const tell = (answer: FetchAnswer, url: string): FetchAnswer => {
    const time = httpDate(answer.headers.get('date'));
    if (isTold || built === undefined || time === undefined) return answer;
    if (built <= time + MAX_DRIFT_SECONDS) return answer;
    isTold = true;
    console.note(
      `this image says that it was made ${formatTime(built)}, which is in the future: ${new URL(url).host} says that it is ${formatTime(time)}. By the image's date an approval may be over early`,
    );
    return answer;
  };
  return async (url, init) => {
    try {
      return tell(await fetch(url, init), url);
    } catch (error) {
      if (!isByDate(error) || (await clock.isKept())) throw error;
      if (built === undefined) {
        throw new Error(
          `${reasonOf(error)}: the clock here says ${formatTime(clock.now())}, and is set by no server, since this image does not say when it was made`,
        );
      }
      const time = await claimed(url, init);
      if (!isPossible(time)) throw error;
      const before = clock.now();
      const refused = await tryOut(clock, kept, time);
      if (refused !== undefined) throw unsettable(error, before, time, refused);
      try {
        const answer = await fetch(url, init);
        const verified = httpDate(answer.headers.get('date'));
        if (!isPossible(verified)) {
          await putBack(clock, kept);
          return answer;
        }
        if (Math.abs(verified - clock.now()) > MAX_DRIFT_SECONDS) await clock.set(verified);
        kept.forget();
        console.note(
          `the clock said ${formatTime(before)}: set to ${formatTime(clock.now())} by ${new URL(url).host}`,
        );
        return answer;
      } catch (again) {
        await putBack(clock, kept);
        throw again;
      }
    }
  };
}

/** How the time is asked for. */
export interface FollowOptions {
  /** How the name of whoever is asked for the time is resolved: as for `fetch` */
  readonly lookup?: LookupFunction;
  /** What whoever answers at a URL says that the time is, Unix seconds */
  readonly claimed?: (url: string, init?: FetchInit) => Promise<number | undefined>;
}

/** Where the answer of a server led to that URL, nobody else is asked for the time than for the object. */
function askTime(
  url: string,
  { unlessAt }: FetchInit = {},
  lookup: LookupFunction | undefined,
): Promise<number | undefined> {
  const within = unlessAt === undefined ? lookup : reachOnly(new URL(url), unlessAt, lookup);
  return claimedTime(url, { lookup: within });
}

function isByDate(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && BY_DATE.includes(error.code as string);
}

function unsettable(error: Error, before: number, time: number, refused: string): Error {
  return new Error(
    `${reasonOf(error)}: the clock here says ${formatTime(before)}, the server ${formatTime(time)}, and it cannot be set (${refused})`,
  );
}
