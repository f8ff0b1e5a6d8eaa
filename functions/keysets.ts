import { CoatcheckError } from '../bundle/errors.ts';
import type { PublicKeys } from '../bundle/identity.ts';
import { equalBytes } from '../bundle/bytes.ts';
import { decodeSignedKeyset, MAX_KEYSET_BYTES, verifyLink } from '../bundle/keyset.ts';
import type { AdminKey, SignedKeyset } from '../bundle/keyset.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { keysetKey } from '../protocol/keys.ts';
import { getObject } from '../protocol/objects.ts';
import type { Fetch } from '../protocol/objects.ts';
import { keysetsOf } from '../protocol/site.ts';
import type { Site } from '../protocol/site.ts';
import type { ObjectStore, UrlSigner } from '../store/port.ts';

/** Reads `keysets/<version>`; undefined only if it is not there. */
export interface KeysetReader {
  read(version: number): Promise<Uint8Array | undefined>;
}

/** Reads keysets from a store, one object a version. */
export function storeKeysets(store: Pick<ObjectStore, 'get'>): KeysetReader {
  return {
    read: async (version) =>
      (await store.get(keysetKey(version), { maxBytes: MAX_KEYSET_BYTES }))?.body,
  };
}

/**
 * Asks a listing first: for a credential that may not list the whole bucket, S3 answers 403 instead
 * of 404 for a key that is not there, and 403 is no end of the chain.
 */
export function listedKeysets(store: Pick<ObjectStore, 'get' | 'list'>): KeysetReader {
  const stored = storeKeysets(store);
  return {
    read: async (version) => {
      const after = keysetKey(version - 1);
      const { objects } = await store.list('keysets/', { after, limit: 1 });
      return objects[0]?.key === keysetKey(version) ? stored.read(version) : undefined;
    },
  };
}

/** Reads by presigned GETs: for a function that has a signer and no client of the store. */
export function presignedKeysets(signer: UrlSigner, fetch: Fetch): KeysetReader {
  return {
    read: async (version) => {
      const { url } = await signer.signGet(keysetKey(version), { expiresInSeconds: 60 });
      const options = { maxBytes: MAX_KEYSET_BYTES, timeoutSeconds: 10, fetch };
      const answer = await getObject(url, options);
      return answer.found ? answer.body : undefined;
    },
  };
}

/**
 * The verified keysets that follow `known`, up to the newest: read one version after another until
 * one is not there, so that no LIST is needed.
 *
 * @throws the codes of the store; does_not_verify if what is stored is not the next keyset: to go
 *   on without it would trust keys that were taken away
 */
export async function currentChain(
  reader: KeysetReader,
  known: readonly [SignedKeyset, ...SignedKeyset[]],
): Promise<[SignedKeyset, ...SignedKeyset[]]> {
  const chain: [SignedKeyset, ...SignedKeyset[]] = [...known];
  let last = chain.at(-1)!;
  for (;;) {
    const version = last.keyset.version + 1;
    const bytes = await reader.read(version).catch((error: unknown) => {
      if (hasCode(error, 'too_large')) return new Uint8Array(); // no keyset either
      throw error;
    });
    if (bytes === undefined) return chain;
    last = nextKeyset(last, bytes, version);
    chain.push(last);
  }
}

function nextKeyset(before: SignedKeyset, bytes: Uint8Array, version: number): SignedKeyset {
  try {
    const next = decodeSignedKeyset(bytes);
    verifyLink(before, next);
    return next;
  } catch (cause) {
    if (!(cause instanceof CoatcheckError)) throw cause;
    const key = keysetKey(version);
    throw fail('does_not_verify', `${key} is not the next keyset: put the right one back`, {
      cause,
      details: { key },
    });
  }
}

/**
 * The site's chain, from the oldest keyset that its file has to the newest.
 * @param maxAge seconds: a chain that was read so long ago is read again; absent: that of the reader
 */
export type ChainReader = (maxAge?: number) => Promise<readonly SignedKeyset[]>;

/**
 * {@link currentChain}, read again at most every `cacheSeconds`. Keysets never change once they
 * are stored, so what was read stays, and reading again asks only for what follows.
 *
 * @param clock Unix time, seconds
 */
export function cachedChain(
  reader: KeysetReader,
  site: Site,
  options: { cacheSeconds: number; clock: () => number },
): ChainReader {
  let known: [SignedKeyset, ...SignedKeyset[]] = keysetsOf(site);
  let readAt = -Infinity;
  let reading: Promise<readonly SignedKeyset[]> | undefined;

  async function readAgain(): Promise<readonly SignedKeyset[]> {
    known = await currentChain(reader, known);
    readAt = options.clock();
    return known;
  }
  return async (maxAge = options.cacheSeconds) => {
    const age = options.clock() - readAt;
    // Below zero after the clock was set back: by how much would be how long a key taken away stays.
    if (age >= 0 && age < maxAge) return known;
    reading ??= readAgain().finally(() => (reading = undefined));
    return reading;
  };
}

/** The administrator of the newest keyset whose keys these are, both of them. */
export function adminWith(
  chain: readonly SignedKeyset[],
  { signKey, boxKey }: PublicKeys,
): AdminKey | undefined {
  return chain
    .at(-1)!
    .keyset.keys.find((key) => equalBytes(key.signKey, signKey) && equalBytes(key.boxKey, boxKey));
}
