import { randomBytes } from 'node:crypto';
import { utf8 } from '../../bundle/bytes.ts';
import type { WebdavClient, WebdavRequest } from '../../store/webdav-client.ts';
import { entriesOf, opaque } from '../../store/webdav-collections.ts';
import { reason } from './probe.ts';
import type { Finding } from './probe.ts';

const RACERS = 16;
const ANOTHER = 'use a server that does (docs/stores.md has what each was seen to do)';

/**
 * What the one writer of a WebDAV server rests on, and what nobody else may rely on there. All is in a
 * collection of its own, which is removed.
 */
export async function probeWebdav(client: WebdavClient): Promise<Finding[]> {
  const folder = `doctor-${randomBytes(8).toString('hex')}/`;
  const status = async (asked: WebdavRequest): Promise<number> => (await client.ask(asked)).status;
  const speaks = 'the server speaks WebDAV';
  try {
    if ((await entriesOf(client, '', '0')) === undefined) {
      const found = `there is no ${client.url.href}`;
      return [{ probe: speaks, status: 'fail', found, advice: 'make the collection first' }];
    }
  } catch (error) {
    const advice = `a plain nginx, say, has no PROPFIND and ignores conditions: ${ANOTHER}`;
    return [{ probe: speaks, status: 'fail', found: reason(error), advice }];
  }
  const made = await Promise.all(
    Array.from({ length: RACERS }, () => status({ method: 'MKCOL', path: folder })),
  );
  try {
    return [
      { probe: speaks, status: 'ok', found: 'it lists' },
      lease(made),
      ...(await creates(status, `${folder}create`)),
      ...(await etags(client, status, `${folder}replace`)),
    ];
  } finally {
    await client.ask({ method: 'DELETE', path: folder });
  }
}

function lease(made: readonly number[]): Finding {
  const probe = `${RACERS} MKCOL of one collection at once: one wins`;
  const won = made.filter((status) => status === 201).length;
  if (won === 1) return { probe, status: 'ok', found: 'one won' };
  const advice = `the lease of the one writer cannot be kept here: ${ANOTHER}`;
  return { probe, status: 'fail', found: `${won} won`, advice };
}

type Status = (asked: WebdavRequest) => Promise<number>;

async function creates(status: Status, path: string): Promise<Finding[]> {
  const create = (more: object = {}): WebdavRequest => ({
    ...{ method: 'PUT', path, body: utf8('coatcheck doctor'), ...more },
    headers: { 'if-none-match': '*' },
  });
  const kept = 'a PUT with If-None-Match fails where something is';
  let meanwhile = 0;
  const outer = await status(
    create({
      between: async () => {
        meanwhile = await status(create());
      },
    }),
  );
  const again = await status(create());
  if (again !== 412) {
    const advice = `what was decided could be written over: ${ANOTHER}`;
    return [{ probe: kept, status: 'fail', found: `it was answered ${again}`, advice }];
  }
  const race = 'a PUT with If-None-Match looks and writes in one step';
  const both = outer < 300 && meanwhile === 201;
  return [
    { probe: kept, status: 'ok', found: 'refused' },
    both
      ? {
          ...{
            probe: race,
            status: 'warn',
            found: 'two clients were told that they made the same',
          },
          advice:
            'as with mod_dav: the lease of `serve` keeps writers apart, so nothing else may write there',
        }
      : { probe: race, status: 'ok', found: `of two, one was answered ${outer}` },
  ];
}

async function etags(client: WebdavClient, status: Status, path: string): Promise<Finding[]> {
  const probe = 'a PUT with an old ETag fails';
  const put = (body: string, headers = {}): WebdavRequest => ({
    ...{ method: 'PUT', path, body: utf8(body), headers },
  });
  const tag = async (): Promise<string> =>
    (await client.ask({ method: 'HEAD', path })).headers.etag ?? '';
  await status(put('1'));
  const first = await tag();
  if (first === '') {
    const advice = `a replacement could not be conditional: ${ANOTHER}`;
    return [{ probe, status: 'fail', found: 'it has no ETags', advice }];
  }
  await status(put('more'));
  const isWeak = first.startsWith('W/');
  const condition = isWeak ? { if: `([${first}])` } : { 'if-match': first };
  const stale = await status(put('stale', condition));
  if (stale !== 412) {
    const advice = `an old decision could be written over a newer one: ${ANOTHER}`;
    return [{ probe, status: 'fail', found: `it was answered ${stale}`, advice }];
  }
  const told = 'each write has another ETag';
  const seen: string[] = [];
  for (let i = 0; i < RACERS; i++) {
    await status(put(`${i % 10}`));
    seen.push(opaque(await tag()));
  }
  const same = seen.filter((one, i) => one === seen[i - 1]).length;
  const weak = isWeak ? ', and they are weak at first' : '';
  return [
    { probe, status: 'ok', found: 'refused' },
    same === 0
      ? { probe: told, status: 'ok', found: `${RACERS} writes, ${RACERS} ETags${weak}` }
      : {
          ...{
            probe: told,
            status: 'warn',
            found: `${same} of ${RACERS} had the one before${weak}`,
          },
          advice: 'they are of time and length: `serve` writes again until another one is there',
        },
  ];
}
