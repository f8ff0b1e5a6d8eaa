import { describe, expect, it } from 'vitest';
import { toHex } from '../bundle/bytes.ts';
import type { Identity } from '../bundle/index.ts';
import { encodeFrame } from '../bundle/frame.ts';
import { approvedKey, historyKey, parseDigest, pendingKey } from '../protocol/keys.ts';
import type { Fetch } from '../protocol/objects.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import type { InProcess } from '../tests/support/in-process.ts';
import { after, makeNode, makeSite, makeStatement } from '../tests/support/site.ts';
import { NOTHING, propose, sign as signed } from '../tests/support/site.ts';
import type { After } from '../tests/support/site.ts';
import { createSession, emptyMemory, findBundle, historyView, localKey } from './index.ts';
import { lookAt, nodeState, nodeViews, pendingViews, planApprove, planRollback } from './index.ts';
import type { Memory, Session } from './index.ts';

/** What is told is what is so: of ends, refusals, what waits, and what the store lost. */

const { site, admins } = makeSite();
const { keyset } = site.pinned;
const NOW = Math.floor(Date.now() / 1000);
const show = { showSecrets: false, stat: false, reason: '' };

async function desk(
  server: InProcess,
  more: { now?: number; memory?: Memory; through?: (fetch: Fetch) => Fetch } = {},
): Promise<Session> {
  return createSession({
    ...{ site, server: server.server, key: localKey(admins[0]!.identity), program: 'test' },
    fetch: (more.through ?? ((fetch) => fetch))(server.fetch),
    now: () => more.now ?? NOW,
    memory: { load: async () => more.memory ?? emptyMemory(site), add: async () => undefined },
  });
}

/** Writes a decision about a bundle of its own into the store, as a server would. */
async function decided(
  { store }: InProcess,
  node: Identity,
  type: 'approve' | 'reject',
  more: { place?: After; slot?: number; expires?: number } = {},
): Promise<{ place: After; digest: string }> {
  const { place = NOTHING, slot = 1, expires } = more;
  const bundle = propose({ keyset, node });
  const statement = makeStatement(keyset, node.id, type, place, {
    digest: bundle.digest,
    ...(expires === undefined ? {} : { expires }),
  });
  const frame = { chain: [site.pinned], statement: signed(statement, keyset, admins[0]!) };
  const isApproval = type === 'approve';
  const bytes = encodeFrame(isApproval ? { ...frame, bundle: bundle.bytes } : frame);
  await store.create(historyKey(node.id, slot), bytes);
  if (isApproval) await store.create(approvedKey(node.id), bytes);
  return { place: after(frame.statement), digest: toHex(bundle.digest) };
}

async function waits({ store }: InProcess, node: Identity): Promise<string> {
  const { bytes, digest } = propose({ keyset, node, files: { 'etc/motd': 'waits' } });
  await store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
  return toHex(digest);
}

describe('an approval that is over', () => {
  it('is told as such wherever it is shown', async () => {
    const server = serveInProcess(site);
    const node = makeNode();
    await decided(server, node, 'approve', { expires: NOW + 10 });
    for (const [now, expired] of [
      [NOW, false],
      [NOW + 10, true],
    ] as const) {
      const session = await desk(server, { now });
      const standing = await lookAt(session, node.id);
      expect(await nodeViews(session)).toMatchObject([{ decision: { expired } }]);
      expect((await nodeState(session, standing)).view).toMatchObject({ decision: { expired } });
      expect(historyView(node.id, standing.history, now).entries).toMatchObject([{ expired }]);
    }
  });

  it('is renewed with another end only; one ahead is kept, and said', async () => {
    const server = serveInProcess(site);
    const node = makeNode();
    const { digest } = await decided(server, node, 'approve', { expires: NOW + 10 });
    const plans = async (now: number, expires?: number | 'never') => {
      const session = await desk(server, { now });
      const standing = await lookAt(session, node.id);
      const wish = { ...show, ...(expires === undefined ? {} : { expires }) };
      return [
        await planApprove(session, standing, { ...wish, place: findBundle(standing, digest) }),
        await planRollback(session, standing, { ...wish, slot: 1 }),
      ];
    };
    for (const plan of await plans(NOW)) {
      expect(plan.statements[0].expires).toBe(NOW + 10);
      expect(plan.warnings).toEqual([{ code: 'keeps_expiry', expires: NOW + 10 }]);
    }
    for (const plan of await plans(NOW + 10, NOW + 20)) {
      expect([plan.statements[0].expires, plan.warnings]).toEqual([NOW + 20, []]);
    }
    for (const plan of await plans(NOW + 10, 'never')) {
      expect([plan.statements[0].expires, plan.warnings]).toEqual([undefined, []]);
    }
    await expect(plans(NOW + 10)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('the approval of this bundle ended 20') as string,
    });
  });
});

