import * as v from 'valibot';
import {
  decodeSignedKeyset,
  encodeSignedKeyset,
  fromBase64Url,
  keysetDigest,
  MAX_KEYSET_BYTES,
  toBase64Url,
  ZERO_DIGEST,
} from '../bundle/index.ts';
import type { AdminKey, PublicKeys, SignedKeyset } from '../bundle/index.ts';
import { keysetsOf } from '../protocol/site.ts';
import type { Site } from '../protocol/site.ts';
import { fail } from '../protocol/errors.ts';
import type { Session } from './session.ts';

/**
 * What somebody who is to become an administrator sends to one: their public keys and a name. Whoever
 * carries it could exchange it, so both compare the words of the key (`keyWords`).
 */
const RequestFile = v.strictObject({
  coatcheck: v.literal('admin-request/1'),
  name: v.string(),
  signKey: v.string(),
  boxKey: v.string(),
});

/** Limit on a request file, bytes. */
export const MAX_KEY_REQUEST_BYTES = 4096;

/** The text of a request file, ending in a line feed. */
export function formatKeyRequest({
  name,
  signKey,
  boxKey,
}: PublicKeys & { readonly name: string }): string {
  const file: v.InferInput<typeof RequestFile> = {
    coatcheck: 'admin-request/1',
    name,
    signKey: toBase64Url(signKey),
    boxKey: toBase64Url(boxKey),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/**
 * The key of a request file, as a keyset has it.
 * @param may what it is to be good for: whoever adds it says that, and not the file
 * @throws file_malformed
 */
export function parseKeyRequest(text: string, may: AdminKey['may'] = 'all'): AdminKey {
  try {
    const { name, signKey, boxKey } = v.parse(RequestFile, JSON.parse(text));
    const key: AdminKey = {
      ...{ name, may },
      ...{ signKey: fromBase64Url(signKey), boxKey: fromBase64Url(boxKey) },
    };
    if (key.signKey.length !== 32 || key.boxKey.length !== 32)
      throw new Error('a key has 32 bytes');
    demandUsable(key);
    return key;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown reason';
    throw fail('file_malformed', `this is not a request of an administrator to be: ${reason}`, {
      cause,
    });
  }
}

/** Throws what a keyset with this key would be refused for, whatever it may: one wants a key that may all. */
function demandUsable(key: AdminKey): void {
  const site = new Uint8Array(16).fill(1);
  const keys = [{ ...key, may: 'all' as const }];
  keysetDigest({ ...{ site, version: 1, previous: ZERO_DIGEST, threshold: 1 }, keys });
}

/** A keyset that lacks signatures, on its way from one administrator to another. Nothing of it is secret. */
const BegunFile = v.strictObject({ coatcheck: v.literal('keyset/1'), keyset: v.string() });

/** Limit on such a file, bytes. */
export const MAX_BEGUN_BYTES = 2 * MAX_KEYSET_BYTES;

/** The text of a file with a keyset that lacks signatures, ending in a line feed. */
export function formatBegun(signed: SignedKeyset): string {
  const keyset = toBase64Url(encodeSignedKeyset(signed));
  return `${JSON.stringify({ coatcheck: 'keyset/1', keyset }, undefined, 2)}\n`;
}

/** The keyset of such a file; its signatures are for whoever reads it to judge. @throws file_malformed */
export function parseBegun(text: string): SignedKeyset {
  try {
    return decodeSignedKeyset(fromBase64Url(v.parse(BegunFile, JSON.parse(text)).keyset));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown reason';
    throw fail('file_malformed', `this is no keyset that lacks signatures: ${reason}`, { cause });
  }
}

/**
 * The site as the newest keyset of a session has it: what a newcomer, and the next images, pin. What
 * led there stays before it, since the record was signed under that.
 */
export function siteNow({ site, chain }: Pick<Session, 'site' | 'chain'>): Site {
  const [first] = chain;
  const older = keysetsOf(site).filter(({ keyset }) => keyset.version < first!.keyset.version);
  const all = [...older, ...chain];
  const ancestors = all.slice(0, -1);
  const { ancestors: _, ...rest } = site;
  return { ...rest, ...(ancestors.length > 0 && { ancestors }), pinned: all.at(-1)! };
}
