// @module-tag long
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../bundle/frame.ts';
import { toHex } from '../bundle/bytes.ts';
import { approvedKey, historyKey, parseDigest, pendingKey } from '../protocol/keys.ts';
import type { Fetch } from '../protocol/objects.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import type { InProcess } from '../tests/support/in-process.ts';
import { after, makeNode, makeSite, makeStatement, NOTHING } from '../tests/support/site.ts';
import { propose, sign } from '../tests/support/site.ts';
import { createSession, emptyMemory, knownNodes, localKey } from './index.ts';
import { nodeViews, pendingViews } from './index.ts';
import type { Session } from './index.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const { site, admins } = makeSite();
const { keyset } = site.pinned;
const [ada] = admins;
const byId = (a: { node: string }, b: { node: string }): number => (a.node < b.node ? -1 : 1);

/** Counts, on the way to a server, what is under way and which bodies are still in memory. */
function watched({ fetch }: InProcess) {
  const seen = { gets: 0, underWay: 0, mostUnderWay: 0, mostAlive: 0 };
  const bodies: WeakRef<Uint8Array>[] = [];
  const counted: Fetch = async (url, init) => {
    if (!new URL(url).pathname.startsWith('/objects/')) return fetch(url, init);
    seen.gets++;
    seen.underWay++;
    seen.mostUnderWay = Math.max(seen.mostUnderWay, seen.underWay);
    if (seen.gets % 10 === 0) {
      gc();
      const alive = bodies.filter((body) => body.deref() !== undefined).length;
      seen.mostAlive = Math.max(seen.mostAlive, alive);
    }
    const answer = await fetch(url, init);
    return {
      ...{ status: answer.status, ok: answer.ok, headers: answer.headers },
      body: (async function* () {
        // Each takes its time, so that as many meet as may.
        await new Promise((resolve) => setTimeout(resolve, 1));
        for await (const chunk of answer.body ?? []) {
          const own = Uint8Array.from(chunk);
          bodies.push(new WeakRef(own));
          yield own;
        }
        seen.underWay--;
      })(),
    };
  };
  return { seen, fetch: counted };
}

async function session(fetch: Fetch, server: string): Promise<Session> {
  return createSession({
    ...{ site, server, fetch, key: localKey(ada!.identity), program: 'test' },
    memory: { load: async () => emptyMemory(site), add: async () => undefined },
  });
}

/** What was asked of the server itself, and not of the store. */
const ofServer = ({ asked }: InProcess): string[] =>
  asked.filter(({ isObject }) => !isObject).map(({ path, query }) => `${path}${query}`);

describe('250 nodes', () => {
  const nodes = Array.from({ length: 250 }, (_, i) => makeNode(`${i}`));
  const proposals = nodes.map((node) => ({ node, ...propose({ keyset, node }) }));

  it('that wait cost 7 requests, and a GET each, 8 at a time', async () => {
    const server = serveInProcess(site);
    for (const { node, bytes, digest } of proposals) {
      await server.store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
    }
    const { seen, fetch } = watched(server);
    const views = await pendingViews(await session(fetch, server.server));
    expect(views.map(({ node, digest, madeBy }) => ({ node, digest, madeBy }))).toEqual(
      proposals
        .map(({ node, digest }) => ({ node: node.id, digest: toHex(digest), madeBy: 'node' }))
        .sort(byId),
    );
    const [first, ...others] = ofServer(server);
    expect(first).toBe('/v1/site');
    expect(others.filter((path) => path.includes('prefix=pending'))).toHaveLength(3);
    expect(others).toHaveLength(6);
    expect(seen).toMatchObject({ gets: 250, mostUnderWay: 8 });
    expect(seen.mostAlive).toBeGreaterThan(0);
    expect(seen.mostAlive).toBeLessThanOrEqual(8);
  });

  it('that have something in force cost 7 requests, and a GET each, 8 at a time', async () => {
    const server = serveInProcess(site);
    for (const { node, bytes, digest } of proposals) {
      const approval = sign(
        makeStatement(keyset, node.id, 'approve', NOTHING, { digest }),
        ...([keyset, ada!] as const),
      );
      const frame = encodeFrame({ chain: [site.pinned], statement: approval, bundle: bytes });
      await server.store.create(approvedKey(node.id), frame);
    }
    const { seen, fetch } = watched(server);
    const admin = await session(fetch, server.server);
    const views = await nodeViews(admin);
    expect(views.map(({ node, bundle }) => ({ node, bundle }))).toEqual(
      proposals.map(({ node, digest }) => ({ node: node.id, bundle: toHex(digest) })).sort(byId),
    );
    expect(ofServer(server)).toHaveLength(7);
    expect(seen).toMatchObject({ gets: 250, mostUnderWay: 8 });
    expect(seen.mostAlive).toBeLessThanOrEqual(8);
    expect(await knownNodes(admin)).toEqual(views.map(({ node }) => node));
    expect(ofServer(server)).toHaveLength(10);
  });
});

it('a history of 250 slots costs 4 requests, and one bundle stays in memory', async () => {
  const server = serveInProcess(site);
  const node = makeNode();
  const { bytes, digest } = propose({ keyset, node });
  let place = NOTHING;
  for (let slot = 1; slot <= 250; slot++) {
    const statement = sign(
      makeStatement(keyset, node.id, 'approve', place, { digest }),
      ...([keyset, ada!] as const),
    );
    const frame = encodeFrame({ chain: [site.pinned], statement, bundle: bytes });
    await server.store.create(historyKey(node.id, slot), frame);
    place = after(statement);
  }
  const { seen, fetch } = watched(server);
  const admin = await session(fetch, server.server);
  const before = ofServer(server).length;
  const history = await admin.history(node.id);
  expect(ofServer(server)).toHaveLength(before + 4);
  expect(history.entries.map(({ slot }) => slot)).toEqual(
    Array.from({ length: 250 }, (_, i) => i + 1),
  );
  expect(history.entries.filter(({ frame }) => frame.bundle !== undefined)).toHaveLength(1);
  // The last that was verified is kept until another takes its place.
  expect(seen).toMatchObject({ gets: 250, mostUnderWay: 8 });
  expect(seen.mostAlive).toBeLessThanOrEqual(9);
});
