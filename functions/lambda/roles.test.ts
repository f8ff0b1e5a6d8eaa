import { expect, it } from 'vitest';
import type { FetchAnswer } from '../../protocol/objects.ts';
import { assumedRoles } from './roles.ts';

const ROLES =
  'download=arn:aws:iam::1:role/d upload=arn:aws:iam::1:role/u admin=arn:aws:iam::1:role/a';
const S3 = {
  region: 'eu-central-1',
  credentials: { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'a-secret-of-a-session-that-ends' },
};

const answer = (status: number, text: string): FetchAnswer => new Response(text, { status });
const session = (id: string, seconds: number): string =>
  `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>${id}</AccessKeyId>
   <SecretAccessKey>another-secret-of-${id}</SecretAccessKey><SessionToken>token-${id}</SessionToken>
   <Expiration>${new Date(Date.now() + seconds * 1000).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;

it('takes a role by a signed request, and again shortly before the session ends', async () => {
  const asked: { url: string; body: string; signed: string }[] = [];
  const fetch = (url: string, init: { body?: Uint8Array; headers?: Record<string, string> }) => {
    const body = Buffer.from(init.body!).toString();
    asked.push({ url, body, signed: init.headers!['authorization']! });
    return Promise.resolve(
      answer(200, session(`ASIA${asked.length}`, asked.length === 1 ? 50 : 900)),
    );
  };
  const { upload } = assumedRoles(ROLES, S3, { fetch: fetch as never });
  expect(await upload()).toMatchObject({ accessKeyId: 'ASIA1', sessionToken: 'token-ASIA1' });
  const { url, body, signed } = asked[0]!;
  expect(url).toBe('https://sts.eu-central-1.amazonaws.com/');
  expect(Object.fromEntries(new URLSearchParams(body))).toMatchObject({
    ...{ Action: 'AssumeRole', RoleArn: 'arn:aws:iam::1:role/u', DurationSeconds: '900' },
  });
  expect(signed).toMatch(/Credential=ASIAEXAMPLE\/\d{8}\/eu-central-1\/sts\/aws4_request/);
  expect((await upload()).accessKeyId).toBe('ASIA2');
  expect((await upload()).accessKeyId).toBe('ASIA2');
});

it('says which role is refused, and asks again the next time', async () => {
  let refuses = true;
  const fetch = () =>
    Promise.resolve(
      refuses
        ? answer(403, '<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>')
        : answer(200, session('ASIAOK', 900)),
    );
  const { admin } = assumedRoles(ROLES, S3, { fetch: fetch });
  await expect(admin()).rejects.toThrow(
    'STS answers 403 AccessDenied about the role arn:aws:iam::1:role/a',
  );
  refuses = false;
  expect((await admin()).accessKeyId).toBe('ASIAOK');
});

it.each(['', 'download=a upload=b', 'download=a upload=b admin=c other=d'])(
  'refuses %j',
  (roles) => {
    expect(() => assumedRoles(roles, S3, { fetch: undefined as never })).toThrow(
      expect.objectContaining({ code: 'usage' }) as Error,
    );
  },
);
