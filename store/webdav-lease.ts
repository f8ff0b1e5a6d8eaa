import { setTimeout as sleep } from 'node:timers/promises';
import { describeOwner, disown, ownerOf, ownName } from '../files/own-name.ts';
import { utf8 } from '../bundle/bytes.ts';
import { fail } from '../protocol/errors.ts';
import { refusal, WRITE_SECONDS } from './webdav-client.ts';
import type { WebdavAnswer, WebdavClient, WebdavRequest } from './webdav-client.ts';
import { namesIn, opaque } from './webdav-collections.ts';

/**
 * Who may write (docs/adr/0291-one-writer-by-numbered-collections.md): whoever made the collection with the
 * highest number in `lease/`. MKCOL is the one request of which a server lets one of many win, being
 * `mkdir(2)` there. In it `holder` says who that is, and `beat`, empty, is written anew as long as he lives:
 * that wants no room on a full disk. It is removed when he gives the lease back.
 */
const LEASE = 'lease/';
const HOLDER = 'holder';
const BEAT = 'beat';
const LABEL = 'serve';

/** How often a holder says that he lives. */
const RENEW_SECONDS = 10;
/** How long he may begin a write after he asked and was told that nobody has a higher number. */
export const VALID_SECONDS = 30;
/**
 * After how long without a word from a holder of whom nobody here knows whether he lives somebody else may
 * take a higher number: more than the above and the longest write, with ten seconds for clocks that differ.
 */
export const SILENT_SECONDS = VALID_SECONDS + WRITE_SECONDS + 10;
/** How often a silent holder is looked at. */
const WATCH_SECONDS = 5;

/** Two clocks of this machine, milliseconds: neither is believed alone. */
interface Instant {
  readonly steady: number;
  readonly wall: number;
}

/** What a lease is taken with; the defaults are this machine's own. */
export interface LeaseOptions {
  readonly client: WebdavClient;
  /** A line for the operator. */
  readonly notice?: ((text: string) => void) | undefined;
  readonly clock?: () => Instant;
  readonly wait?: (seconds: number) => Promise<void>;
}

/** Runs one request that writes, where that is allowed. */
export type Writing = <T>(act: () => Promise<T>) => Promise<T>;

/** The right to write. */
export interface Lease {
  /** @throws store_unavailable where it is not certain now that nobody else writes */
  readonly writing: Writing;
  /** Says that we live. Never throws: without an answer the right ends by itself. */
  readonly renew: () => Promise<void>;
  /** Lets the next one begin at once, when what is under way has ended. */
  readonly release: () => Promise<void>;
}

interface Holder {
  /** `ownName` of who it is */
  readonly name: string;
  /** Another after each sign of life; undefined once the lease was given back */
  readonly beat: string | undefined;
}

/**
 * Takes the right to write, from a holder who gave it back, surely does not run any more, or was silent
 * for {@link SILENT_SECONDS}.
 *
 * @throws in_use, with who has it; the codes of a store
 */
export async function takeLease(options: LeaseOptions): Promise<Lease> {
  const { client, notice, clock = machineClock, wait = (s) => sleep(s * 1000) } = options;
  await ask(client, { method: 'MKCOL', path: LEASE }, [201, 403, 405]);
  const last = await newest(client);
  const before = last === 0 ? undefined : await readHolder(client, last);
  const isFree = last === 0 || (before !== undefined && before.beat === undefined);
  const state = isFree ? 'dead' : before === undefined ? 'unknown' : ownerOf(before.name);
  if (state === 'alive') throw taken(client, before);
  if (state === 'unknown') await watchSilence({ client, notice, wait }, last, before);
  const number = last + 1;
  const path = `${LEASE}${numbered(number)}/`;
  const made = await ask(client, { method: 'MKCOL', path }, [201, 403, 405]);
  // A number of long ago is free again, and is not the highest.
  if (made.status !== 201 || (await newest(client)) !== number) {
    throw taken(client, await readHolder(client, await newest(client)));
  }
  // He may have spoken, and asked, just before: what he may still begin ends first.
  if (state === 'unknown' && !isSame(before, await readHolder(client, last))) {
    await wait(SILENT_SECONDS);
  }
  const name = ownName(LABEL);
  // In this order: a holder without a beat has given the lease back.
  for (const [file, body] of [
    [BEAT, new Uint8Array()],
    [HOLDER, utf8(name)],
  ] as const) {
    await ask(client, { method: 'PUT', path: path + file, body }, [200, 201, 204, 404, 409]);
  }

  let valid: Instant | undefined;
  let isOver = false;
  const underWay = new Set<Promise<unknown>>();

  async function renew(): Promise<void> {
    if (isOver) return;
    const asked = clock();
    try {
      const said = { method: 'PUT', path: path + BEAT } as const;
      // Whoever has the next number removes ours.
      const { status } = await ask(client, said, [200, 201, 204, 404, 409]);
      if (status < 300 && (await newest(client)) === number) {
        valid = asked;
        return;
      }
      isOver = true;
      disown(name);
      notice?.(`${lost(client)}: nothing is written any more; start this one again`);
    } catch (error) {
      notice?.(`the lease was not renewed: ${(error as Error).message}`);
    }
  }

  await renew();
  if (valid === undefined) {
    disown(name);
    throw fail(
      'store_unavailable',
      `the lease of ${client.url.href} could not be taken: try again`,
    );
  }
  for (const { name: old } of (await namesIn(client, LEASE)) ?? []) {
    const asked = { method: 'DELETE', path: `${LEASE}${old}/` } as const;
    if (/^\d{10}$/.test(old) && Number(old) < number) await ask(client, asked, [200, 204, 404]);
  }
  return {
    async writing(act) {
      if (isOver) throw fail('store_unavailable', `${lost(client)}: start this one again`);
      if (valid === undefined || elapsed(valid, clock()) >= VALID_SECONDS) {
        throw fail(
          'store_unavailable',
          `the lease of ${client.url.href} was not renewed for ${VALID_SECONDS} s: nothing is written until it is`,
        );
      }
      const written = act();
      underWay.add(written);
      try {
        return await written;
      } finally {
        underWay.delete(written);
      }
    },
    renew,
    async release() {
      if (isOver) return;
      isOver = true;
      await Promise.allSettled(underWay);
      disown(name);
      await ask(client, { method: 'DELETE', path: path + BEAT }, [200, 204, 404]);
    },
  };
}

