import { SignatureV4 } from '@smithy/signature-v4';
import { createHash, createHmac } from 'node:crypto';
import type { Fetch } from '../../protocol/objects.ts';
import { credentialsProvider, dnsSuffixOf } from '../../store/s3-options.ts';
import type { S3Options } from '../../store/s3-options.ts';

const MAX_ANSWER_BYTES = 64 * 1024;
const TIMEOUT_MILLISECONDS = 5_000;

/**
 * One signed POST to a service of AWS in the region of a function; a client of the SDK for each would be twice the
 * function.
 * @param headers besides those of the signature, lower-case
 * @returns the text of the answer; the empty string for one over 64 KiB
 * @throws what `fetch` throws
 */
export async function postToAws(
  service: string,
  { headers: more, body }: { readonly headers: Record<string, string>; readonly body: string },
  { region, ...s3 }: Pick<S3Options, 'region' | 'credentials'>,
  { fetch }: { readonly fetch: Fetch },
): Promise<{ ok: boolean; status: number; text: string }> {
  const hostname = `${service}.${region}.${dnsSuffixOf(region)}`;
  const credentials = await credentialsProvider(s3.credentials)();
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  const { headers } = await signer.sign({
    ...{ method: 'POST', protocol: 'https:', hostname, path: '/', query: {}, body },
    headers: { host: hostname, ...more },
  });
  const answer = await fetch(`https://${hostname}/`, {
    ...{ method: 'POST', headers, body: Uint8Array.from(Buffer.from(body)) },
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
  });
  return { ok: answer.ok, status: answer.status, text: await textOf(answer.body) };
}

async function textOf(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) return '';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** As the signer wants a hash: keyed, if it is given a key. */
class Sha256 {
  private readonly hash: { update(data: string | Uint8Array): unknown; digest(): Buffer };

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', keyOf(secret));
  }

  update(data: string | Uint8Array): void {
    this.hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.hash.digest());
  }

  /** Of the interface; the signer makes another instead. */
  reset(): void {
    throw new TypeError('not used');
  }
}

const keyOf = (secret: string | ArrayBuffer | ArrayBufferView): string | Uint8Array => {
  if (typeof secret === 'string') return secret;
  return ArrayBuffer.isView(secret)
    ? new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength)
    : new Uint8Array(secret);
};
