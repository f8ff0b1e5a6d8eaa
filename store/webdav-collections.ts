import { fail } from '../protocol/errors.ts';
import { refusal } from './webdav-client.ts';
import type { WebdavClient } from './webdav-client.ts';
import { parseEntries, PROPERTIES } from './webdav-entries.ts';
import type { WebdavEntry } from './webdav-entries.ts';

/** What a listing of one collection takes at most: some 100,000 entries. */
const MAX_LISTING = 64 * 1024 * 1024;

/**
 * What a collection says of itself (`0`) and of what is in it (`1`); undefined where it is not.
 * @param path as in {@link WebdavRequest}, with a slash at its end
 * @throws the codes of a store
 */
export async function entriesOf(
  client: WebdavClient,
  path: string,
  depth: '0' | '1',
): Promise<WebdavEntry[] | undefined> {
  const asked = {
    ...({ method: 'PROPFIND', path, body: PROPERTIES, maxBytes: MAX_LISTING } as const),
    headers: { depth, 'content-type': 'application/xml; charset=utf-8' },
  };
  const answer = await client.ask(asked);
  if (answer.status === 404) return undefined;
  if (answer.status !== 207) throw refusal(client, asked, answer);
  if (answer.isTooLarge) throw notRead(client, path, 'it is longer than 64 MiB');
  try {
    return parseEntries(answer.body);
  } catch (cause) {
    throw notRead(client, path, (cause as Error).message.split('\n')[0]!, cause);
  }
}

/** The names in a collection, with what each is. What is elsewhere is no answer about it. */
export async function namesIn(
  client: WebdavClient,
  path: string,
): Promise<{ name: string; entry: WebdavEntry }[] | undefined> {
  const own = decodeURIComponent(client.pathOf(path));
  const entries = await entriesOf(client, path, '1');
  return entries?.flatMap((entry) => {
    const name = nameBelow(own, entry.href);
    if (name === undefined) throw notRead(client, path, `it names ${entry.href.slice(0, 100)}`);
    // Itself, and what a server keeps there for itself while it writes (`.davfs.tmp...`).
    return name === '' || name.startsWith('.') ? [] : [{ name, entry }];
  });
}

/** Undefined for what is not in this collection: its host is not looked at, and never asked. */
function nameBelow(folder: string, href: string): string | undefined {
  try {
    const path = decodeURIComponent(href.replace(/^https?:\/\/[^/]*/i, ''));
    if (!path.startsWith(folder)) return `${path}/` === folder ? '' : undefined;
    const name = path.slice(folder.length).replace(/\/$/, '');
    return name.includes('/') ? undefined : name;
  } catch {
    return undefined;
  }
}

/** An ETag as it compares: a weak one becomes a strong one as time passes. */
export const opaque = (etag: string): string => etag.replace(/^W\//, '').replaceAll('"', '');

const notRead = ({ url }: WebdavClient, path: string, why: string, cause?: unknown): Error =>
  fail('store_unavailable', `${url}${path}: its listing cannot be read: ${why}`, { cause });
