import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { signRequest } from '../../protocol/request-signature.ts';
import { formatSite } from '../../protocol/site.ts';
import { makeNode, makeSite } from '../../tests/support/site.ts';
import { readEnvironment } from './environment.ts';

const { site } = makeSite();
const node = makeNode();
const HOST = 'abc123.execute-api.eu-central-1.amazonaws.com';
const ENVIRONMENT = {
  COATCHECK_SITE: formatSite(site),
  COATCHECK_BUCKET: 'lab',
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a-secret-of-a-session-that-ends',
  AWS_SESSION_TOKEN: 'session-token',
};

let written: string[];
beforeEach(() => {
  vi.resetModules();
  for (const [name, value] of Object.entries(ENVIRONMENT)) vi.stubEnv(name, value);
  written = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** What an HTTP API hands to a function. */
function event(path: string, headers: Record<string, string>): APIGatewayProxyEventV2 {
  return {
    ...{ version: '2.0', routeKey: '$default', rawPath: path, rawQueryString: '' },
    headers: { host: HOST, ...headers },
    requestContext: {
      ...{ accountId: '1', apiId: 'abc123', domainName: HOST, domainPrefix: 'abc123' },
      ...{ requestId: '1', routeKey: '$default', stage: '$default', time: '', timeEpoch: 0 },
      http: { method: 'GET', path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'x' },
    },
    isBase64Encoded: false,
  };
}

interface Answer {
  readonly statusCode: number;
  readonly body: string;
}

describe('an entry', () => {
  it('answers a boot with a URL that the session of its role signed', async () => {
    const { handler } = await import('./download.ts');
    const path = `/v1/nodes/${node.id}/config`;
    const headers = signRequest({
      ...{ method: 'GET', url: new URL(path, `https://${HOST}`), site: site.id, identity: node },
      created: Math.floor(Date.now() / 1000),
    });
    const answer = (await handler(event(path, headers) as never)) as Answer;
    expect(answer.statusCode).toBe(200);
    const { url } = JSON.parse(answer.body) as { url: string };
    const { host, pathname, searchParams } = new URL(url);
    expect([host, pathname]).toEqual([
      ...['lab.s3.eu-central-1.amazonaws.com', `/approved/${node.id}`],
    ]);
    expect(searchParams.get('X-Amz-Security-Token')).toBe('session-token');
    const [line = '', ...others] = written;
    expect(others).toEqual([]);
    expect(line).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(line)).toEqual({
      ...{ time: expect.any(String) as string, id: expect.any(String) as string, method: 'GET' },
      ...{ route: '/v1/nodes/:node/config', node: node.id, status: 200 },
      milliseconds: expect.any(Number) as number,
    });
  });

  it.each([
    ['upload', () => import('./upload.ts'), 'admin/list'],
    ['admin', () => import('./admin.ts'), `nodes/${node.id}/config`],
    ['download', () => import('./download.ts'), 'admin/list'],
  ])('of the role %s does not have the routes of another', async (_, load, path) => {
    const entry = (await load()) as { handler: (e: unknown) => Promise<Answer> };
    expect((await entry.handler(event('/v1/health', {}))).statusCode).toBe(200);
    const answer = await entry.handler(event(`/v1/${path}`, {}));
    expect([answer.statusCode, JSON.parse(answer.body)]).toMatchObject([
      ...[404, { error: { code: 'no_such_route' } }],
    ]);
  });

  it.each(['COATCHECK_SITE', 'COATCHECK_BUCKET', 'AWS_REGION'])(
    'does not start without %s',
    (name) => {
      expect(() => readEnvironment({ ...ENVIRONMENT, [name]: '' })).toThrow(`${name} is not set`);
    },
  );

  it('takes the names, the caps and the place of the token of its environment', async () => {
    const names = ['https://coatcheck.example', 'https://lan.example'];
    const { publicUrl, limits, tokenFrom } = readEnvironment({
      ...ENVIRONMENT,
      COATCHECK_PUBLIC_URLS: names.join(' '),
      COATCHECK_MAX_PENDING: '50',
      COATCHECK_MAX_NODES: '7',
      COATCHECK_TOKEN_FROM: 'ssm:/coatcheck/token',
    });
    expect([publicUrl, limits, tokenFrom]).toEqual([
      ...[names, { maxPending: 50, maxNodes: 7 }, 'ssm:/coatcheck/token'],
    ]);
    expect(readEnvironment({ ...ENVIRONMENT, COATCHECK_MAX_NODES: '' }).limits).toEqual({});
    for (const number of ['0', '-1', '1e3', '1001', '10000', 'x']) {
      for (const name of ['COATCHECK_MAX_PENDING', 'COATCHECK_MAX_NODES']) {
        expect(() => readEnvironment({ ...ENVIRONMENT, [name]: number })).toThrow(/number/);
      }
    }
  });

  it('gives URLs of both kinds of addresses where its environment says so', async () => {
    vi.stubEnv('COATCHECK_DUAL_STACK', '1');
    const { handler } = await import('./download.ts');
    const path = `/v1/nodes/${node.id}/config`;
    const headers = signRequest({
      ...{ method: 'GET', url: new URL(path, `https://${HOST}`), site: site.id, identity: node },
      created: Math.floor(Date.now() / 1000),
    });
    const { body } = (await handler(event(path, headers) as never)) as Answer;
    const { url } = JSON.parse(body) as { url: string };
    expect(new URL(url).host).toBe('lab.s3.dualstack.eu-central-1.amazonaws.com');
  });

  it('refuses what is signed for another name than its own', async () => {
    vi.stubEnv('COATCHECK_PUBLIC_URLS', 'https://coatcheck.example');
    const { handler } = await import('./download.ts');
    const path = `/v1/nodes/${node.id}/config`;
    const ask = async (origin: string): Promise<number> => {
      const headers = signRequest({
        ...{ method: 'GET', url: new URL(path, origin), site: site.id, identity: node },
        created: Math.floor(Date.now() / 1000),
      });
      return ((await handler(event(path, headers) as never)) as Answer).statusCode;
    };
    expect(await ask(`https://${HOST}`)).toBe(401);
    expect(await ask('https://coatcheck.example')).toBe(200);
  });

  it('judges a signature over the query as it was sent, and says so where it came decoded', async () => {
    const { handler } = await import('./download.ts');
    const path = `/v1/nodes/${node.id}/config`;
    const headers = signRequest({
      ...{ method: 'GET', url: new URL(`${path}?waiting=a%2Fb`, `https://${HOST}`), site: site.id },
      ...{ identity: node, created: Math.floor(Date.now() / 1000) },
    });
    const ask = async (rawQueryString: string): Promise<unknown> => {
      const asked = { ...event(path, headers), rawQueryString };
      return JSON.parse(((await handler(asked as never)) as Answer).body) as unknown;
    };
    // The signature is good: it is the digest that is none.
    expect(await ask('waiting=a%2Fb')).toMatchObject({ error: { code: 'bad_request' } });
    expect(await ask('waiting=a/b')).toMatchObject({
      error: {
        code: 'signature_invalid',
        message: expect.stringContaining('this method, path and query') as string,
      },
    });
  });

  it('does not start without a token that it is told to ask for', async () => {
    vi.stubEnv('COATCHECK_TOKEN_FROM', 'file:/etc/token');
    await expect(import('./upload.ts')).rejects.toMatchObject({ code: 'usage' });
  });
});
