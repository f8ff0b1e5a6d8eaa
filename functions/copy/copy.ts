import { sha256 } from '#platform';
import { equalBytes, toHex } from '../../bundle/bytes.ts';
import { count } from '../../protocol/count.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES } from '../../protocol/history.ts';
import { parseKey, PREFIXES } from '../../protocol/keys.ts';
import type { ObjectKey, ParsedKey, Prefix } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectInfo, ObjectStore } from '../../store/port.ts';
import { wholeOf } from './digests.ts';
import { inParallel } from './in-parallel.ts';
import { COPY_MARKER, markerBytes, readMarker } from './marker.ts';

/** Whoever reads the copy in between finds what is decided only once all that it rests on is there. */
const ORDER = [
  'keysets',
  'history',
  'rejected',
  'reports',
  'pending',
  'cosign',
  'approved',
] as const;
PREFIXES satisfies readonly (typeof ORDER)[number][];

/** What a server takes away in the course of its work: from elsewhere nothing ever goes. */
const GOES_AWAY: readonly Prefix[] = ['rejected', 'reports', 'pending', 'cosign'];

/**
 * Nodes write these whenever they like, and nothing is decided by them: that they change is no reason to
 * look again at the others.
 */
const RESTLESS: readonly Prefix[] = ['reports', 'pending'];

/** How often all is looked at, while somebody goes on deciding. */
export const MAX_PASSES = 5;

/** What a copy did. */
export interface CopyOutcome {
  readonly objects: number;
  /** Written in this run. */
  readonly written: number;
  /** Taken away in this run, since they are gone from where they were. */
  readonly removed: number;
  readonly passes: number;
}

/**
 * Copies all objects of a site from one store to another, which may go on being used: in passes, until nothing
 * was decided during one. What is there already is read and compared, so that a run that was cut
 * short anywhere is finished by another. The copy is marked until `verifyStore` has passed.
 *
 * @param said told of each pass
 * @throws already_exists for a target that holds other objects; in_use where something was decided during
 *   each pass; does_not_verify where the target has what the source never can have lost; the codes of a store
 */
export async function copyStore(
  from: ObjectStore,
  to: ObjectStore,
  site: Site,
  said: (text: string) => void,
): Promise<CopyOutcome> {
  if ((await readMarker(from)) !== undefined) {
    throw fail('does_not_verify', 'the source is itself a copy that was not verified');
  }
  await mark(to, site, undefined);
  let written = 0;
  for (let passes = 1; passes <= MAX_PASSES; passes++) {
    const before = await versions(from);
    const pass = await copyAll(from, to);
    written += pass.written;
    said(`pass ${passes}: ${count(pass.digests.size, 'object')}, ${pass.written} written`);
    if (!sameVersions(before, await versions(from))) continue;
    const removed = await removeGone(to, pass.digests);
    const whole = wholeOf(pass.digests);
    await mark(to, site, whole);
    return { objects: whole.objects, written, removed, passes };
  }
  throw fail(
    'in_use',
    `something was decided during each of ${MAX_PASSES} passes: stop the server of the source, and copy again`,
  );
}

/** Says in the target that it is a copy of this site. @throws already_exists */
async function mark(
  to: ObjectStore,
  site: Site,
  whole: ReturnType<typeof wholeOf> | undefined,
): Promise<void> {
  const id = toHex(site.id);
  const bytes = markerBytes({
    ...{ coatcheck: 'store-copy/1', site: id },
    ...(whole === undefined ? {} : { whole }),
  });
  const there = await readMarker(to);
  if (there === undefined) {
    if ((await to.list('', { limit: 1 })).objects.length > 0) {
      throw fail('already_exists', 'the target holds objects already: name an empty one');
    }
    await to.create(COPY_MARKER, bytes);
    return;
  }
  if (there.marker.site !== id) {
    throw fail('already_exists', `the target is a copy of another site, ${there.marker.site}`);
  }
  await to.replace(COPY_MARKER, bytes, there.etag);
}

const nodeOf = (key: ParsedKey): string => ('node' in key ? key.node : '');

/** The objects of a site below some prefixes; what is none of ours stays where it is. */
async function* objectsOf(
  store: ObjectStore,
  prefixes: readonly Prefix[],
): AsyncGenerator<ObjectInfo & { readonly parsed: ParsedKey }> {
  for (const prefix of prefixes) {
    for await (const object of listAll(store, `${prefix}/`)) {
      const parsed = parseKey(object.key);
      if (parsed !== undefined) yield { ...object, parsed };
    }
  }
}

/** One pass. @returns what was read, hex SHA-256 by key */
async function copyAll(
  from: ObjectStore,
  to: ObjectStore,
): Promise<{ readonly digests: Map<string, string>; readonly written: number }> {
  const digests = new Map<string, string>();
  let written = 0;
  for (const prefix of ORDER) {
    await inParallel(
      objectsOf(from, [prefix]),
      ({ parsed }) => (prefix === 'keysets' ? '' : nodeOf(parsed)),
      async ({ key }) => {
        // Gone since it was listed.
        const object = await from.get(key, { maxBytes: MAX_ENTRY_BYTES });
        if (object === undefined) return;
        if (await put(to, key, object.body)) written++;
        digests.set(key, toHex(sha256(object.body)));
      },
    );
  }
  return { digests, written };
}

/** Makes the target have these bytes. @returns false where it has them */
async function put(to: ObjectStore, key: ObjectKey, body: Uint8Array): Promise<boolean> {
  const there = await to.get(key, { maxBytes: MAX_ENTRY_BYTES }).catch(async (error: unknown) => {
    if (!hasCode(error, 'too_large')) throw error;
    return to.head(key);
  });
  if (there === undefined) await to.create(key, body);
  else if ('body' in there && equalBytes(there.body, body)) return false;
  else await to.replace(key, body, there.etag);
  return true;
}

/** What tells whether anything was decided since: each object that is not restless, and its version. */
async function versions(store: ObjectStore): Promise<ReadonlyMap<string, string>> {
  const all = new Map<string, string>();
  const calm = ORDER.filter((prefix) => !RESTLESS.includes(prefix));
  for await (const { key, size, modified, version } of objectsOf(store, calm)) {
    all.set(key, version ?? `${size} ${modified.getTime()}`);
  }
  return all;
}

const sameVersions = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([key, version]) => b.get(key) === version);

/** Takes away what is gone from the source. @returns how many */
async function removeGone(to: ObjectStore, digests: ReadonlyMap<string, string>): Promise<number> {
  let removed = 0;
  for await (const { key, parsed } of objectsOf(to, ORDER)) {
    if (digests.has(key)) continue;
    if (!GOES_AWAY.includes(parsed.prefix)) {
      throw fail(
        'does_not_verify',
        `the target has ${key}, and the source lacks it: nothing of ${parsed.prefix}/ is ever deleted. Which of the two is older?`,
      );
    }
    await to.delete(key);
    removed++;
  }
  return removed;
}
