import { toBase64Url, utf8 } from '../../../bundle/bytes.ts';
import { concat } from '../../../bundle/bytes.ts';
import { encodeChain } from '../../../bundle/keyset.ts';
import { createClient } from '../../../protocol/client.ts';
import type { Client } from '../../../protocol/client.ts';
import { getObject, putObject } from '../../../protocol/objects.ts';
import type { DigestHex } from '../../../protocol/keys.ts';
import { xmlError } from '../../../store/xml-error.ts';
import type { S3ErrorCode } from '../../../store/xml-error.ts';
import { node, pinned, SITE } from '../../fixtures/format.ts';
import { Choices } from '../engine/choices.ts';
import type { Target } from '../engine/target.ts';
import { demand, verdictOf } from '../engine/verdict.ts';

const digest = 'ab'.repeat(32) as DigestHex;
const options = { timeoutSeconds: 1, maxBytes: 256 };
const put = { url: 'http://store.example/key', headers: {} };
const bytes = new Uint8Array(3);

/** Everything that asks somebody else, and makes something of the answer. */
const CALLS: readonly ((client: Client, fetch: () => Promise<Response>) => Promise<unknown>)[] = [
  (client) => client.health(),
  (client) => client.site(),
  (client) => client.config(node.id),
  (client) => client.propose(node.id, { digest, size: 1 }),
  (client) => client.report(node.id, { digest, size: 1, proof: bytes }),
  (client) => client.decide(node.id, bytes),
  (client) => client.repair(node.id),
  (client) => client.list({ prefix: 'pending' }),
  (client) => client.read(['x']),
  async (_, fetch) => {
    const got = await getObject(put.url, { ...options, fetch });
    demand(!got.found || got.body.length <= options.maxBytes, 'more than was asked for');
    return got;
  },
  (_, fetch) => putObject(put, bytes, { ...options, fetch }),
];
const STATUSES = [200, 201, 400, 401, 403, 404, 409, 412, 429, 500, 503, 507, 302, 418];
const XML_CODES: readonly S3ErrorCode[] = [
  'NoSuchKey',
  'NoSuchBucket',
  'AccessDenied',
  'PreconditionFailed',
];

const seed = (call: number, status: number, body: unknown): Uint8Array =>
  concat(
    Uint8Array.of(call, STATUSES.indexOf(status), 0),
    utf8(typeof body === 'string' ? body : JSON.stringify(body)),
  );
const now = 1_790_000_000;
const presigned = { url: 'http://a', headers: { a: 'b' }, expiresAt: now };
const refusal = (code: string, details = {}) => ({ error: { code, message: 'm', details } });
const xml = (code: string): string => `<Error><Code>${code}</Code></Error>`;

/**
 * An answer of a server or of a store, whatever it says: what was asked for, or an error of the
 * table; "not there" only if the store says so of the key. Then our own error document, of a
 * resource with any name.
 */
export const target: Target = {
  async run(input) {
    const choices = new Choices(input);
    const call = choices.pick(CALLS);
    const status = choices.pick(STATUSES);
    const xmlCode = choices.pick([undefined, ...XML_CODES]);
    const body = choices.rest();
    const given = Buffer.from(body).toString();
    const answer = (): Response =>
      xmlCode === undefined ? new Response(body.slice(), { status }) : xmlError(xmlCode, given);
    const fetch = (): Promise<Response> => Promise.resolve(answer());
    const client = createClient({
      server: 'http://a.example',
      site: SITE,
      identity: node,
      fetch,
      now: () => now,
      timeoutSeconds: 1,
    });
    let text = given;
    if (xmlCode !== undefined) {
      text = await answer().text();
      demand(
        /^<\?xml [^>]*>\n<Error><Code>\w+<\/Code><Resource>[\w/.&#;-]*<\/Resource><\/Error>$/.test(
          text,
        ),
        'XML is broken out of',
      );
    }
    return verdictOf(async () => {
      const result = await call(client, fetch);
      const isAbsent =
        typeof result === 'object' &&
        result !== null &&
        'found' in result &&
        result.found === false;
      demand(!isAbsent || text.includes('<Code>NoSuchKey</Code>'), 'taken for absent');
      return isAbsent ? 'absent' : 'ok';
    });
  },
  seeds: [
    seed(0, 200, { ok: true, version: '1', now }),
    seed(1, 200, {
      site: 'a5'.repeat(16),
      name: 'x',
      approval: 'none',
      maxBundleBytes: 1024,
      chain: toBase64Url(encodeChain([pinned])),
      now,
    }),
    seed(2, 200, { url: 'http://a', expiresAt: now, rejectedUrl: 'http://b', now }),
    seed(3, 201, { key: 'pending/x', put: presigned }),
    seed(4, 201, { key: 'reports/x', put: presigned }),
    seed(5, 200, { outcome: 'decided', slot: 1, statementDigest: digest, published: true }),
    seed(6, 200, {
      published: true,
      junk: [{ slot: 2, code: 'truncated' }],
      cleaned: ['pending/a'],
      written: ['approved/a'],
    }),
    seed(7, 200, { objects: [{ key: 'pending/a', size: 1, modified: now }], next: 'pending/a' }),
    seed(8, 200, { urls: [{ key: 'x', url: 'http://a', expiresAt: now }] }),
    seed(0, 401, refusal('signature_expired', { now: now + 9 })),
    seed(0, 409, refusal('waiting')),
    seed(0, 500, refusal('__proto__', { __proto__: 1, constructor: 'x' })),
    seed(9, 404, xml('NoSuchKey')),
    seed(9, 404, xml('NoSuchBucket')),
    seed(9, 200, 'content'),
    ...[412, 507, 409, 403].map((status) => seed(10, status, xml('PreconditionFailed'))),
    seed(10, 200, ''),
    Uint8Array.of(9, 5, 1, 60, 38, 34, 62, 0, 255),
  ],
  words: [
    '<Code>',
    '</Code>',
    'NoSuchKey',
    '__proto__',
    'constructor',
    '"',
    '{}',
    '[]',
    'null',
    '1e99',
    ']]>',
    '&#',
  ],
  limits: { maxBytes: 700, work: [20_000, 100], allocated: [65_536, 16] },
};
