import { expect, it } from 'vitest';
import type { FetchInit } from '../../protocol/objects.ts';
import { readToken } from './token.ts';

const ASKER = {
  region: 'cn-north-1',
  credentials: {
    ...{ accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'a-secret-of-a-session-that-ends' },
    sessionToken: 'session-token',
  },
};

/** What is asked of a service that answers this, and what comes of it. */
async function ask(from: string, status: number, answer: string) {
  const asked: { url: string; init: FetchInit }[] = [];
  const token = await readToken(from, ASKER, {
    fetch: (url, init = {}) => {
      asked.push({ url, init });
      return Promise.resolve(new Response(answer, { status }));
    },
  }).catch((error: unknown) => error);
  const [{ url, init } = { url: '', init: {} as FetchInit }] = asked;
  const body = JSON.parse(Buffer.from(init.body ?? []).toString() || 'null') as unknown;
  return { token, url, headers: init.headers, body };
}

it.each([
  [
    'ssm:/coatcheck/token',
    'https://ssm.cn-north-1.amazonaws.com.cn/',
    'AmazonSSM.GetParameter',
    { Name: '/coatcheck/token', WithDecryption: true },
    { Parameter: { Value: 'q7Zr0-Yk2m_vB81sXh\n' } },
  ],
  [
    'secretsmanager:arn:aws-cn:secretsmanager:cn-north-1:1:secret:token',
    'https://secretsmanager.cn-north-1.amazonaws.com.cn/',
    'secretsmanager.GetSecretValue',
    { SecretId: 'arn:aws-cn:secretsmanager:cn-north-1:1:secret:token' },
    { SecretString: 'q7Zr0-Yk2m_vB81sXh' },
  ],
])('%s is asked for as its service wants it, signed', async (from, url, target, body, answer) => {
  const asked = await ask(from, 200, JSON.stringify(answer));
  expect(asked).toMatchObject({ token: 'q7Zr0-Yk2m_vB81sXh', url, body });
  expect(asked.headers).toMatchObject({
    'x-amz-target': target,
    'x-amz-security-token': 'session-token',
    authorization: expect.stringMatching(
      /^AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE\/\d{8}\/cn-north-1\/(ssm|secretsmanager)\/aws4_request, SignedHeaders=.*, Signature=[0-9a-f]{64}$/,
    ) as string,
  });
});

it.each([
  ['ssm:/coatcheck/token', 400, '{"__type":"ParameterNotFound"}', /ssm answers 400/],
  ['ssm:/coatcheck/token', 403, '{"SecretString":"hush"}', /^(?!.*hush).*ssm answers 403/],
  ['ssm:/coatcheck/token', 200, '<html>', /ssm answers 200/],
  ['ssm:', 200, '{}', /is ssm:NAME or/],
  ['file:/etc/token', 200, '{}', /is ssm:NAME or/],
])('%s, answered %d %s, is an error that shows nothing', async (from, status, answer, message) => {
  const { token } = await ask(from, status, answer);
  expect((token as Error).message).toMatch(message);
});
