import { sha256 } from '#platform';
import { equalBytes, fromHex, toHex } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { bundleDigest } from '../../bundle/header.ts';
import { count } from '../../protocol/count.ts';
import { codeOf, fail } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES, verifyEntry } from '../../protocol/history.ts';
import { parseKey } from '../../protocol/keys.ts';
import type { ObjectKey, ParsedKey } from '../../protocol/keys.ts';
import { keysetsOf } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import { LASTING } from '../doctor/probe.ts';
import { currentChain, storeKeysets } from '../keysets.ts';
import { wholeOf } from './digests.ts';
import { inParallel } from './in-parallel.ts';
import { COPY_MARKER, readMarker } from './marker.ts';

/** What a store was found to hold. */
export interface Verified {
  readonly objects: number;
  /** Objects that do not verify by themselves, and why; at most a hundred. */
  readonly junk: readonly { readonly key: string; readonly code: ErrorCode }[];
  readonly junkCount: number;
  /** Whether it was a copy, which may be served from now on. */
  readonly wasCopy: boolean;
}

const MAX_NAMED = 100;

/**
 * Reads every object of a store. Keysets, decisions and proposals must verify by themselves; of a copy all must be,
 * byte for byte, what was copied: then its mark is taken away, and it may be served. In a copy what does not
 * verify did not where it came from either, and is named; otherwise it is a fault.
 *
 * @throws does_not_verify, which names what it is about; the codes of a store
 */
export async function verifyStore(store: ObjectStore, site: Site): Promise<Verified> {
  const there = await readMarker(store);
  const marker = there?.marker;
  if (marker !== undefined && marker.site !== toHex(site.id)) {
    throw fail('wrong_site', `the store is a copy of another site, ${marker.site}`);
  }
  if (marker !== undefined && marker.whole === undefined) {
    throw fail('does_not_verify', 'the copy was not finished: run the same store copy again');
  }
  await currentChain(storeKeysets(store), keysetsOf(site));
  const digests = new Map<string, string>();
  const junk: { key: string; code: ErrorCode }[] = [];
  await inParallel(
    listAll(store, ''),
    ({ key }) => key,
    async ({ key }) => {
      if (key === COPY_MARKER) return;
      const object = await store.get(key, { maxBytes: MAX_ENTRY_BYTES });
      if (object === undefined) return;
      digests.set(key, toHex(sha256(object.body)));
      // What doctor leaves is none of a node's.
      const code = key === LASTING ? undefined : faultOf(key, object.body, site);
      if (code !== undefined) junk.push({ key, code });
    },
  );
  junk.sort((a, b) => (a.key < b.key ? -1 : 1));
  const named = junk.slice(0, 3).map(({ key, code }) => `${key} (${code})`);
  const found = wholeOf(digests);
  const isAsCopied = marker?.whole?.sha256 === found.sha256;
  if (marker !== undefined && !isAsCopied) {
    const held = `it holds ${count(found.objects, 'object')} of ${marker.whole!.objects}`;
    const which = named.length === 0 ? '' : `; these do not verify: ${named.join(', ')}`;
    throw fail(
      'does_not_verify',
      `the store is not what was copied: ${held}${which}. Run the same store copy again: it compares each object, and writes what differs`,
    );
  }
  if (marker === undefined && junk.length > 0) {
    throw fail(
      'does_not_verify',
      `${count(junk.length, 'object')} of ${found.objects} do not verify: ${named.join(', ')}`,
    );
  }
  if (marker !== undefined) await store.delete(COPY_MARKER);
  return {
    ...{ objects: found.objects, junk: junk.slice(0, MAX_NAMED), junkCount: junk.length },
    wasCopy: marker !== undefined,
  };
}

/** Why an object does not verify by itself; sealed ones cannot be told. */
function faultOf(key: ObjectKey, bytes: Uint8Array, site: Site): ErrorCode | undefined {
  const parsed = parseKey(key);
  if (parsed === undefined) return 'bad_request';
  try {
    demandOwn(parsed, bytes, site);
    return undefined;
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return codeOf(error);
  }
}

function demandOwn(parsed: ParsedKey, bytes: Uint8Array, site: Site): void {
  switch (parsed.prefix) {
    case 'history':
    case 'approved':
    case 'rejected':
      verifyEntry(bytes, site, parsed.node);
      return;
    case 'pending':
      if (!equalBytes(bundleDigest(bytes), fromHex(parsed.digest))) {
        throw fail('does_not_verify', 'the bytes are not those that the key names');
      }
      return;
    case 'keysets': // followed before, from the first that the site knows
    case 'reports':
    case 'cosign':
  }
}
