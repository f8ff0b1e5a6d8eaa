// @module-tag long
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../bundle/bytes.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import { createClient } from '../../protocol/client.ts';
import { verifyEntry } from '../../protocol/history.ts';
import { approvedKey, digestHex, historyKey, parseKey, pendingKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { formatSite } from '../../protocol/site.ts';
import { createFilesystemStore } from '../../store/filesystem.ts';
import { startServe } from '../support/cli.ts';
import { makeNode, makeSite, makeStatement, propose, sign } from '../support/site.ts';

const ROUNDS = 20;
const CLIENTS = 3;
const { site, admins } = makeSite();
const { keyset } = site.pinned;

let home: string;
beforeAll(() => {
  home = fs.mkdtempSync(join(tmpdir(), 'coatcheck-killed-'));
  fs.writeFileSync(join(home, 'site.json'), formatSite(site));
});
afterAll(() => fs.rmSync(home, { recursive: true }));

/** What the server has said to its clients. */
interface Acknowledged {
  /** Bytes that were uploaded, until a decision about them was sent. */
  readonly uploads: Map<ObjectKey, Uint8Array>;
  /** The statement that was decided, hex. */
  readonly decisions: Map<ObjectKey, string>;
  /** The statement that a node is shown, hex. */
  readonly shown: Map<ObjectKey, string>;
  /** What was sent and not answered. */
  readonly open: Set<() => Promise<unknown>>;
}

const acknowledged: Acknowledged = {
  ...{ uploads: new Map(), decisions: new Map(), shown: new Map(), open: new Set() },
};
let url = '';
let isKilled = false;
let nodes = 0;

/** One node proposes, and is approved. */
async function onboard(): Promise<void> {
  const node = makeNode(`killed ${++nodes}`);
  const files = { 'etc/motd': `node ${nodes}\n`.repeat(5000) };
  const { bytes, digest } = propose({ keyset, node, files });
  const as = (identity: typeof node) => createClient({ server: url, site: site.id, identity });
  const { put } = await as(node).propose(node.id, {
    digest: digestHex(digest),
    size: bytes.length,
  });
  await as(node).put(put, bytes);
  const pending = pendingKey(node.id, digestHex(digest));
  acknowledged.uploads.set(pending, bytes);

  const issued = Math.floor(Date.now() / 1000);
  const statement = makeStatement(keyset, node.id, 'approve', undefined, { digest, issued });
  const signed = sign(statement, keyset, admins[0]!);
  const decide = async (): Promise<void> => {
    const from = { pending: true } as const;
    const encoded = encodeSignedStatement(signed);
    acknowledged.uploads.delete(pending);
    const { published } = await as(admins[0]!.identity).decide(node.id, encoded, from, node.boxKey);
    acknowledged.open.delete(decide);
    acknowledged.decisions.set(historyKey(node.id, 1), toHex(signed.digest));
    if (published) acknowledged.shown.set(approvedKey(node.id), toHex(signed.digest));
  };
  acknowledged.open.add(decide);
  await decide();
}

/** Onboards node after node, until the server is killed. */
async function keepAtIt(): Promise<void> {
  while (!isKilled) {
    await onboard().catch((error: unknown) => {
      if (!isKilled) throw error;
    });
  }
}

const said = (): number =>
  acknowledged.uploads.size + acknowledged.decisions.size + acknowledged.shown.size;

async function hasSaid(count: number): Promise<void> {
  while (said() < count) await sleep(1);
}

describe('coatcheck serve on a folder, killed in the midst of uploads and decisions', () => {
  it('has all that it acknowledged, and goes on', async () => {
    const store = createFilesystemStore(join(home, 'store'));
    const statementAt = async (key: ObjectKey): Promise<string | undefined> => {
      const object = await store.get(key, { maxBytes: 2 ** 24 });
      const { node } = parseKey(key) as { node: NodeId };
      return object && toHex(verifyEntry(object.body, site, node).statementDigest);
    };
    for (let round = 1; round <= ROUNDS; round++) {
      const server = await startServe(['--home', home, 'serve']);
      ({ url } = server);
      isKilled = false;
      // The same statement may be sent again at any time.
      for (const decide of [...acknowledged.open]) await decide();

      const clients = Promise.all(Array.from({ length: CLIENTS }, keepAtIt));
      const until = said() + 1 + Math.floor(Math.random() * 20);
      await Promise.race([clients, hasSaid(until)]);
      await sleep(Math.random() * 20);
      isKilled = true;
      server.child.kill('SIGKILL');
      await once(server.child, 'exit');
      await clients;

      for (const [key, bytes] of acknowledged.uploads) {
        expect((await store.get(key, { maxBytes: 2 ** 24 }))?.body, key).toEqual(bytes);
      }
      for (const [key, digest] of [...acknowledged.decisions, ...acknowledged.shown]) {
        expect(await statementAt(key), key).toBe(digest);
      }
    }
    expect(acknowledged.decisions.size).toBeGreaterThan(ROUNDS);
  });
});
