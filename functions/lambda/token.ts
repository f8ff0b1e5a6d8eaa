import { SignatureV4 } from '@smithy/signature-v4';
import { createHash, createHmac } from 'node:crypto';
import { fail } from '../../protocol/errors.ts';
import type { Fetch } from '../../protocol/objects.ts';
import { credentialsProvider, dnsSuffixOf } from '../../store/s3-options.ts';
import type { S3Options } from '../../store/s3-options.ts';

const MAX_ANSWER_BYTES = 64 * 1024;
const TIMEOUT_MILLISECONDS = 5_000;
const SERVICES: Record<string, { action: string; ask: (name: string) => object }> = {
  ssm: {
    action: 'AmazonSSM.GetParameter',
    ask: (Name) => ({ Name, WithDecryption: true }),
  },
  secretsmanager: {
    action: 'secretsmanager.GetSecretValue',
    ask: (SecretId) => ({ SecretId }),
  },
};

/**
 * The enrolment token of where `COATCHECK_TOKEN_FROM` says: `ssm:NAME` of a parameter, or `secretsmanager:ARN` of a secret,
 * whose whole value it is. One request of their JSON protocol; a client of the SDK for each would be twice this function.
 *
 * @throws usage for a place that is none; internal for a refusal or no answer, without the value in it
 */
export async function readToken(
  from: string,
  { region, ...s3 }: Pick<S3Options, 'region' | 'credentials'>,
  { fetch }: { readonly fetch: Fetch },
): Promise<string> {
  const [, service = '', name = ''] = /^([a-z]+):(.+)$/.exec(from) ?? [];
  const known = SERVICES[service];
  if (known === undefined) {
    throw fail('usage', 'COATCHECK_TOKEN_FROM is ssm:NAME or secretsmanager:ARN');
  }
  const hostname = `${service}.${region}.${dnsSuffixOf(region)}`;
  const body = JSON.stringify(known.ask(name));
  const credentials = await credentialsProvider(s3.credentials)();
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  const { headers } = await signer.sign({
    ...{ method: 'POST', protocol: 'https:', hostname, path: '/', query: {}, body },
    headers: {
      host: hostname,
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': known.action,
    },
  });
  const answer = await fetch(`https://${hostname}/`, {
    ...{ method: 'POST', headers, body: Uint8Array.from(Buffer.from(body)) },
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
  });
  const value = valueIn(await textOf(answer.body));
  if (answer.ok && value !== undefined) return value;
  throw fail('internal', `the enrolment token: ${service} answers ${answer.status} about ${name}`);
}

function valueIn(text: string): string | undefined {
  try {
    const { Parameter, SecretString } = JSON.parse(text) as {
      Parameter?: { Value?: string };
      SecretString?: string;
    };
    return (Parameter?.Value ?? SecretString)?.trim();
  } catch {
    return undefined;
  }
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
