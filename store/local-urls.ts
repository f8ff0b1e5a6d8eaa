import type { Credential } from '../protocol/permissions.ts';
import { localSignature, PARAMETERS } from './local-signature.ts';
import type { Method } from './local-signature.ts';
import { pinnedPutHeaders } from '../protocol/put-headers.ts';
import { assertStrongSecret } from '../protocol/secrets.ts';
import type { UrlSigner } from './port.ts';

export { createLocalHandler } from './local-handler.ts';
export type { LocalHandlerOptions } from './local-handler.ts';

/** What signs URLs of a store that has no server of its own. */
export interface LocalSignerOptions {
  /** Of the server that {@link createLocalHandler} runs in, as clients reach it. */
  readonly baseUrl: string;
  readonly credential: Credential;
  /** 32 random bytes, another for each credential. */
  readonly secret: Uint8Array;
  /** Unix seconds. */
  readonly now?: () => number;
}

/**
 * Presigned URLs for stores that have none of their own, the memory and the filesystem: the same
 * pinned headers as on S3, so that clients need not know which store they talk to.
 * @throws weak_secret
 */
export function createLocalSigner(options: LocalSignerOptions): UrlSigner {
  const { baseUrl, credential, secret, now = () => Date.now() / 1000 } = options;
  assertStrongSecret(secret, `the ${credential} secret`);

  function sign(
    method: Method,
    key: string,
    headers: Readonly<Record<string, string>>,
    expiresInSeconds: number,
  ): { url: string; expiresAt: Date } {
    const seconds = Math.floor(now()) + expiresInSeconds;
    const expires = String(seconds);
    const request = { method, key, credential, expires, header: (name: string) => headers[name] };
    const query = new URLSearchParams({
      [PARAMETERS.credential]: credential,
      [PARAMETERS.expires]: expires,
      [PARAMETERS.signature]: localSignature(secret, request),
    });
    return {
      url: `${baseUrl.replace(/\/+$/, '')}/objects/${key}?${query.toString()}`,
      expiresAt: new Date(seconds * 1000),
    };
  }

  return {
    signPut(key, put) {
      const headers = pinnedPutHeaders(put);
      return Promise.resolve({ ...sign('PUT', key, headers, put.expiresInSeconds), headers });
    },
    signGet: (key, { expiresInSeconds }) => Promise.resolve(sign('GET', key, {}, expiresInSeconds)),
  };
}
