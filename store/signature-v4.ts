import { createHash, createHmac, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { S3Credentials } from './s3-options.ts';

/** A request to be signed into a URL. */
export interface Presignable {
  readonly method: 'GET' | 'PUT';
  /** Path as it is sent: percent-encoded once. No query. */
  readonly url: URL;
  /** Lower-case names; every one is signed, besides `host`, and must be sent as given. */
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: S3Credentials;
  /** Unix time, whole seconds */
  readonly signedAt: number;
  readonly expiresInSeconds: number;
}

/**
 * Presigns S3 URLs with Signature Version 4 in the query (Amazon S3 API Reference, "Authenticating
 * Requests: Using Query Parameters"), for the one shape that coatcheck needs: an unsigned payload
 * and no other query. A test holds that the URLs are those of the AWS SDK.
 *
 * The result keeps the last signing key, which is good for a day: one per signer is enough.
 */
export function createPresigner(region: string): (request: Presignable) => string {
  let last: { secret: string; day: string; key: KeyObject } | undefined;

  function signingKey(secret: string, day: string): KeyObject {
    if (last?.secret !== secret || last.day !== day) {
      const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
        (from, part) => hmac(from, part).digest(),
        `AWS4${secret}`,
      );
      // A key that is imported once: Node 24 takes longer to import one than to use it.
      last = { secret, day, key: createSecretKey(key as Buffer) };
    }
    return last.key;
  }

  return ({ method, url, headers, credentials, signedAt, expiresInSeconds }) => {
    const time = new Date(signedAt * 1000).toISOString().replace(/[:-]|\.000/g, '');
    const day = time.slice(0, 8);
    const scope = `${day}/${region}/s3/aws4_request`;
    const signed: Record<string, string> = { ...headers, host: url.host };
    const names = Object.keys(signed).sort();
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    // In the order of their names, as the canonical request wants them.
    const query =
      `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD` +
      `&X-Amz-Credential=${percentEncode(`${accessKeyId}/${scope}`)}` +
      `&X-Amz-Date=${time}&X-Amz-Expires=${expiresInSeconds}` +
      (sessionToken === undefined ? '' : `&X-Amz-Security-Token=${percentEncode(sessionToken)}`) +
      `&X-Amz-SignedHeaders=${percentEncode(names.join(';'))}`;
    const canonical = [
      method,
      url.pathname,
      query,
      ...names.map((name) => `${name}:${signed[name]!}`),
      '',
      names.join(';'),
      'UNSIGNED-PAYLOAD',
    ].join('\n');
    const hash = createHash('sha256').update(canonical).digest('hex');
    const signature = hmac(
      signingKey(secretAccessKey, day),
      `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash}`,
    ).digest('hex');
    return `${url.origin}${url.pathname}?${query}&X-Amz-Signature=${signature}`;
  };
}

const hmac = (key: string | Buffer | KeyObject, data: string): ReturnType<typeof createHmac> =>
  createHmac('sha256', key).update(data);

/** Percent-encoding as AWS wants it: all but letters, digits, `-`, `.`, `_`, `~`. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
