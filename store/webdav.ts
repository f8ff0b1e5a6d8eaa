import { fail } from '../protocol/errors.ts';
import type { ObjectKey } from '../protocol/keys.ts';
import { packedBy } from '../protocol/objects.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { alreadyExists, contentEtag, preconditionFailed, tooLarge } from './outcomes.ts';
import { compareKeys, mayHold, PAGE_SIZE } from './page.ts';
import type { ObjectHead, ObjectInfo, ObjectStore, StoredObject } from './port.ts';
import { refusal } from './webdav-client.ts';
import type { WebdavAnswer, WebdavClient, WebdavRequest } from './webdav-client.ts';
import { entriesOf, namesIn, opaque } from './webdav-collections.ts';
import type { Writing } from './webdav-lease.ts';
import type { WebdavEntry } from './webdav-entries.ts';

/** Where the objects are, below the collection of a store; it is also the mark of one. */
export const OBJECTS = 'objects/';
/** No object of coatcheck comes near it, and somebody else's is not read. */
const MAX_OBJECT = 16 * 1024 * 1024;
/** How long another ETag is waited for: the times of some servers are of whole seconds. */
const ETAG_MILLISECONDS = 3000;

/**
 * A store in a collection of a WebDAV server (RFC 4918), each object at `objects/<key>`.
 *
 * It has **one writer**: the conditions on PUT are sent, but a server may look first and write then, as
 * Apache's mod_dav does (docs/stores.md). Within this object writes of one key wait for one another; that
 * nobody else writes is the lease's part (webdav-lease.ts).
 *
 * @param writing runs each request that writes, where this process may write now
 */
