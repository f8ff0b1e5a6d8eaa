import { describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { utf8 } from '../bundle/bytes.ts';
import { encodeFrame } from '../bundle/frame.ts';
import type { Identity, NodeId } from '../bundle/identity.ts';
import { parseDigest, approvedKey, pendingKey, reportKey } from '../protocol/keys.ts';
import { guardStore } from '../store/guard.ts';
import { createMemoryStore } from '../store/memory.ts';
import type { ObjectStore } from '../store/port.ts';
import {
  makeNode,
  makeSite,
  makeStatement,
  NOTHING,
  propose,
  sign,
} from '../tests/support/site.ts';
import { contents } from '../tests/support/stores.ts';
import { allStates, createStatesReader } from './states.ts';

const { site, admins } = makeSite();
const { keyset } = site.pinned;
const digest = (n: number) => parseDigest(n.toString(16).padStart(64, '0'));

async function approve(store: ObjectStore, node: Identity, more = {}): Promise<string> {
  const { bytes, digest: bundle } = propose({ keyset, node });
  const statement = sign(
    makeStatement(keyset, node.id, 'approve', NOTHING, { digest: bundle, ...more }),
    ...([keyset, admins[0]!] as const),
  );
  const frame = encodeFrame({ chain: [site.pinned], statement, bundle: bytes });
  await store.create(approvedKey(node.id), frame);
  return Buffer.from(bundle).toString('hex');
}

/** What is asked of a store, by operation. */
function counted(store: ObjectStore): { readonly store: ObjectStore; readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    store: {
      ...store,
      get: (key, options) => (asked.push(`get ${key}`), store.get(key, options)),
      list: (prefix, options) => (asked.push(`list ${prefix}`), store.list(prefix, options)),
    },
  };
}

describe('the states of a site', () => {
  it('are what is not sealed: what waits, what is in force until when, and the last report', async () => {
    const store = createMemoryStore();
    const [known, fresh, broken] = [makeNode('known'), makeNode('fresh'), makeNode('broken')];
    const bundle = await approve(store, known, { expires: 1_800_000_000, reason: 'not told' });
    await store.create(reportKey(known.id), utf8('sealed'));
    await store.create(pendingKey(known.id, parseDigest(bundle)), utf8('decided, not removed yet'));
    await store.create(pendingKey(fresh.id, digest(1)), utf8('sealed'));
    await store.create(approvedKey(broken.id), utf8('junk'));
    await store.create(reportKey(makeNode('reports only').id), utf8('sealed'));
    const before = await contents(store);
    const { states, next } = await createStatesReader(guardStore(store, 'admin'), site).page();
    expect(next).toBeUndefined();
    const by = new Map(states.map((state) => [state.node, state]));
    expect(by.size).toBe(3);
    expect(by.get(known.id)).toMatchObject({
      waiting: [],
      shown: { type: 'approve', seq: 1, issued: 1_790_000_000, expires: 1_800_000_000 },
      reported: expect.any(Number) as number,
    });
    expect(by.get(fresh.id)).toMatchObject({ waiting: [{ digest: digest(1) }] });
    expect(by.get(fresh.id)).not.toHaveProperty('shown');
    expect(by.get(broken.id)).toMatchObject({ problem: 'bad_magic' });
    expect(JSON.stringify(states)).not.toContain('not told');
    expect(await contents(store)).toEqual(before);
  });

  it('come in pages that lack nobody, however many objects a node has', async () => {
    const store = createMemoryStore();
    const nodes = Array.from({ length: 1300 }, (_, i) => makeNodeId(i)).sort();
    for (const [i, node] of nodes.entries()) {
      if (i % 3 !== 1) await store.create(approvedKey(node), utf8('junk'));
      if (i % 3 === 2) await store.create(reportKey(node), utf8('x'));
      for (let n = 0; i % 3 === 1 && n < 3; n++) {
        await store.create(pendingKey(node, digest(n)), utf8('x'));
      }
    }
    const { store: watched, asked } = counted(store);
    const reader = createStatesReader(watched, site);
    const all = await allStates(reader);
    expect(all.map(({ node }) => node)).toEqual(nodes);
    expect(all.filter(({ waiting }) => waiting.length !== 0 && waiting.length !== 3)).toEqual([]);
    const lists = asked.filter((one) => one.startsWith('list')).length;
    expect(lists).toBeLessThanOrEqual(3 * 3);
    asked.length = 0;
    expect(await allStates(reader)).toEqual(all);
    expect(asked.filter((one) => one.startsWith('get'))).toEqual([]);
  });

  it('are read anew where something else is in force', async () => {
    const store = createMemoryStore();
    const node = makeNode();
    const reader = createStatesReader(store, site);
    await store.create(approvedKey(node.id), utf8('junk'));
    expect((await reader.page()).states).toMatchObject([{ problem: 'bad_magic' }]);
    await store.delete(approvedKey(node.id));
    await approve(store, node);
    expect((await reader.page()).states).toMatchObject([{ shown: { type: 'approve' } }]);
  });

  it('are not told while the store cannot be read', async () => {
    const store = createMemoryStore();
    await approve(store, makeNode());
    const denied = { ...guardStore(store, 'upload'), list: store.list.bind(store) };
    const reader = createStatesReader(denied, site);
    await expect(reader.page()).rejects.toMatchObject({ code: 'store_denied' });
  });
});

const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';
const makeNodeId = (i: number): NodeId =>
  [...sha256(utf8(`${i}`))].map((byte) => LETTERS[byte % 32]!).join('') as NodeId;
