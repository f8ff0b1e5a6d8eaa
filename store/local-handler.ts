import { sha256 } from '#platform';
import { equalBytes, toBase64, utf8 } from '../bundle/bytes.ts';
import { codeOf, hasCode } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { parseKey } from '../protocol/keys.ts';
import type { ObjectKey } from '../protocol/keys.ts';
import { CREDENTIALS } from '../protocol/permissions.ts';
import type { Credential } from '../protocol/permissions.ts';
import { guardStore } from './guard.ts';
import { localSignature, PARAMETERS, SIGNED_HEADERS } from './local-signature.ts';
import type { Method } from './local-signature.ts';
import type { ObjectStore } from './port.ts';
import { assertStrongSecret } from '../protocol/secrets.ts';
import { xmlError } from './xml-error.ts';
import type { S3ErrorCode } from './xml-error.ts';

/** What answers presigned URLs of a store that has no server of its own. */
export interface LocalHandlerOptions {
  readonly store: ObjectStore;
  /** 32 random bytes each: the same that the signers have. */
  readonly secrets: Readonly<Record<Credential, Uint8Array>>;
  /** Unix seconds. */
  readonly now?: () => number;
  /** Hears why the store did not do what a request asked, of which the client is told the kind alone. */
  readonly failed?: (error: unknown, method: string) => void;
}

/** No object of coatcheck comes near it: what a GET reads and a PUT takes at most, in bytes. */
const MAX_OBJECT_BYTES = 16 * 1024 * 1024;

/** How the port's errors look to a client that expects S3. */
const ANSWERS: Partial<Record<ErrorCode, S3ErrorCode>> = {
  already_exists: 'PreconditionFailed',
  no_such_bucket: 'NoSuchBucket',
  store_denied: 'AccessDenied',
  store_full: 'InsufficientStorage',
  too_large: 'EntityTooLarge',
};

/**
 * Serves the URLs of `createLocalSigner` on `/objects/<key>` (any path before that is a proxy's).
 * Refuses what S3 refuses, with S3's codes in S3's XML: another method, key or pinned header, an
 * added `x-amz-` header, another body, an expired URL, and a PUT where an object is.
 * @throws weak_secret
 */
export function createLocalHandler(
  options: LocalHandlerOptions,
): (request: Request) => Promise<Response> {
  const { store, secrets, now = () => Date.now() / 1000 } = options;
  for (const name of CREDENTIALS) assertStrongSecret(secrets[name], `the ${name} secret`);

  /** Who signed this request, or the S3 code of why nobody did. */
  function authorise(request: Request, url: URL, key: string): Credential | S3ErrorCode {
    const method = request.method as Method;
    const given = Object.fromEntries(url.searchParams);
    const credential = CREDENTIALS.find((name) => name === given[PARAMETERS.credential]);
    const expires = given[PARAMETERS.expires] ?? '';
    const complete = Object.values(PARAMETERS).every((name) => name in given);
    if (credential === undefined || !complete || url.searchParams.size !== 3) return 'AccessDenied';

    const header = (name: string): string | null => request.headers.get(name);
    const expected = localSignature(secrets[credential], {
      method,
      key,
      credential,
      expires,
      header,
    });
    if (!equalBytes(utf8(expected), utf8(given[PARAMETERS.signature]!))) {
      return 'SignatureDoesNotMatch';
    }
    if (Number(expires) < now()) return 'AccessDenied';
    const signed: readonly string[] = SIGNED_HEADERS[method];
    const added = [...request.headers.keys()].some(
      (name) => name.startsWith('x-amz-') && !signed.includes(name),
    );
    return added ? 'AccessDenied' : credential;
  }

  async function put(request: Request, guarded: ObjectStore, key: ObjectKey): Promise<Response> {
    const size = Number(request.headers.get('content-length'));
    await guarded.demandRoom?.(Math.min(size, MAX_OBJECT_BYTES));
    const body = await readExactly(request.body, Math.min(size, MAX_OBJECT_BYTES));
    if (body === undefined) return xmlError('IncompleteBody', key);
    if (toBase64(sha256(body)) !== request.headers.get('x-amz-checksum-sha256')) {
      return xmlError('XAmzContentChecksumMismatch', key);
    }
    const { etag } = request.headers.has('if-none-match')
      ? await guarded.create(key, body)
      : await overwrite(store, guarded, key, body);
    return new Response(null, { headers: { etag: `"${etag}"` } });
  }

  async function get(guarded: ObjectStore, key: ObjectKey): Promise<Response> {
    const object = await guarded.get(key, { maxBytes: MAX_OBJECT_BYTES });
    if (object === undefined) return xmlError('NoSuchKey', key);
    return new Response(object.body as BodyInit, {
      headers: {
        'content-length': String(object.size),
        'content-type': 'application/octet-stream',
        'last-modified': object.modified.toUTCString(),
        'x-content-type-options': 'nosniff',
        etag: `"${object.etag}"`,
      },
    });
  }

  return async (request) => {
    const url = new URL(request.url);
    const key = keyOf(url.pathname);
    // Not "no such key": to a node that would mean that it has no configuration.
    if (key === undefined) return xmlError('AccessDenied', url.pathname);
    if (!(request.method in SIGNED_HEADERS)) return xmlError('MethodNotAllowed', key);
    const signer = authorise(request, url, key);
    if (!isCredential(signer)) return xmlError(signer, key);
    const guarded = guardStore(store, signer);
    try {
      return await (request.method === 'PUT' ? put(request, guarded, key) : get(guarded, key));
    } catch (error) {
      options.failed?.(error, request.method);
      return xmlError(ANSWERS[codeOf(error)] ?? 'ServiceUnavailable', key);
    }
  };
}

function keyOf(pathname: string): ObjectKey | undefined {
  const marker = '/objects/';
  const start = pathname.lastIndexOf(marker);
  const key = pathname.slice(start + marker.length);
  return start >= 0 && parseKey(key) ? (key as ObjectKey) : undefined;
}

function isCredential(text: string): text is Credential {
  return (CREDENTIALS as readonly string[]).includes(text);
}

/** Puts `body` at `key` whatever is there: the upload that carries no condition. */
async function overwrite(
  store: ObjectStore,
  guarded: ObjectStore,
  key: ObjectKey,
  body: Uint8Array,
): Promise<{ etag: string }> {
  for (;;) {
    // The upload credential may not read; that it learns an ETag here stays in this function.
    const current = await store.head(key);
    try {
      return await (current ? guarded.replace(key, body, current.etag) : guarded.create(key, body));
    } catch (error) {
      if (!hasCode(error, 'already_exists', 'precondition_failed')) throw error;
    }
  }
}

/** The whole body if it is `size` bytes; undefined, without reading on, if it is not. */
async function readExactly(
  body: ReadableStream<Uint8Array> | null,
  size: number,
): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(size);
  let length = 0;
  for await (const chunk of body ?? []) {
    if (length + chunk.length > size) return undefined;
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return length === size ? bytes : undefined;
}
