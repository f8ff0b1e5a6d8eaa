import { fail } from '../../protocol/errors.ts';
import type { Fetch } from '../../protocol/objects.ts';
import type { S3Options } from '../../store/s3-options.ts';
import { postToAws } from './signed-post.ts';

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
 * whose whole value it is. One request of their JSON protocol.
 *
 * @throws usage for a place that is none; internal for a refusal or no answer, without the value in it
 */
export async function readToken(
  from: string,
  s3: Pick<S3Options, 'region' | 'credentials'>,
  { fetch }: { readonly fetch: Fetch },
): Promise<string> {
  const [, service = '', name = ''] = /^([a-z]+):(.+)$/.exec(from) ?? [];
  const known = SERVICES[service];
  if (known === undefined) {
    throw fail('usage', 'COATCHECK_TOKEN_FROM is ssm:NAME or secretsmanager:ARN');
  }
  const answer = await postToAws(
    service,
    {
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': known.action },
      body: JSON.stringify(known.ask(name)),
    },
    s3,
    { fetch },
  );
  const value = valueIn(answer.text);
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