export function createWebdavStore(
  client: WebdavClient,
  writing: Writing = (act) => act(),
): ObjectStore {
  const inTurn = createTurns();
  const pathOf = (key: string): string => {
    if (!isPlain(key)) throw fail('store_denied', `no object of a WebDAV server can be at ${key}`);
    return OBJECTS + key;
  };
  const write = (asked: WebdavRequest): Promise<WebdavAnswer> => writing(() => client.ask(asked));

  /** @throws no_such_bucket where there is no store: then nothing in it is "not found" */
  async function requireStore(): Promise<void> {
    const root = await entriesOf(client, OBJECTS, '0');
    if (root?.[0]?.isFolder !== true) throw noStore(client);
  }

  async function read(
    key: ObjectKey,
    maxBytes = MAX_OBJECT,
  ): Promise<(StoredObject & { tag: string | undefined }) | undefined> {
    const asked = { method: 'GET', path: pathOf(key), maxBytes } as const;
    const answer = await client.ask(asked);
    const { status, headers, body } = answer;
    if (status === 404 || leadsInto(client, asked.path, answer)) {
      await requireStore();
      return undefined;
    }
    if (status !== 200) throw refusal(client, asked, answer);
    if (answer.isTooLarge) throw tooLarge(key, maxBytes);
    const packed = packedBy(headers['content-encoding'], body);
    if (packed !== undefined)
      throw fail('store_unavailable', `${client.url.href}: ${key} ${packed}`);
    const modified = Date.parse(headers['last-modified'] ?? '');
    if (Number.isNaN(modified)) {
      throw fail('store_unavailable', `${client.url.href}: what answers is no WebDAV server`);
    }
    return {
      ...{ key, body, size: body.length, etag: contentEtag(body) },
      ...{ modified: new Date(modified), tag: headers.etag },
    };
  }

  async function head(key: ObjectKey): Promise<ObjectHead | undefined> {
    const object = await read(key);
    if (object === undefined) return undefined;
    const { size, etag, modified } = object;
    return { key, size, etag, modified };
  }

  /** @returns the answer: 201, 204 or 412 */
  async function put(
    key: ObjectKey,
    body: Uint8Array,
    headers: Record<string, string>,
  ): Promise<WebdavAnswer> {
    const asked = {
      ...({ method: 'PUT', path: pathOf(key), body } as const),
      headers: { 'content-type': 'application/octet-stream', ...headers },
    };
    let answer = await write(asked);
    if (answer.status === 404 || answer.status === 409) {
      await requireStore();
      await makeFolders(key);
      answer = await write(asked);
    }
    if (leadsInto(client, asked.path, answer)) {
      throw fail('store_unknown', `${client.url.href}: there is a collection at ${key}`);
    }
    if (![200, 201, 204, 412].includes(answer.status)) throw refusal(client, asked, answer);
    return answer;
  }

  /** The collections above a key. Another that makes one at the same time is told so by 405, or 403. */
  async function makeFolders(key: ObjectKey): Promise<void> {
    const segments = key.split('/').slice(0, -1);
    for (let i = 1; i <= segments.length; i++) {
      const path = `${OBJECTS}${segments.slice(0, i).join('/')}/`;
      const asked = { method: 'MKCOL', path } as const;
      const answer = await write(asked);
      if ([201, 405].includes(answer.status)) continue;
      const there = answer.status === 403 ? await entriesOf(client, path, '0') : undefined;
      if (there?.[0]?.isFolder !== true) throw refusal(client, asked, answer);
    }
  }

  /** @param condition of the server's own ETag: strong ones only compare in `If-Match` (RFC 9110, 13.1.1) */
  async function replaceTagged(key: ObjectKey, body: Uint8Array, tag: string): Promise<void> {
    const condition: Record<string, string> = tag.startsWith('W/')
      ? { if: `([${tag}])` }
      : { 'if-match': tag };
    if ((await put(key, body, condition)).status === 412) throw preconditionFailed(key);
  }

  /**
   * Whether the server tells what was written from what was there: its ETag may be of time and length, and
   * its clock may have stood still between two writes.
   */
  async function hasOtherTag(key: ObjectKey, before: string): Promise<boolean> {
    const asked = { method: 'HEAD', path: pathOf(key) } as const;
    const answer = await client.ask(asked);
    if (answer.status !== 200) throw refusal(client, asked, answer);
    const { etag } = answer.headers;
    return etag !== undefined && opaque(etag) !== opaque(before);
  }

  /**
   * Writes the same again until the server has another ETag for it than for what was there.
   * @throws store_unknown: the object is written, and something is not as it should be
   */
  async function changeTag(key: ObjectKey, body: Uint8Array, before: string): Promise<void> {
    const until = performance.now() + ETAG_MILLISECONDS;
    try {
      while (!(await hasOtherTag(key, before))) {
        if (performance.now() > until) throw new Error('its ETags do not change with the bytes');
        await sleep(10);
        await replaceTagged(key, body, before);
      }
    } catch (cause) {
      const why = (cause as Error).message;
      throw fail('store_unknown', `${client.url.href}: ${key} was written, but ${why}`, { cause });
    }
  }

  return {
    create: (key, body) =>
      inTurn(key, async () => {
        const { status } = await put(key, body, { 'if-none-match': '*' });
        if (status === 412) throw alreadyExists(key);
        if (status !== 201) {
          throw fail(
            'store_unknown',
            `${client.url.href}: it wrote over ${key}, whatever it was told`,
          );
        }
        return { etag: contentEtag(body) };
      }),

    replace: (key, body, etag) =>
      inTurn(key, async () => {
        const there = await read(key);
        if (there?.etag !== etag) throw preconditionFailed(key);
        if (there.tag === undefined) {
          throw fail(
            'store_unavailable',
            `${client.url.href}: it has no ETags, and so no conditions`,
          );
        }
        const written = { etag: contentEtag(body) };
        await replaceTagged(key, body, there.tag);
        if (written.etag !== etag) await changeTag(key, body, there.tag);
        return written;
      }),

    get: async (key, { maxBytes }) => {
      const object = await read(key, maxBytes);
      if (object === undefined) return undefined;
      const { body, size, etag, modified } = object;
      return { key, body, size, etag, modified };
    },

    head,

    delete: (key) =>
      inTurn(key, async () => {
        const asked = { method: 'DELETE', path: pathOf(key) } as const;
        // Of a collection it would delete all that is in it.
        const there = await entriesOf(client, asked.path, '0');
        if (there === undefined) await requireStore();
        if (there?.[0]?.isFolder !== false) return;
        const answer = await write(asked);
        if (answer.status === 404) await requireStore();
        else if (![200, 204].includes(answer.status)) throw refusal(client, asked, answer);
      }),

    async list(prefix, { after, limit = PAGE_SIZE } = {}) {
      const size = Math.min(limit, PAGE_SIZE);
      const wanted = { prefix, enough: size + 1, ...(after === undefined ? {} : { after }) };
      const found: ObjectInfo[] = [];
      const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
      if (folder === '' || isPlain(folder.slice(0, -1))) {
        await collect(client, folder, wanted, found);
      }
      // Afterwards: a disk that is gone meanwhile has a listing that looks complete.
      await requireStore();
      const objects = found.slice(0, size);
      return { objects, ...(found.length > size ? { next: objects.at(-1)!.key } : {}) };
    },
  };
}

