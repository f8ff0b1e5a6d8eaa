import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { rootClient } from '../../local-minio/bucket.ts';
import type { FunctionName } from '../../infra/code.ts';
import type { Deployed } from './aws-template.ts';
import { makeMinioBucket } from './minio-bucket.ts';

/**
 * What stands between the internet and the functions, as a program in a namespace of its own: an HTTP API of
 * payload format 2.0, a Runtime API (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) for each function, and the functions
 * under AWS's own runtime client, with sessions of the roles' policies on a MinIO at S3's name. It is told by lines on stdin
 * what to do with the next requests, and says `ready` and the logs of the functions on stdout.
 */
export interface GatewayConfig extends Deployed {
  readonly address: string;
  readonly region: string;
  readonly runtimeClient: string;
  readonly minio: {
    readonly endpoint: string;
    readonly rootUser: string;
    readonly rootPassword: string;
  };
  readonly tls: { readonly key: string; readonly cert: string };
  readonly caFile: string;
  /** The hosts file of the namespace, and where S3 is in it */
  readonly hostsFile: string;
  readonly storeAddress: string;
}

/** What a line on stdin says of requests from now on. */
export interface GatewayOrder {
  /** The gateway's own answer to so many requests, in place of a function's; or that of what is in front of it */
  readonly refuse?: {
    readonly status: number;
    readonly times: number;
    readonly by?: 'CloudFront';
  };
  /** Whether bodies come as base64 whatever their type, and queries are decoded, as some gateways do */
  readonly base64?: boolean;
  readonly decoded?: boolean;
  /** The schedule's event, at once */
  readonly count?: boolean;
}

/** What a test calls a distribution: by this name its requests come as those of CloudFront do. */
const CDN = 'cdn.example';

