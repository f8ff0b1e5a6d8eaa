import { describe, expect, it } from 'vitest';
import { toHex } from '../bundle/bytes.ts';
import { nodeWords } from '../bundle/words.ts';
import { approvedKey, parseDigest, pendingKey } from '../protocol/keys.ts';
import { verifyForNode } from '../protocol/verify.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import { makeNode, makeSite, propose } from '../tests/support/site.ts';
import {
  createSession,
  emptyMemory,
  findBundle,
  findNode,
  historyView,
  localKey,
  lookAt,
  mergeMemories,
  nodeState,
  nodeViews,
  pendingViews,
  planApprove,
  planRevoke,
  sign,
} from './index.ts';
import type { MemoryPort } from './index.ts';

/** What a page or an engine does: by the library alone, with ports of its own. */
describe('an approval by the library', () => {
  const { site, admins } = makeSite();
  const node = makeNode();
  const { bytes, digest } = propose({
    ...{ keyset: site.pinned.keyset, node },
    files: { 'etc/motd': 'hello\n', 'etc/cron.d/job': '* * * * * root true\n' },
  });

  it('looks, plans, asks, signs, and shows what came of it', async () => {
    const { server, fetch, store } = serveInProcess(site);
    await store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
    let memory = emptyMemory(site);
    const port: MemoryPort = {
      load: async () => memory,
      add: async (news) => {
        memory = mergeMemories(memory, news);
      },
    };
    const steps: string[] = [];
    const session = await createSession({
      ...{ site, server, fetch, key: localKey(admins[0]!.identity), memory: port },
      program: 'an engine 1.0',
      during: async (step, work) => {
        steps.push(step.code);
        return work();
      },
    });

    expect(await pendingViews(session)).toMatchObject([
      { node: node.id, words: nodeWords(node.id), digest: toHex(digest), madeBy: 'node' },
    ]);
    const standing = await lookAt(session, await findNode(session, nodeWords(node.id)));
    const plan = await planApprove(session, standing, {
      ...{ place: findBundle(standing, undefined), reason: 'looks good' },
      ...{ showSecrets: false, stat: false },
    });
    expect(JSON.parse(JSON.stringify(plan.review))).toMatchObject({
      bundle: { node: node.id, signer: { by: 'node' }, files: 2 },
      diff: {
        files: [
          {
            path: 'etc/cron.d/job',
            change: 'added',
            executes: 'by place',
            secret: false,
            masked: [],
          },
          { path: 'etc/motd', change: 'added', lines: ['@@ -0,0 +1,1 @@', '+hello'] },
        ],
      },
      fresh: true,
      warnings: [{ code: 'runs_by_place', paths: ['etc/cron.d/job'] }],
    });
    expect(plan).toMatchObject({ action: 'approve', objections: [], warnings: [] });
    expect(await store.head(approvedKey(node.id))).toBeUndefined();

    // A plan is a plain value: it may have been elsewhere in between.
    const [outcome] = await sign(session, structuredClone(plan));
    expect(outcome).toMatchObject({ node: node.id, type: 'approve', seq: 1, published: true });
    expect(memory.nodes.get(node.id)).toEqual({
      seq: 1,
      slot: 1,
      digest: outcome!.statementDigest,
    });
    const shown = await store.get(approvedKey(node.id), { maxBytes: 1e6 });
    const frame = verifyForNode(shown!.body, { site, node: node.id, where: 'approved' });
    expect(frame.bundle?.bytes).toEqual(bytes);

    const now = await lookAt(session, node.id);
    expect(now.pending).toEqual([]);
    const { entries } = historyView(node.id, now.history, session.client.now());
    expect(entries).toMatchObject([
      { slot: 1, type: 'approve', decidedBy: ['ada'], reason: 'looks good', inForce: true },
    ]);
    const { inForce, forgotten, ...decision } = entries[0]!;
    const { slot, ...statement } = decision;
    expect((await nodeState(session, now)).view).toMatchObject({ where: 'history', decision });
    expect(await nodeViews(session)).toEqual([
      { node: node.id, decision: statement, bundle: toHex(digest), waiting: [] },
    ]);
    expect([slot, inForce, forgotten]).toEqual([1, true, false]);

    await sign(session, planRevoke(session, now, { reason: 'stolen' }));
    expect(await nodeViews(session)).toMatchObject([{ decision: { type: 'revoke' } }]);
    expect([...new Set(steps)]).toEqual(['asking_server', 'reading_history']);
  });
});
