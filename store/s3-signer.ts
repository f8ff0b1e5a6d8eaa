import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { pinnedPutHeaders } from './pinned-headers.ts';
import { bucketUrl, credentialsProvider, urlExpiry } from './s3-options.ts';
import type { S3Options } from './s3-options.ts';
import type { UrlSigner } from './port.ts';

/**
 * Presigned S3 URLs (Signature Version 4, query parameters) without the S3 client: what answers
 * nodes loads this, since the client costs a cold start four times as long. `tests/contract/` holds
 * that the URLs pin the same headers as the SDK's own.
 */
export function createS3Signer(options: S3Options): UrlSigner {
  const { region, publicEndpoint, endpoint } = options;
  const url = bucketUrl({ ...options, endpoint: publicEndpoint ?? endpoint });
  const now = options.now ?? (() => Date.now() / 1000);
  const provider = credentialsProvider(options.credentials);

  async function sign(
    method: 'GET' | 'PUT',
    key: string,
    headers: Record<string, string>,
    expiresInSeconds: number,
  ): Promise<{ url: string; expiresAt: Date }> {
    const credentials = await provider();
    const signer = new SignatureV4({
      service: 's3',
      region,
      credentials,
      sha256: NodeSha256,
      uriEscapePath: false,
      applyChecksum: false,
    });
    const seconds = Math.floor(now());
    const { query, path } = await signer.presign(
      {
        method,
        protocol: url.protocol,
        hostname: url.hostname,
        path: `${url.pathname.replace(/\/$/, '')}/${key}`,
        headers: { host: url.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', ...headers },
      },
      {
        signingDate: new Date(seconds * 1000),
        expiresIn: expiresInSeconds,
        // What is not kept as a header moves into the query, where servers ignore it.
        unhoistableHeaders: new Set(Object.keys(headers)),
      },
    );
    const signed = new URL(url);
    signed.pathname = path;
    signed.search = new URLSearchParams(query as Record<string, string>).toString();
    return {
      url: signed.href,
      expiresAt: urlExpiry(seconds, expiresInSeconds, credentials.expiration),
    };
  }

  return {
    async signPut(key, put) {
      const headers = pinnedPutHeaders(put);
      return { ...(await sign('PUT', key, headers, put.expiresInSeconds)), headers };
    },
    signGet: (key, { expiresInSeconds }) => sign('GET', key, {}, expiresInSeconds),
  };
}

/** SHA-256, or HMAC-SHA256 if made with a secret, in the form that `SignatureV4` asks for. */
class NodeSha256 {
  readonly #make: () => ReturnType<typeof createHash> | ReturnType<typeof createHmac>;
  #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#make =
      secret === undefined
        ? () => createHash('sha256')
        : () => createHmac('sha256', toBytes(secret));
    this.#hash = this.#make();
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(toBytes(data));
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    this.#hash = this.#make();
  }
}

function toBytes(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