const MESSAGES: Record<number, string> = {
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

interface Invocation {
  readonly event: object;
  readonly answer: (result: Result | undefined) => void;
}
interface Result {
  readonly statusCode: number;
  readonly headers?: Record<string, string>;
  readonly cookies?: string[];
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

const config = JSON.parse(fs.readFileSync(process.argv[2]!, 'utf8')) as GatewayConfig;
let order: GatewayOrder = {};
let count = 0;

const textOf = async (request: IncomingMessage): Promise<Buffer> =>
  Buffer.concat((await request.toArray()) as Buffer[]);

/** A function, in one sandbox: one invocation at a time. @returns invokes it */
async function startFunction(
  credential: FunctionName,
  environment: Record<string, string>,
): Promise<(event: object) => Promise<Result | undefined>> {
  const waiting: Invocation[] = [];
  const running = new Map<string, Invocation>();
  let next: ServerResponse | undefined;
  const hand = (): void => {
    if (next === undefined || waiting.length === 0) return;
    const invocation = waiting.shift()!;
    const id = `invocation-${count++}`;
    running.set(id, invocation);
    next.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': id,
      'lambda-runtime-deadline-ms': String(Date.now() + 20_000),
      'lambda-runtime-invoked-function-arn': `arn:aws:lambda:${config.region}:1:function:${credential}`,
    });
    next.end(JSON.stringify(invocation.event));
    next = undefined;
  };
  const api = createServer((request, response) => {
    const [, id = '', what = ''] =
      /^\/2018-06-01\/runtime\/invocation\/(?:([\w-]+)\/)?(next|response|error)$/.exec(
        request.url!,
      ) ?? [];
    if (what === 'next') {
      next = response;
      hand();
      return;
    }
    void textOf(request).then((body) => {
      response.writeHead(202).end();
      if (what !== 'response') process.stderr.write(`${credential}: ${body.toString()}\n`);
      const { answer } = running.get(id) ?? { answer: () => undefined };
      running.delete(id);
      answer(what === 'response' ? (JSON.parse(body.toString()) as Result) : undefined);
    });
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const { folder } = config.functions[credential];
  const client = spawn(process.execPath, [config.runtimeClient, 'index.handler'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      NODE_EXTRA_CA_CERTS: config.caFile,
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(api.address() as AddressInfo).port}`,
      LAMBDA_TASK_ROOT: folder,
      _HANDLER: 'index.handler',
      AWS_LAMBDA_FUNCTION_NAME: credential,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      AWS_LAMBDA_LOG_GROUP_NAME: credential,
      AWS_LAMBDA_LOG_STREAM_NAME: '1',
      AWS_REGION: config.region,
      ...environment,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.once('exit', () => client.kill('SIGKILL'));
  return (event) =>
    new Promise((resolve) => {
      waiting.push({ event, answer: resolve });
      hand();
    });
}

function eventOf(request: IncomingMessage, routeKey: string, body: Buffer): object {
  // A distribution asks the API under its own name, and says what it is; its client's Host it keeps.
  const isByCdn = request.headers.host === CDN;
  const host = isByCdn
    ? config.hosts.find((one) => one.includes('execute-api'))!
    : request.headers.host!;
  const url = new URL(request.url!, `https://${host}`);
  const { cookie, ...sent } = request.headers as Record<string, string>;
  const headers: Record<string, string> = {
    ...sent,
    host,
    ...(isByCdn && {
      ...{ via: '2.0 abc.cloudfront.net (CloudFront)', 'x-amz-cf-id': 'abc==' },
      ...{ 'cloudfront-forwarded-proto': 'https', 'cloudfront-viewer-country': 'DE' },
    }),
  };
  const isText = /^(text\/|application\/(json|javascript|xml))/.test(headers['content-type'] ?? '');
  const isBase64Encoded = body.length > 0 && (order.base64 === true || !isText);
  const query = url.search.slice(1);
  const pattern = routeKey.split(' ')[1]!;
  const parameters = pattern
    .split('/')
    .flatMap((part, i) =>
      part.startsWith('{') ? [[part.slice(1, -1), url.pathname.split('/')[i]]] : [],
    );
  return {
    ...{ version: '2.0', routeKey, rawPath: decodeURIComponent(url.pathname) },
    rawQueryString: order.decoded === true ? decodeURIComponent(query) : query,
    ...(cookie !== undefined && { cookies: cookie.split('; ') }),
    headers: {
      ...headers,
      'x-amzn-trace-id': 'Root=1-0-0',
      'x-forwarded-for': isByCdn ? '198.51.100.7, 192.0.2.1' : '192.0.2.1',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
    },
    ...(query !== '' && { queryStringParameters: Object.fromEntries(url.searchParams) }),
    requestContext: {
      ...{ accountId: '123456789012', apiId: config.apiId, stage: '$default', routeKey },
      ...{ domainName: url.hostname, domainPrefix: url.hostname.split('.')[0] },
      http: {
        ...{ method: request.method, path: decodeURIComponent(url.pathname) },
        ...{ protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: headers['user-agent'] ?? '' },
      },
      ...{ requestId: `gateway-${count++}`, time: new Date().toUTCString(), timeEpoch: Date.now() },
    },
    ...(parameters.length > 0 && { pathParameters: Object.fromEntries(parameters) as object }),
    ...(body.length > 0 && { body: body.toString(isBase64Encoded ? 'base64' : 'utf8') }),
    isBase64Encoded,
  };
}

function routeOf(request: IncomingMessage): string | undefined {
  const parts = request.url!.split('?')[0]!.split('/');
  return Object.keys(config.routes).find((key) => {
    const [method, path] = key.split(' ') as [string, string];
    const wanted = path.split('/');
    return (
      method === request.method &&
      wanted.length === parts.length &&
      wanted.every((part, i) => (part.startsWith('{') ? parts[i] !== '' : part === parts[i]))
    );
  });
}

/** The page of CloudFront for what its WAF blocked (403), or for an origin that does not answer. */
const page = (response: ServerResponse, status: number): void => {
  response.writeHead(status, {
    ...{ server: 'CloudFront', 'content-type': 'text/html', 'x-cache': 'Error from cloudfront' },
    ...{ via: '1.1 abc.cloudfront.net (CloudFront)', 'x-amz-cf-id': 'abc==' },
  });
  response.end(
    `<!DOCTYPE HTML><HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY><H1>${status} ERROR</H1></BODY></HTML>\n`,
  );
};

const own = (response: ServerResponse, status: number): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ message: MESSAGES[status] }));
};

