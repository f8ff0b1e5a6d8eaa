import { afterEach, expect, it } from 'vitest';
import { serveHttp } from '../tests/support/http-servers.ts';
import type { TestServer } from '../tests/support/http-servers.ts';
import { takeCredentials } from './credentials.ts';

const STS = 'https://sts.amazonaws.com/doc/2011-06-15/';
const refusal = (code: string, message: string): string =>
  `<?xml version="1.0"?><ErrorResponse xmlns="${STS}"><Error><Type></Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;
const STARTING = refusal('InvalidParameterValue', 'Server not initialized, please try again');
const GIVEN = `<?xml version="1.0"?><AssumeRoleResponse xmlns="${STS}"><AssumeRoleResult><Credentials><AccessKeyId>id</AccessKeyId><SecretAccessKey>key</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2026-11-29T12:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;

let server: TestServer;
afterEach(() => server.close());

/** Takes the three credentials from a server that gives these answers, the last one again and again. */
async function take(...answers: readonly string[]): Promise<unknown> {
  let asked = 0;
  server = await serveHttp((_, response) => {
    const body = answers[Math.min(asked++, answers.length - 1)]!;
    response.writeHead(body === GIVEN ? 200 : 400, { 'content-type': 'application/xml' }).end(body);
  });
  const minio = { endpoint: server.url, rootUser: 'root', rootPassword: 'x' };
  return await takeCredentials(minio, 'some', 900);
}

it('asks a MinIO again that lists buckets already and gives no sessions yet', async () => {
  const keys = expect.objectContaining({ accessKeyId: 'id', sessionToken: 'token' }) as unknown;
  const taken = await take(STARTING, STARTING, STARTING, STARTING, GIVEN);
  expect(taken).toEqual({ download: keys, upload: keys, admin: keys });
});

it('says what a MinIO says that refuses', async () => {
  await expect(take(refusal('AccessDenied', 'no'))).rejects.toMatchObject({
    code: 'store_denied',
    message: expect.stringContaining('AccessDenied: no') as string,
  });
});
