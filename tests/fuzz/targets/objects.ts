import { concat, utf8 } from '../../../bundle/bytes.ts';
import { sha256 } from '#platform';
import { parseKey, approvedKey, pendingKey, reportKey } from '../../../protocol/keys.ts';
import type { DigestHex, ObjectKey } from '../../../protocol/keys.ts';
import { CREDENTIALS } from '../../../protocol/permissions.ts';
import { createLocalHandler, createLocalSigner } from '../../../store/local-urls.ts';
import { createMemoryStore } from '../../../store/memory.ts';
import type { ObjectStore } from '../../../store/port.ts';
import { node } from '../../fixtures/format.ts';
import { Choices } from '../engine/choices.ts';
import type { Target } from '../engine/target.ts';
import { demand } from '../engine/verdict.ts';

const NOW = 1_790_000_000;
const ORIGIN = 'http://coatcheck.example:8420';
const secrets = Object.fromEntries(
  CREDENTIALS.map((name) => [name, sha256(utf8(`${name} secret`))]),
) as Record<(typeof CREDENTIALS)[number], Uint8Array>;
const KEYS: readonly ObjectKey[] = [
  approvedKey(node.id),
  reportKey(node.id),
  pendingKey(node.id, 'ab'.repeat(32) as DigestHex),
];

interface Signed {
  readonly url: string;
  readonly method: 'GET' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}
const body = utf8('content');
/** A URL of every credential for every key, to read and to write. */
const signed: readonly Signed[] = (
  await Promise.all(
    CREDENTIALS.flatMap((credential) => {
      const signer = createLocalSigner({
        baseUrl: ORIGIN,
        credential,
        secret: secrets[credential],
        now: () => NOW,
      });
      return KEYS.flatMap((key) => [
        signer
          .signGet(key, { expiresInSeconds: 60 })
          .then(({ url }): Signed => ({ url, method: 'GET', headers: {}, body: new Uint8Array() })),
        signer
          .signPut(key, {
            size: body.length,
            sha256: sha256(body),
            expiresInSeconds: 60,
            overwrite: key === KEYS[1],
          })
          .then(({ url, headers }): Signed => ({ url, headers, method: 'PUT', body })),
      ]);
    }),
  )
).flat();

/**
 * A request to the store of a folder, signed, and then changed in some places: it is answered as S3
 * would, and only what was signed is read or written.
 */
export const target: Target = {
  async run(input) {
    const choices = new Choices(input);
    const given = choices.pick(signed);
    const change = choices.below(8);
    const headers = new Headers(given.headers);
    let { url, method, body: sent }: { url: string; method: string; body: Uint8Array } = given;
    const at = choices.byte() + ORIGIN.length;
    const text = choices.text();
    let isChanged = change !== 0;
    try {
      if (change === 1) url = url.slice(0, at) + text + url.slice(at + choices.below(3));
      if (change === 2) method = choices.pick(['DELETE', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'GET']);
      if (change === 3)
        headers.set(
          choices.pick([
            'x-amz-copy-source',
            'if-none-match',
            'content-length',
            'content-type',
            'x-amz-checksum-sha256',
          ]),
          text,
        );
      if (change === 4) headers.delete(choices.pick(Object.keys(given.headers).concat('x')));
      if (change === 5) sent = choices.bytes();
      if (change === 6) url = ORIGIN + text;
      new URL(url);
    } catch (error) {
      if (error instanceof TypeError) return 'no request';
      throw error;
    }
    isChanged &&= url !== given.url || method !== given.method || change > 2;

    const writes: string[] = [];
    const reads: string[] = [];
    const memory = createMemoryStore();
    await memory.create(KEYS[0]!, body);
    const store: ObjectStore = {
      ...memory,
      create: (key, bytes) => (writes.push(key), memory.create(key, bytes)),
      replace: (key, bytes, etag) => (writes.push(key), memory.replace(key, bytes, etag)),
      get: (key, options) => (reads.push(key), memory.get(key, options)),
    };
    const handler = createLocalHandler({ store, secrets, now: () => NOW });
    let request: Request;
    try {
      const hasBody = method !== 'GET' && method !== 'HEAD';
      request = new Request(url, { method, headers, ...(hasBody && { body: sent.slice() }) });
    } catch (error) {
      if (error instanceof TypeError) return 'no request';
      throw error;
    }
    const response = await handler(request);
    demand(
      [200, 400, 403, 404, 405, 412].includes(response.status),
      `it answers ${response.status}`,
    );
    for (const key of [...writes, ...reads]) {
      demand(
        parseKey(key) !== undefined && given.url.includes(`/objects/${key}?`),
        `${key} was not signed for`,
      );
    }
    demand(
      writes.length === 0 || (given.method === 'PUT' && Buffer.compare(sent, body) === 0),
      'another write',
    );
    return `${response.status} ${isChanged}`;
  },
  seeds: [
    ...signed.map((_, i) => Uint8Array.of(i, 0, 0, 0)),
    ...[1, 3, 6].flatMap((change) =>
      [0, 1, 13].map((i) => concat(Uint8Array.of(i, change, 5, 3), utf8('%2f'), Uint8Array.of(0))),
    ),
    ...[2, 4, 5].flatMap((change) =>
      [0, 1, 3].map((i) => Uint8Array.of(i, change, 0, 0, 2, 65, 66)),
    ),
  ],
  words: ['/objects/', '../', '%2e', '//', '?', '&', 'X-Coatcheck-Expires=', '\0', '@', '#'],
  limits: { maxBytes: 200, work: [10_000, 100], allocated: [262_144, 64] },
};
