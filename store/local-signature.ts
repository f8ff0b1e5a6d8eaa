import { hmacSha256 } from '#platform';
import { toHex, utf8 } from '../bundle/bytes.ts';
import type { Credential } from '../protocol/permissions.ts';

/** The headers that a signature covers, beside method, key, credential and expiry. */
export const SIGNED_HEADERS = {
  GET: [],
  PUT: [
    'content-length',
    'content-type',
    'if-none-match',
    'x-amz-checksum-sha256',
    'x-amz-sdk-checksum-algorithm',
  ],
} as const satisfies Record<string, readonly string[]>;
/** A method that a local URL can be signed for. */
export type Method = keyof typeof SIGNED_HEADERS;

/** The query parameters of a local URL: these and no others, once each. */
export const PARAMETERS = {
  credential: 'X-Coatcheck-Credential',
  expires: 'X-Coatcheck-Expires',
  signature: 'X-Coatcheck-Signature',
} as const;

/** What a local URL is signed over. */
export interface LocalRequest {
  readonly method: Method;
  readonly key: string;
  readonly credential: Credential;
  /** Unix seconds, as the URL writes them. */
  readonly expires: string;
  readonly header: (name: string) => string | null | undefined;
}

/**
 * HMAC-SHA256 over everything that the holder of the URL must not change, one item a line: 64 hex
 * digits. A missing header counts as an empty one.
 */
export function localSignature(secret: Uint8Array, request: LocalRequest): string {
  const { method, key, credential, expires, header } = request;
  const headers = SIGNED_HEADERS[method].map((name) => `${name}:${header(name) ?? ''}`);
  const lines = ['coatcheck/v1 local url', method, key, credential, expires, ...headers];
  return toHex(hmacSha256(secret, utf8(lines.join('\n'))));
}
