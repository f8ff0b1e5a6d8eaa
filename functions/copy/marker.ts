import * as v from 'valibot';
import { utf8 } from '../../bundle/bytes.ts';
import { fail } from '../../protocol/errors.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { ObjectStore, StoredObject } from '../../store/port.ts';

/**
 * What lies in a store that is a copy and was not verified: of no node, and below a prefix that the admin
 * credential may write and delete (docs/adr/0251).
 */
export const COPY_MARKER = 'cosign/copy-not-verified' as ObjectKey;

const Marker = v.strictObject({
  coatcheck: v.literal('store-copy/1'),
  /** 32 hex digits */
  site: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  /** What the copy holds once it is whole: absent before. */
  whole: v.optional(
    v.strictObject({
      objects: v.pipe(v.number(), v.integer(), v.minValue(0)),
      /** Hex SHA-256 of a line for each object in the order of the keys: key, space, hex SHA-256 of its bytes. */
      sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    }),
  ),
});
/** What a copy says of itself until it was verified. */
export type CopyMarker = v.InferOutput<typeof Marker>;

const MAX_MARKER_BYTES = 1024;

/** @throws does_not_verify for one that no copy of ours wrote; the codes of a store */
export async function readMarker(
  store: Pick<ObjectStore, 'get'>,
): Promise<(StoredObject & { readonly marker: CopyMarker }) | undefined> {
  const object = await store.get(COPY_MARKER, { maxBytes: MAX_MARKER_BYTES });
  if (object === undefined) return undefined;
  try {
    const marker = v.parse(Marker, JSON.parse(new TextDecoder().decode(object.body)));
    return { ...object, marker };
  } catch (cause) {
    throw fail('does_not_verify', `${COPY_MARKER} in the store is not what store copy writes`, {
      cause,
    });
  }
}

/** As it lies in the store: JSON. */
export const markerBytes = (marker: CopyMarker): Uint8Array =>
  utf8(`${JSON.stringify(marker, undefined, 2)}\n`);

/**
 * Refuses to serve a copy that was not verified.
 * @throws does_not_verify; the codes of a store
 */
export async function demandServable(store: Pick<ObjectStore, 'list'>): Promise<void> {
  const { objects } = await store.list(COPY_MARKER, { limit: 1 });
  if (objects.length === 0) return;
  throw fail(
    'does_not_verify',
    'the store is a copy that was not verified: coatcheck store verify says whether it is whole, and lets it be served',
  );
}
