import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ObjectKey } from '../../protocol/keys.ts';
import { createPresigner } from '../../store/signature-v4.ts';
import { serveHttp } from './http-servers.ts';
import type { TestServer } from './http-servers.ts';
import type { TestBucket } from './s3-bucket.ts';

/** A request that was read to its end. */
export interface HeldRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The key of the object that it names. */
  readonly key: ObjectKey;
}

export interface HeldAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

/** What a fault has at hand besides the request. */
export interface Behind {
  /** What the good store says to this request. */
  readonly honest: () => Promise<HeldAnswer>;
  /** Puts these bytes there with every right, whatever is there. */
  readonly put: (
    key: ObjectKey,
    body: Uint8Array,
    headers?: Record<string, string>,
  ) => Promise<HeldAnswer>;
  readonly root: ReturnType<TestBucket['store']>;
  readonly bucket: TestBucket;
}

/** How a bad store answers. One for each server: it may remember. */
export type Fault = (request: HeldRequest, behind: Behind) => Promise<HeldAnswer>;

/**
 * A store with one fault: the real one stands behind it, and is asked first, so that everything
 * but the fault is as it is there.
 */
export function serveBadStore(bucket: TestBucket, fault: Fault): Promise<TestServer> {
  const root = bucket.store('root');
  const presign = createPresigner('us-east-1');
  const put: Behind['put'] = (key, body, headers = {}) => {
    const signed = { 'content-length': String(body.length), ...headers };
    const url = presign({
      ...{ method: 'PUT', headers: signed, credentials: bucket.root, expiresInSeconds: 60 },
      url: new URL(`${bucket.endpoint}/${bucket.name}/${key}`),
      signedAt: Math.floor(Date.now() / 1000),
    });
    return forward(url, { method: 'PUT', headers: signed, body: Buffer.from(body) });
  };
  return serveHttp((incoming, outgoing) => {
    const answered = hold(incoming, bucket.name).then((held) => {
      const honest = (): Promise<HeldAnswer> => forward(new URL(held.url, bucket.endpoint), held);
      return fault(held, { honest, put, root, bucket });
    });
    answered.then(
      (answer) => reply(outgoing, answer),
      () => outgoing.destroy(),
    );
  });
}

async function hold(incoming: IncomingMessage, bucket: string): Promise<HeldRequest> {
  const { method, url, headers } = incoming;
  const { pathname } = new URL(url!, 'http://x');
  return {
    ...{ method: method!, url: url! },
    headers: headers as Record<string, string>,
    body: await readAll(incoming),
    key: pathname.slice(`/${bucket}/`.length) as ObjectKey,
  };
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** `Host` goes on as it came: it is signed. */
async function forward(
  url: URL | string,
  { method, headers, body }: Pick<HeldRequest, 'method' | 'headers' | 'body'>,
): Promise<HeldAnswer> {
  const sent = httpRequest(url, { method, headers, agent: false });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return {
    status: answer.statusCode!,
    headers: answer.headers as Record<string, string>,
    body: await readAll(answer),
  };
}

function reply(outgoing: ServerResponse, { status, headers, body }: HeldAnswer): void {
  const { 'content-length': length, ...others } = headers;
  // To a HEAD, the length of what is not sent.
  const own = body.length > 0 || length === undefined ? String(body.length) : String(length);
  outgoing.writeHead(status, { ...others, 'content-length': own }).end(body);
}