/** Whether each segment is a name that a server keeps as it is, and that leads nowhere else. */
const isPlain = (key: string): boolean =>
  key.split('/').every((segment) => !/^\.|^$|[\0-\x1f\x7f]/.test(segment));

/** Makes the collections of a store, where they are missing. @throws the codes of a store */
export async function makeWebdavStore(client: WebdavClient): Promise<void> {
  const asked = { method: 'MKCOL', path: OBJECTS } as const;
  if ((await entriesOf(client, OBJECTS, '0'))?.[0]?.isFolder === true) return;
  if ((await entriesOf(client, '', '0')) === undefined) throw noStore(client);
  const answer = await client.ask(asked);
  if (![201, 405].includes(answer.status)) throw refusal(client, asked, answer);
}

/** Adds what starts with the prefix and sorts after `after`, in order, until there are `enough`. */
async function collect(
  client: WebdavClient,
  folder: string,
  wanted: { prefix: string; after?: string; enough: number },
  found: ObjectInfo[],
): Promise<void> {
  const names = (await namesIn(client, OBJECTS + folder)) ?? [];
  const there = names.flatMap(({ name, entry }) => {
    // A collection sorts as what is in it.
    const key = `${folder}${name}${entry.isFolder ? '/' : ''}`;
    return mayHold(key, entry.isFolder, wanted) ? [{ key, entry }] : [];
  });
  for (const { key, entry } of there.sort((a, b) => compareKeys(a.key, b.key))) {
    if (found.length >= wanted.enough) return;
    if (entry.isFolder) await collect(client, key, wanted, found);
    else found.push(infoOf(key as ObjectKey, entry));
  }
}

function infoOf(key: ObjectKey, { size, modified, etag }: WebdavEntry): ObjectInfo {
  const version = etag === undefined ? '' : opaque(etag);
  const isGood = /^[^"]{1,128}$/.test(version);
  return { key, size, modified, ...(isGood ? { version } : {}) };
}

/** Whether a server leads from a collection's name to the collection: there is no object, then. */
function leadsInto(client: WebdavClient, path: string, { status, headers }: WebdavAnswer): boolean {
  const { location } = headers;
  if (![301, 302, 307, 308].includes(status) || location === undefined) return false;
  if (!URL.canParse(location, client.url)) return false;
  return new URL(location, client.url).pathname.endsWith(`${client.pathOf(path)}/`);
}

const noStore = ({ url }: WebdavClient): Error =>
  fail(
    'no_such_bucket',
    `there is no store of coatcheck at ${url}: \`coatcheck serve\` makes one in a collection`,
  );

/** Runs what is about one key one after the other. */
function createTurns(): <T>(key: string, act: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, act) => {
    const before = last.get(key) ?? Promise.resolve();
    const mine = before.then(act, act);
    last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
}
