import { concat, toBase64Url, toHex, utf8 } from '../../../bundle/bytes.ts';
import { encodeChain } from '../../../bundle/keyset.ts';
import { readCredentials } from '../../../functions/stores/credentials.ts';
import { readMemory } from '../../../cli/memory.ts';
import { localSecrets } from '../../../functions/stores/local-secrets.ts';
import type { Site } from '../../../protocol/site.ts';
import { placeFile } from '../stand-ins/fs.ts';
import { node, pinned, SITE } from '../../fixtures/format.ts';
import type { Target } from '../engine/target.ts';
import { demand, verdictOf } from '../engine/verdict.ts';
import { JSON_WORDS } from '../engine/json-words.ts';

const site: Site = {
  ...{ id: SITE, name: 'fuzz', pinned, approval: 'required', servers: [] },
  maxBundleBytes: 1024,
};

/** What each file is read by. */
const READERS: Readonly<Record<string, (path: string) => Promise<string>>> = {
  'memory.json': async (path) => {
    const memory = await readMemory(path, site);
    for (const [id, seen] of memory.nodes) {
      demand(/^[a-z2-7]{32}$/.test(id) && seen.seq >= 1, 'no such decision');
    }
    return `${memory.nodes.size > 0}`;
  },
  'credentials.json': async (path) => {
    const { download, upload, admin } = await readCredentials(path);
    const secrets = [download, upload, admin].map((keys) => keys.secretAccessKey);
    demand(
      secrets.every((secret) => typeof secret === 'string'),
      'a secret is no text',
    );
    return `${download.expiration !== undefined}`;
  },
  'secrets.json': async () => {
    const secrets = await localSecrets('/fuzz');
    demand(
      Object.values(secrets).every((secret) => secret.length === 32),
      'a secret is short',
    );
    return 'ok';
  },
};
const FILES = Object.keys(READERS);

const file = (name: string, content: unknown): Uint8Array =>
  concat(Uint8Array.of(FILES.indexOf(name)), utf8(JSON.stringify(content)));
const keys = (name: string, more = {}) => ({
  ...{ accessKeyId: `coatcheck-${name}`, secretAccessKey: `secret of the ${name} credential` },
  ...more,
});

/** A file of an administrator's or a server's: it is read or refused. The first byte says which. */
export const target: Target = {
  async run(input) {
    const name = FILES[(input[0] ?? 0) % FILES.length]!;
    const path = `/fuzz/${name}`;
    placeFile(path, input.subarray(1));
    const outcome = await verdictOf(() => READERS[name]!(path));
    demand(
      /^(true|false|ok|file_malformed|weak_secret|usage)$/.test(outcome),
      `refused as ${outcome}`,
    );
    demand(!('polluted' in {}), 'the prototype of all objects was changed');
    return `${name} ${outcome}`;
  },
  seeds: [
    file('memory.json', {
      ...{ coatcheck: 'memory/1', site: toHex(SITE), chain: toBase64Url(encodeChain([pinned])) },
      nodes: { [node.id]: { seq: 3, digest: 'ab'.repeat(32) } },
    }),
    file('credentials.json', {
      download: keys('download'),
      upload: keys('upload', { sessionToken: 't', expiration: '2026-11-24T11:00:00.000Z' }),
      admin: keys('admin'),
    }),
    file('secrets.json', {
      coatcheck: 'secrets/1',
      ...{
        download: 'A'.repeat(42) + 'E',
        upload: 'abcdefgh'.repeat(5) + 'abE',
        admin: 'B'.repeat(42) + 'E',
      },
    }),
  ],
  words: [...JSON_WORDS, 'polluted'],
  limits: { maxBytes: 700, work: [20_000, 200], allocated: [65_536, 64] },
};