async function main(): Promise<void> {
  const { minio, functions, hostsFile, storeAddress, region } = config;
  const client = rootClient(minio);
  for (;;) {
    const answers = await client.listBuckets().then(
      () => true,
      () => false,
    );
    if (answers) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const bucket = await makeMinioBucket(minio, (credential, name) =>
    functions[credential].policy.replaceAll(config.bucket, name),
  );
  // Of a role that may do nothing in the bucket, and take the others.
  const doctor = { accessKeyId: 'ASIADOCTOR', secretAccessKey: randomBytes(20).toString('hex') };
  fs.appendFileSync(hostsFile, `${storeAddress} ${bucket.name}.s3.${region}.amazonaws.com\n`);
  const invoke = Object.fromEntries(
    await Promise.all(
      (Object.keys(functions) as FunctionName[]).map(async (credential) => {
        const { accessKeyId, secretAccessKey, sessionToken } = {
          sessionToken: 'token-of-a-session',
          ...(credential === 'doctor' ? doctor : bucket.credentials[credential]),
        };
        const started = await startFunction(credential, {
          ...functions[credential].environment,
          COATCHECK_BUCKET: bucket.name,
          AWS_ACCESS_KEY_ID: accessKeyId,
          AWS_SECRET_ACCESS_KEY: secretAccessKey,
          AWS_SESSION_TOKEN: sessionToken,
        });
        return [credential, started];
      }),
    ),
  ) as Record<FunctionName, (event: object) => Promise<Result | undefined>>;

  const gateway = createTlsServer(config.tls, (request, response) => {
    void (async () => {
      const body = await textOf(request);
      if (request.headers.host === config.stsHost) {
        assumeRole(request, body.toString(), response);
        return;
      }
      const { refuse } = order;
      if (refuse !== undefined && refuse.times > 0) {
        order = { ...order, refuse: { ...refuse, times: refuse.times - 1 } };
        (refuse.by === undefined ? own : page)(response, refuse.status);
        return;
      }
      const key = routeOf(request);
      if (key === undefined || !config.hosts.includes(request.headers.host!)) {
        own(response, 404);
        return;
      }
      const result = await invoke[config.routes[key]!](eventOf(request, key, body));
      if (result === undefined) {
        own(response, 500);
        return;
      }
      const { statusCode, headers = {}, cookies, body: text = '', isBase64Encoded } = result;
      response.writeHead(statusCode, { ...headers, ...(cookies && { 'set-cookie': cookies }) });
      response.end(Buffer.from(text, isBase64Encoded === true ? 'base64' : 'utf8'));
    })();
  });
  /** STS's answer (docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html), with the session of that role on the MinIO. */
  function assumeRole(request: IncomingMessage, body: string, response: ServerResponse): void {
    const form = new URLSearchParams(body);
    const role = config.taken[form.get('RoleArn') ?? ''];
    const scope = new RegExp(`Credential=${doctor.accessKeyId}/\\d{8}/${region}/sts/`);
    const isSigned = scope.test(request.headers.authorization ?? '');
    if (role === undefined || !isSigned || form.get('Action') !== 'AssumeRole') {
      response.writeHead(403, { 'content-type': 'text/xml' });
      response.end('<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>');
      return;
    }
    const { accessKeyId, secretAccessKey, sessionToken = '' } = bucket.credentials[role];
    const end = new Date(Date.now() + Number(form.get('DurationSeconds')) * 1000).toISOString();
    response.writeHead(200, { 'content-type': 'text/xml' });
    response.end(
      `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>${accessKeyId}</AccessKeyId>` +
        `<SecretAccessKey>${secretAccessKey}</SecretAccessKey><SessionToken>${sessionToken}</SessionToken>` +
        `<Expiration>${end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    );
  }
  await new Promise<void>((resolve) => gateway.listen(443, config.address, resolve));
  let line = '';
  process.stdin.setEncoding('utf8').on('data', (text: string) => {
    line += text;
    for (let end = line.indexOf('\n'); end >= 0; end = line.indexOf('\n')) {
      order = JSON.parse(line.slice(0, end)) as GatewayOrder;
      line = line.slice(end + 1);
      const done = order.count === true ? invoke.upload(config.count) : Promise.resolve();
      void done.then(() => {
        console.log('ordered');
      });
    }
  });
  process.stdin.once('end', () => process.exit());
  console.log('ready');
}

await main();
