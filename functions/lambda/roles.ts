import { fail } from '../../protocol/errors.ts';
import type { Fetch } from '../../protocol/objects.ts';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import type { S3Credentials, S3CredentialsProvider, S3Options } from '../../store/s3-options.ts';
import { forEachCredential } from '../stores/kind.ts';
import { postToAws } from './signed-post.ts';

/** The shortest that a session lasts. */
const SESSION_SECONDS = 900;
/** Before its end a session is not used any more. */
const SPARE_MILLISECONDS = 60_000;

/**
 * The keys of a site's three roles, for a function whose own role may take each of them (STS, `AssumeRole`).
 *
 * @param roles `download=ARN upload=ARN admin=ARN`
 * @throws usage for another text; what is returned throws store_denied for a refusal
 */
export function assumedRoles(
  roles: string,
  s3: Pick<S3Options, 'region' | 'credentials'>,
  by: { readonly fetch: Fetch },
): Readonly<Record<Credential, S3CredentialsProvider>> {
  const arns = new Map(
    roles.split(' ').map((pair) => [pair.split('=')[0], pair.slice(pair.indexOf('=') + 1)]),
  );
  return forEachCredential((credential) => {
    const arn = arns.get(credential);
    if (arn === undefined || arns.size !== CREDENTIALS.length) {
      throw fail('usage', 'COATCHECK_ROLES is download=ARN upload=ARN admin=ARN');
    }
    let session: Promise<S3Credentials & { readonly expiration: Date }> | undefined;
    return async () => {
      const known = await session?.catch(() => undefined);
      if (known === undefined || known.expiration.getTime() - Date.now() < SPARE_MILLISECONDS) {
        session = assumeRole(arn, s3, by);
      }
      return session!;
    };
  });
}

async function assumeRole(
  arn: string,
  s3: Pick<S3Options, 'region' | 'credentials'>,
  by: { readonly fetch: Fetch },
): Promise<S3Credentials & { readonly expiration: Date }> {
  const form = new URLSearchParams({
    ...{ Action: 'AssumeRole', Version: '2011-06-15', RoleArn: arn },
    ...{ RoleSessionName: 'coatcheck-doctor', DurationSeconds: String(SESSION_SECONDS) },
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await postToAws('sts', { headers, body: form.toString() }, s3, by);
  const valueOf = (name: string): string =>
    new RegExp(`<${name}>([^<]+)</${name}>`).exec(answer.text)?.[1] ?? '';
  const session = {
    ...{ accessKeyId: valueOf('AccessKeyId'), secretAccessKey: valueOf('SecretAccessKey') },
    ...{ sessionToken: valueOf('SessionToken'), expiration: new Date(valueOf('Expiration')) },
  };
  if (answer.ok && session.sessionToken !== '') return session;
  throw fail(
    'store_denied',
    `STS answers ${answer.status} ${valueOf('Code')} about the role ${arn}`,
  );
}
