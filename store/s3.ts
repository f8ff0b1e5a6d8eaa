import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { ObjectKey } from '../protocol/keys.ts';
import { packedBy } from '../protocol/objects.ts';
import { alreadyExists, preconditionFailed, tooLarge } from './outcomes.ts';
import { compareKeys, PAGE_SIZE } from './page.ts';
import type { ObjectHead, ObjectInfo, ObjectStore, StoredObject } from './port.ts';
import { cutAnswer, describeFailure, packedAnswer, storeError, unlikeS3 } from './s3-errors.ts';
import { credentialsProvider } from './s3-options.ts';
import type { S3Options } from './s3-options.ts';

// Which Node we run on is our `engines` field's word; the SDK's is no line for a user's terminal.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

/** As many as the SDK's own agent has. */
const READ_SOCKETS = 50;

/** A bucket on AWS S3, or on a server that speaks its API. Sends nothing until it is used. */
export function createS3Store(options: S3Options): ObjectStore {
  const { bucket, endpoint } = options;
  // Whoever is given is believed instead of the system's, as every other client of a site does.
  const trust = options.ca === undefined ? {} : { ca: options.ca };
  const reader = createS3Client(options, endpoint, {
    maxAttempts: 3,
    httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets: READ_SOCKETS, ...trust }),
  });
  // Once only, and on a fresh connection: a retry after a lost answer would meet the object that
  // the first try wrote and report that somebody else had been quicker.
  const writer = createS3Client(options, endpoint, {
    maxAttempts: 1,
    httpAgent: new HttpAgent(),
    httpsAgent: new HttpsAgent(trust),
  });

  const failed = (error: unknown, kind: 'read' | 'write'): Error =>
    storeError(error, { bucket, kind });
  /** The ETag that every S3 server sends; a log-in page that answers 200 to everything does not. */
  const etagOf = ({ ETag }: { ETag?: string | undefined }, kind: 'read' | 'write'): string => {
    if (!ETag) throw unlikeS3({ bucket, kind });
    return ETag.replace(/^"|"$/g, '');
  };

  /** @param isRefused whether this answer is the condition's own refusal */
  async function put(
    key: ObjectKey,
    body: Uint8Array,
    condition: { IfNoneMatch: '*' } | { IfMatch: string },
    refusal: { names: readonly string[]; error: () => Error },
  ): Promise<{ etag: string }> {
    try {
      const answer = await writer.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: body,
          ContentType: 'application/octet-stream',
          ...condition,
        }),
      );
      return { etag: etagOf(answer, 'write') };
    } catch (error) {
      if (refusal.names.includes(describeFailure(error).name)) throw refusal.error();
      throw failed(error, 'write');
    }
  }

  async function get(key: ObjectKey, maxBytes: number): Promise<StoredObject | undefined> {
    try {
      const answer = await reader.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      const stream = answer.Body as AsyncIterable<Uint8Array> & { destroy(): void };
      const info = { ...infoOf(key, answer), etag: etagOf(answer, 'read') };
      const body = await collect(stream, maxBytes);
      if (body === undefined) throw tooLarge(key, maxBytes);
      // Without a length HTTP does not say that an answer was cut, and half an entry would be junk.
      if (answer.ContentLength !== body.length) throw cutAnswer({ bucket, key });
      const packed = packedBy(answer.ContentEncoding, body);
      if (packed !== undefined) throw packedAnswer({ bucket, key }, packed);
      return { ...info, body, size: body.length };
    } catch (error) {
      if (describeFailure(error).name === 'NoSuchKey') return undefined;
      throw failed(error, 'read');
    }
  }

  async function head(key: ObjectKey): Promise<ObjectHead | undefined> {
    try {
      const answer = await reader.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      return { ...infoOf(key, answer), etag: etagOf(answer, 'read') };
    } catch (error) {
      if (describeFailure(error).status !== 404) throw failed(error, 'read');
    }
    // A HEAD has no body to say *what* was not found. A GET has one.
    const object = await get(key, Infinity);
    if (object === undefined) return undefined;
    const { size, etag, modified } = object;
    return { key, size, etag, modified };
  }

  return {
    create: (key, body) =>
      put(
        key,
        body,
        { IfNoneMatch: '*' },
        { names: ['PreconditionFailed'], error: () => alreadyExists(key) },
      ),

    replace: (key, body, etag) =>
      put(
        key,
        body,
        { IfMatch: `"${etag}"` },
        { names: ['PreconditionFailed', 'NoSuchKey'], error: () => preconditionFailed(key) },
      ),

    get: (key, { maxBytes }) => get(key, maxBytes),
    head,

    async delete(key) {
      try {
        const command = new DeleteObjectCommand({ Bucket: bucket, Key: key });
        const { $metadata: answer } = await reader.send(command);
        if (answer.httpStatusCode !== 204) throw unlikeS3({ bucket, kind: 'write' });
      } catch (error) {
        throw failed(error, 'write');
      }
    },

    async list(prefix, { after, limit = PAGE_SIZE } = {}) {
      try {
        const answer = await reader.send(
          new ListObjectsV2Command({
            Bucket: bucket,
            Prefix: prefix,
            StartAfter: after,
            MaxKeys: Math.min(limit, PAGE_SIZE),
          }),
        );
        const objects = (answer.Contents ?? []).map((entry) => ({
          ...infoOf(entry.Key as ObjectKey, { ...entry, ContentLength: entry.Size }),
          ...(entry.ETag === undefined ? {} : { version: entry.ETag.replaceAll('"', '') }),
        }));
        const next = answer.IsTruncated ? (objects.at(-1)?.key ?? '') : undefined;
        // Where a page does not go on from the one before, there would be no end to them.
        const goesOn = next === undefined || compareKeys(next, after ?? '') > 0;
        if (answer.Name === undefined || !goesOn) throw unlikeS3({ bucket, kind: 'read' });
        return { objects, ...(next === undefined ? {} : { next: next as ObjectKey }) };
      } catch (error) {
        throw failed(error, 'read');
      }
    },
  };
}

/** The SDK's client as all of ours have it. */
export function createS3Client(
  options: S3Options,
  endpoint: string | undefined,
  how: { maxAttempts: number; httpAgent?: HttpAgent; httpsAgent?: HttpsAgent },
): S3Client {
  const { maxAttempts, ...agents } = how;
  const s3 = new S3Client({
    region: options.region,
    credentials: credentialsProvider(options.credentials),
    maxAttempts,
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: 20_000,
      throwOnRequestTimeout: true,
      // The one above ends with the head of an answer: a body may stop in the middle.
      socketTimeout: 20_000,
      ...agents,
    },
    // Otherwise a checksum of no body at all lands in presigned URLs.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    useDualstackEndpoint: options.dualStack === true,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
  });
  // After the signature: a proxy may write this header anew, and the store would refuse the request.
  s3.middlewareStack.add(
    (next) => (call) => {
      (call.request as { headers: Record<string, string> }).headers['accept-encoding'] = 'identity';
      return next(call);
    },
    { step: 'deserialize', name: 'asBytes' },
  );
  return s3;
}

function infoOf(
  key: ObjectKey,
  answer: { ContentLength?: number | undefined; LastModified?: Date | undefined },
): ObjectInfo {
  return { key, size: answer.ContentLength ?? 0, modified: answer.LastModified ?? new Date(0) };
}

/** All bytes of a stream, or undefined, and the connection closed, once there are too many. */
async function collect(
  stream: AsyncIterable<Uint8Array> & { destroy(): void },
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxBytes) {
      stream.destroy();
      return undefined;
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks, size));
}
