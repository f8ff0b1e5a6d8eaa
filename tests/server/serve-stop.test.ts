// @module-tag long
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import { createClient } from '../../protocol/client.ts';
import { codeOf } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { digestHex, historyKey, pendingKey } from '../../protocol/keys.ts';
import { verifyEntry } from '../../protocol/history.ts';
import { formatSite } from '../../protocol/site.ts';
import { createFilesystemStore } from '../../store/filesystem.ts';
import { startServe } from '../support/cli.ts';
import type { Served } from '../support/cli.ts';
import {
  makeAdmin,
  makeNode,
  makeSite,
  makeStatement,
  NOTHING,
  propose,
  sign,
} from '../support/site.ts';

let home: string;
let server: Served | undefined;
beforeEach(() => {
  home = fs.mkdtempSync(join(tmpdir(), 'coatcheck-stop-'));
});
afterEach(() => {
  server?.child.kill('SIGKILL');
  fs.rmSync(home, { recursive: true });
});

const NODES_AT_ONCE = 16;
/** After so many decisions that were answered the server is told to end, with others under way. */
const DECIDED = 40;
const MAX_BYTES = 1_000_000;

it('a server that is told to end under load has done all that it answered, and cuts no answer', async () => {
  const ada = makeAdmin('ada');
  const { site } = makeSite({ admins: [ada] });
  const { keyset } = site.pinned;
  fs.writeFileSync(join(home, 'site.json'), formatSite(site));
  server = await startServe(['--home', home, 'serve']);
  const { url, child, said } = server;
  const admin = createClient({ server: url, site: site.id, identity: ada.identity });

  const proposed: ReturnType<typeof pendingKey>[] = [];
  const decided: { node: ReturnType<typeof makeNode>; digest: Uint8Array }[] = [];
  const refusals = new Set<ErrorCode>();
  let count = 0;

  async function oneNode(): Promise<void> {
    const node = makeNode(`stop ${count++}`);
    const client = createClient({ server: url, site: site.id, identity: node });
    const { bytes, digest } = propose({ keyset, node });
    const name = digestHex(digest);
    const { put } = await client.propose(node.id, { digest: name, size: bytes.length });
    await client.put(put, bytes);
    proposed.push(pendingKey(node.id, name));
    const statement = sign(
      makeStatement(keyset, node.id, 'approve', NOTHING, { digest }),
      ...([keyset, ada] as const),
    );
    const { outcome, published } = await admin.decide(
      node.id,
      encodeSignedStatement(statement),
      { pending: true },
      node.boxKey,
    );
    expect([outcome, published]).toEqual(['decided', true]);
    decided.push({ node, digest: statement.digest });
    if (decided.length === DECIDED) child.kill('SIGTERM');
  }
  async function storm(): Promise<void> {
    try {
      for (;;) await oneNode();
    } catch (error) {
      refusals.add(codeOf(error));
      if (codeOf(error) === 'internal') throw error;
    }
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await Promise.all(Array.from({ length: NODES_AT_ONCE }, storm));
  expect(await ended).toBe(0);
  expect(said.stderr).toMatch(/\nstopped\n$/);

  // Whoever came too late was not heard, and knows it: no answer that began has no end.
  for (const code of refusals) expect(['server_unreachable', 'store_unknown']).toContain(code);
  expect(decided.length).toBeGreaterThanOrEqual(DECIDED);
  const store = createFilesystemStore(join(home, 'store'));
  for (const { node, digest } of decided) {
    const entry = await store.get(historyKey(node.id, 1), { maxBytes: MAX_BYTES });
    expect(verifyEntry(entry!.body, site, node.id).statementDigest).toEqual(digest);
  }
  const done = new Set(decided.map(({ node }) => node.id));
  for (const key of proposed) {
    const [, node] = key.split('/') as [string, (typeof decided)[number]['node']['id']];
    const isThere =
      done.has(node) ||
      (await store.head(key)) !== undefined ||
      (await store.head(historyKey(node, 1))) !== undefined;
    expect([key, isThere]).toEqual([key, true]);
  }
});
