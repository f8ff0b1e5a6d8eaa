import * as fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromBase64Url } from '../../bundle/bytes.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import { verifyStore } from '../../functions/copy/verify.ts';
import { startServer } from '../../functions/serve/server.ts';
import { openFolder } from '../../functions/stores/folder.ts';
import { createClient } from '../../protocol/client.ts';
import { verifyEntry } from '../../protocol/history.ts';
import { approvedKey, parseKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { parseSite } from '../../protocol/site.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { makeAdmin, makeNode, makeStatement, sign } from '../support/site.ts';
import { withTemporaryFolder } from '../support/temporary-folder.ts';

/**
 * A store that version 0.1.0 wrote, with the keys that `makeAdmin('ada')` and `makeNode('older')` give: an approval
 * in force, and a proposal that waits. It is never written anew: a version that does not read it breaks what
 * docs/self-hosting.md promises.
 */
const kept = JSON.parse(fs.readFileSync('tests/fixtures/store-0.1.0.json', 'utf8')) as {
  readonly site: string;
  readonly objects: Readonly<Record<string, string>>;
};
const site = parseSite(kept.site, (text) => text);
const objects = Object.entries(kept.objects).map(
  ([key, text]) => [key as ObjectKey, fromBase64Url(text)] as const,
);
const [ada, node] = [makeAdmin('ada'), makeNode('older')];

let folder: string;
withTemporaryFolder('older-store', (made) => (folder = made));

describe('a store that version 0.1.0 wrote', () => {
  it('verifies', async () => {
    const store = createMemoryStore();
    for (const [key, bytes] of objects) await store.create(key, bytes);
    expect(await verifyStore(store, site)).toMatchObject({ objects: objects.length, junkCount: 0 });
  });

  it('is served, and what waits in it is decided', async () => {
    const opened = await openFolder(folder, { create: true });
    for (const [key, bytes] of objects) await opened.whole.create(key, bytes);
    const server = await startServer({ site, host: '127.0.0.1', port: 0, store: opened });
    try {
      const clientOf = (identity: typeof node) =>
        createClient({ server: server.url, site: site.id, identity });
      const inForce = async () => {
        const { url } = await clientOf(node).config(node.id);
        const got = await clientOf(node).get(url, 1_000_000);
        return verifyEntry(got.found ? got.body : new Uint8Array(), site, node.id);
      };
      const first = await inForce();
      const waiting = objects.find(([key]) => parseKey(key)?.prefix === 'pending')![0];
      const digest = Buffer.from(waiting.split('/')[2]!, 'hex');
      const { keyset } = site.pinned;
      const place = { digest: first.statementDigest, seq: first.statement.seq };
      const more = { digest: Uint8Array.from(digest) };
      const statement = sign(
        makeStatement(keyset, node.id, 'approve', place, more),
        ...([keyset, ada] as const),
      );
      const bytes = encodeSignedStatement(statement);
      const from = { pending: true } as const;
      const decided = await clientOf(ada.identity).decide(node.id, bytes, from, node.boxKey);
      expect(decided).toMatchObject({ outcome: 'decided', slot: 2, published: true });
      expect((await inForce()).statementDigest).toEqual(statement.digest);
      expect(objects.map(([key]) => key)).toContain(approvedKey(node.id));
    } finally {
      await server.close();
    }
  });
});