describe('a list of the nodes', () => {
  it('has those that nothing is in force for: refused, or not decided yet, and what waits', async () => {
    const server = serveInProcess(site);
    const [refused, fresh, running] = [makeNode('r'), makeNode('f'), makeNode('n')];
    await decided(server, refused, 'reject');
    const first = await waits(server, fresh);
    await decided(server, running, 'approve');
    const update = await waits(server, running);
    const session = await desk(server);
    const views = new Map((await nodeViews(session)).map((view) => [view.node, view]));
    expect([...views.keys()]).toEqual([...views.keys()].sort());
    expect(views.get(refused.id)).toMatchObject({ rejected: { type: 'reject' }, waiting: [] });
    expect(views.get(fresh.id)).toEqual({ node: fresh.id, waiting: [first] });
    expect(views.get(running.id)).toMatchObject({
      decision: { type: 'approve' },
      waiting: [update],
    });
    expect((await nodeState(session, await lookAt(session, running.id))).view).toMatchObject({
      where: 'history',
      waiting: [update],
    });
    expect((await nodeState(session, await lookAt(session, refused.id))).view).toMatchObject({
      where: 'nowhere',
      rejected: { type: 'reject' },
    });
  });

  it.each([
    ['list', nodeViews],
    ['pending', pendingViews],
  ])('%s doubts a store that shows less than was seen', async (_, views) => {
    const server = serveInProcess(site);
    const [whole, shorter, gone] = [makeNode('w'), makeNode('s'), makeNode('g')];
    const at = await decided(server, whole, 'approve');
    await decided(server, shorter, 'approve');
    const seen = (seq: number, digest: Uint8Array) => ({ seq, slot: seq, digest: toHex(digest) });
    const nodes = new Map([
      [whole.id, seen(1, at.place.digest)],
      [shorter.id, seen(2, new Uint8Array(32))],
      [gone.id, seen(3, new Uint8Array(32))],
    ]);
    const session = await desk(server, { memory: { ...emptyMemory(site), nodes } });
    await views(session);
    expect(session.doubts).toEqual([
      { code: 'record_shorter', shown: 1, seen: 2, node: shorter.id },
      { code: 'record_shorter', seen: 3, node: gone.id },
    ]);
  });
});

describe('a path that is named', () => {
  it('and that neither bundle has is told', async () => {
    const server = serveInProcess(site);
    const node = makeNode();
    await waits(server, node);
    const session = await desk(server);
    const standing = await lookAt(session, node.id);
    const place = findBundle(standing, undefined);
    const shown = { ...show, place, showSecrets: ['etc/shadoww', 'etc/motd'], unseen: ['etc/x'] };
    const { review } = await planApprove(session, standing, shown);
    expect(review?.warnings).toEqual([{ code: 'not_there', paths: ['etc/shadoww', 'etc/x'] }]);
  });
});

describe('a report', () => {
  it('that the store does not give is unreachable, and not absent', async () => {
    const server = serveInProcess(site);
    const node = makeNode();
    await decided(server, node, 'approve');
    const session = await desk(server, {
      through: (fetch) => async (url, init) => {
        if (url.includes('/reports/')) throw new TypeError('no route to the store');
        return fetch(url, init);
      },
    });
    const { view } = await nodeState(session, await lookAt(session, node.id));
    expect(view.report).toEqual({ unreachable: 'store_unavailable' });
  });
});