/** @throws in_use as soon as the holder says something, or somebody else is quicker */
async function watchSilence(
  {
    client,
    notice,
    wait,
  }: Pick<Required<LeaseOptions>, 'client' | 'wait'> & Pick<LeaseOptions, 'notice'>,
  number: number,
  seen: Holder | undefined,
): Promise<void> {
  notice?.(
    `${nameOf(seen)} had ${client.url.href}: whether it lives is seen within ${SILENT_SECONDS} s`,
  );
  for (let waited = 0; waited < SILENT_SECONDS; waited += WATCH_SECONDS) {
    await wait(WATCH_SECONDS);
    const now = await readHolder(client, number);
    if (!isSame(seen, now) || (await newest(client)) !== number) throw taken(client, now ?? seen);
  }
}

/** Renews it until what this gives is called, which gives it back. */
export function keepLease(lease: Lease, notice?: (text: string) => void): () => Promise<void> {
  let renewing = Promise.resolve();
  const timer = setInterval(() => {
    renewing = renewing.then(() => lease.renew());
  }, RENEW_SECONDS * 1000);
  return async () => {
    clearInterval(timer);
    await renewing;
    await lease.release().catch((error: unknown) => {
      notice?.(`the lease was not given back: ${(error as Error).message}`);
    });
  };
}

const machineClock = (): Instant => ({ steady: performance.now(), wall: Date.now() });

/** Seconds: a clock that was set back, or that stood still while the machine slept, makes it no shorter. */
const elapsed = (from: Instant, to: Instant): number =>
  Math.max(to.steady - from.steady, to.wall - from.wall) / 1000;

const numbered = (number: number): string => String(number).padStart(10, '0');

/** The highest number; 0 where there is none. */
async function newest(client: WebdavClient): Promise<number> {
  const names = (await namesIn(client, LEASE)) ?? [];
  const numbers = names.map(({ name }) => (/^\d{10}$/.test(name) ? Number(name) : 0));
  return Math.max(0, ...numbers);
}

async function readHolder(client: WebdavClient, number: number): Promise<Holder | undefined> {
  const path = `${LEASE}${numbered(number)}/`;
  const answer = await ask(client, { method: 'GET', path: path + HOLDER }, [200, 404]);
  if (answer.status === 404) return undefined;
  const name = Buffer.from(answer.body).toString().slice(0, 400);
  const { status, headers } = await ask(client, { method: 'HEAD', path: path + BEAT }, [200, 404]);
  const said = `${opaque(headers.etag ?? '')} ${headers['last-modified']}`;
  return { name, beat: status === 404 ? undefined : said };
}

const isSame = (one: Holder | undefined, two: Holder | undefined): boolean =>
  JSON.stringify(one) === JSON.stringify(two);

async function ask(
  client: WebdavClient,
  asked: WebdavRequest,
  expected: readonly number[],
): Promise<WebdavAnswer> {
  const answer = await client.ask(asked);
  if (!expected.includes(answer.status)) throw refusal(client, asked, answer);
  return answer;
}

const lost = ({ url }: WebdavClient): string => `another server writes to ${url.href}`;

const nameOf = (holder: Holder | undefined): string =>
  holder === undefined ? 'another server' : describeOwner(holder.name);

const taken = (client: WebdavClient, holder: Holder | undefined): Error =>
  fail(
    'in_use',
    `${nameOf(holder)} writes to ${client.url.href}, and only one server may: stop that one first`,
  );
