import type { ObjectKey } from '../protocol/keys.ts';

/** What a listing says about an object. */
export interface ObjectInfo {
  readonly key: ObjectKey;
  /** bytes */
  readonly size: number;
  readonly modified: Date;
  /**
   * Of a listing: opaque, up to 128 characters, and another one after every write that changed the
   * bytes. Not the ETag, which a store need not know without reading.
   */
  readonly version?: string;
}

/** What a store says about an object without sending it. */
export interface ObjectHead extends ObjectInfo {
  /** Opaque; equal exactly when the bytes are. Without surrounding quotes. */
  readonly etag: string;
}

/** An object with its content. */
export interface StoredObject extends ObjectHead {
  readonly body: Uint8Array;
}

/** A part of a listing, in order. */
export interface ListPage {
  /** In ascending order of the key's UTF-8 bytes. */
  readonly objects: readonly ObjectInfo[];
  /** Pass as `after` to go on; absent when this was the last page. */
  readonly next?: ObjectKey;
}

/**
 * The only operations that coatcheck asks of an object store. Only `PutObject` with
 * `If-None-Match: *` and with `If-Match` is relied on: conditions on copies and deletes are
 * ignored silently by several stores.
 *
 * Every operation throws `CoatcheckError`:
 * `store_unavailable` (nothing happened, or it was only a read), `store_unknown` (a write whose
 * outcome is not known: read back and decide), `store_denied` (credentials), `no_such_bucket`,
 * `store_full`. A missing bucket or folder is never "not found".
 */
export interface ObjectStore {
  /**
   * Writes only if nothing is at `key`. Throws `already_exists`; what is there may be this very
   * write, where something on the way (a proxy that heard no answer) sent it twice.
   */
  create(key: ObjectKey, body: Uint8Array): Promise<{ etag: string }>;
  /** Writes only if what is at `key` has this ETag. Throws `precondition_failed`, also if absent. */
  replace(key: ObjectKey, body: Uint8Array, etag: string): Promise<{ etag: string }>;
  /** Undefined only for a key that is not there. Throws `too_large` above `maxBytes`. */
  get(key: ObjectKey, options: { maxBytes: number }): Promise<StoredObject | undefined>;
  head(key: ObjectKey): Promise<ObjectHead | undefined>;
  /** Succeeds also if nothing is there. */
  delete(key: ObjectKey): Promise<void>;
  /**
   * Whether `bytes` more leave what decisions and repairs need: asked before what a node may cause is
   * written, never before what an administrator decides. Absent where a store cannot tell.
   * Throws `store_full`.
   */
  demandRoom?(bytes: number): Promise<void>;
  /** One page of the keys that start with `prefix` and sort after `after`; at most `limit` (1,000). */
  list(prefix: string, options?: { after?: string; limit?: number }): Promise<ListPage>;
}

/** A request that anybody may send, with no credentials, exactly as given: no header more or less. */
export interface PresignedPut {
  readonly url: string;
  /** Every header to send; the signature covers each. */
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: Date;
}
/** A URL that anybody may read one object by, until it ends. */
export interface PresignedGet {
  readonly url: string;
  readonly expiresAt: Date;
}

/** Makes presigned URLs. Signs locally: sends nothing to the store. */
export interface UrlSigner {
  /**
   * A PUT that pins key, length, SHA-256 and `If-None-Match: *` as signed headers.
   * @param options.sha256 32 bytes
   * @param options.overwrite leaves the condition out: only for `reports/`, whose object each
   *   report replaces
   */
  signPut(
    key: ObjectKey,
    options: { size: number; sha256: Uint8Array; expiresInSeconds: number; overwrite?: boolean },
  ): Promise<PresignedPut>;
  signGet(key: ObjectKey, options: { expiresInSeconds: number }): Promise<PresignedGet>;
}

/** Every page of a listing, as one sequence. */
export async function* listAll(
  store: Pick<ObjectStore, 'list'>,
  prefix: string,
): AsyncGenerator<ObjectInfo> {
  let after: string | undefined;
  do {
    const page = await store.list(prefix, after === undefined ? {} : { after });
    yield* page.objects;
    after = page.next;
  } while (after !== undefined);
}
