import { fail } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { ObjectKey } from '../protocol/keys.ts';
import { alreadyExists, preconditionFailed, tooLarge } from './outcomes.ts';
import { PAGE_SIZE } from './page.ts';
import type { ObjectHead, ObjectStore } from './port.ts';

/** What R2 says of an object. */
interface R2Object {
  readonly key: string;
  readonly size: number;
  /** MD5 of the bytes where they were put at once, hex, without quotes */
  readonly etag: string;
  /** of this upload alone */
  readonly version: string;
  readonly uploaded: Date;
}

/** What is used of a bucket's binding (Cloudflare R2, "Workers API reference"). */
export interface R2Bucket {
  get(
    key: string,
  ): Promise<(R2Object & { arrayBuffer(): Promise<ArrayBuffer>; body: ReadableStream }) | null>;
  head(key: string): Promise<R2Object | null>;
  /** Null where the condition refused it. */
  put(
    key: string,
    value: Uint8Array,
    options: {
      onlyIf: Headers | { etagMatches: string };
      httpMetadata: { contentType: string };
    },
  ): Promise<R2Object | null>;
  delete(key: string): Promise<void>;
  list(options: {
    prefix: string;
    limit: number;
    startAfter?: string;
  }): Promise<{ objects: R2Object[]; truncated: boolean }>;
}

/**
 * A bucket of Cloudflare R2, as a Worker is bound to it (docs/cloudflare.md). R2 refuses more than one write a
 * second to one key (10058): `store_unavailable`, since nothing was written then.
 */
export function createR2Store(bucket: R2Bucket): ObjectStore {
  async function put(
    key: ObjectKey,
    body: Uint8Array,
    onlyIf: Headers | { etagMatches: string },
    refusal: () => Error,
  ): Promise<{ etag: string }> {
    const httpMetadata = { contentType: 'application/octet-stream' };
    const written = await asking('write', bucket.put(key, body, { onlyIf, httpMetadata }));
    if (written === null) throw refusal();
    return { etag: written.etag };
  }

  return {
    // As a header: the binding's own `etagDoesNotMatch: '*'` is an ETag that is a star, and overwrites
    // (github.com/cloudflare/workerd/issues/2572).
    create: (key, body) =>
      put(key, body, new Headers({ 'if-none-match': '*' }), () => alreadyExists(key)),

    replace: (key, body, etag) =>
      put(key, body, { etagMatches: etag }, () => preconditionFailed(key)),

    async get(key, { maxBytes }) {
      const object = await asking('read', bucket.get(key));
      if (object === null) return undefined;
      if (object.size > maxBytes) {
        await object.body.cancel();
        throw tooLarge(key, maxBytes);
      }
      const body = new Uint8Array(await asking('read', object.arrayBuffer()));
      return { ...headOf(object), body };
    },

    async head(key) {
      const object = await asking('read', bucket.head(key));
      return object === null ? undefined : headOf(object);
    },

    delete: (key) => asking('write', bucket.delete(key)),

    async list(prefix, { after, limit = PAGE_SIZE } = {}) {
      const page = await asking(
        'read',
        bucket.list({
          ...{ prefix, limit: Math.min(limit, PAGE_SIZE) },
          ...(after === undefined ? {} : { startAfter: after }),
        }),
      );
      const objects = page.objects.map(({ key, size, uploaded, version }) => ({
        ...{ key: key as ObjectKey, size, modified: uploaded, version },
      }));
      if (!page.truncated) return { objects };
      const last = objects.at(-1);
      // Without a place to go on from it would be taken for the end.
      if (last === undefined)
        throw fail('store_unavailable', 'R2 cut a listing before its first key');
      return { objects, next: last.key };
    },
  };
}

const headOf = ({ key, size, etag, uploaded }: R2Object): ObjectHead => ({
  ...{ key: key as ObjectKey, size, etag, modified: uploaded },
});

/** What R2's numbers mean (Cloudflare R2, "Error codes"); any other leaves a write unknown. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  '10002': 'store_denied',
  '10003': 'store_denied',
  '10006': 'no_such_bucket',
  '10042': 'store_denied',
  '10058': 'store_unavailable',
};

/** @throws the port's errors: R2 tells its own by a number at the end of a message */
async function asking<T>(kind: 'read' | 'write', answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    const code = CODES[/\((\d+)\)$/.exec(said)?.[1] ?? ''];
    const unclear = kind === 'read' ? 'store_unavailable' : 'store_unknown';
    throw fail(code ?? unclear, `R2 failed: ${said}`, { cause });
  }
}
