import { describe, expect, it } from 'vitest';
import type { NodeId } from '../../bundle/identity.ts';
import type { SignedStatement } from '../../bundle/statement.ts';
import { codeOf, fail } from '../../protocol/errors.ts';
import type { History } from '../../protocol/history.ts';
import { approvedKey, digestHex, parseNodeId, pendingKey } from '../../protocol/keys.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { ObjectStore } from '../../store/port.ts';
import {
  after,
  makeNode,
  makeSite,
  makeStatement,
  NOTHING,
  propose,
  sign,
  signAsNode,
} from '../../tests/support/site.ts';
import { decide } from './decide.ts';
import { demandModest, MAX_NODES, MAX_OWN_ENTRIES } from './demands.ts';

const { site, admins } = makeSite({ approval: 'none' });
const { keyset } = site.pinned;

/** An id for each number. */
const nodeOf = (n: number): NodeId =>
  parseNodeId(n.toString(2).replaceAll('0', 'a').replaceAll('1', 'b').padStart(32, 'c'));

/** A node's own approval of what it has just proposed. */
async function approveOwn(
  store: ObjectStore,
  node: ReturnType<typeof makeNode>,
  last?: SignedStatement,
  more: { strangersUpTo?: number } = {},
): Promise<SignedStatement> {
  const { bytes, digest } = propose({ keyset, node });
  await store.create(pendingKey(node.id, digestHex(digest)), bytes);
  const place = last === undefined ? NOTHING : after(last);
  const statement = signAsNode(makeStatement(keyset, node.id, 'approve', place, { digest }), node);
  await decide({
    store,
    site,
    node: node.id,
    by: 'node',
    statement,
    from: { pending: true },
    ...more,
  });
  return statement;
}

describe('what a node decides for itself', () => {
  it('is let in without a token up to a number of nodes, and then still for those that are in', async () => {
    const store = createMemoryStore();
    const first = makeNode('first');
    const last = await approveOwn(store, first, undefined, { strangersUpTo: MAX_NODES });
    for (let i = 1; i < MAX_NODES; i++) {
      await store.create(approvedKey(nodeOf(i)), new Uint8Array(1));
    }
    const { objects } = await store.list('approved/');
    expect(objects).toHaveLength(MAX_NODES);
    const second = makeNode('second');
    const asStranger = approveOwn(store, second, undefined, { strangersUpTo: MAX_NODES });
    expect(await asStranger.catch(codeOf)).toBe('too_many_nodes');
    await approveOwn(store, first, last, { strangersUpTo: MAX_NODES });
    await approveOwn(store, makeNode('third'));
  });

  it('is so many decisions in a row, and as many again from an administrator who hands it back', async () => {
    const store = createMemoryStore();
    const node = makeNode();
    const { digest } = propose({ keyset, node });
    const statement = signAsNode(
      makeStatement(keyset, node.id, 'approve', NOTHING, { digest }),
      node,
    );
    const asked = (by: 'node' | 'admin', ...selves: boolean[]): Promise<string> => {
      const entries = selves.map((self) => ({ frame: { self } }));
      const history = { entries } as unknown as History;
      return demandModest(store, { by, statement }, history, 1).then(() => 'granted', codeOf);
    };
    const own = Array<boolean>(MAX_OWN_ENTRIES).fill(true);
    expect(await asked('node', ...own.slice(1))).toBe('granted');
    expect(await asked('node', ...own)).toBe('too_many_entries');
    expect(await asked('node', false, ...own)).toBe('too_many_entries');
    expect(await asked('node', ...own, false)).toBe('granted');
    expect(await asked('admin', ...own)).toBe('granted');
  });

  it('takes nothing of what a store keeps for decisions and repairs, which go on', async () => {
    const memory = createMemoryStore();
    const store: ObjectStore = {
      ...memory,
      demandRoom: () => Promise.reject(fail('store_full', 'kept')),
    };
    const node = makeNode();
    expect(await approveOwn(store, node).catch(codeOf)).toBe('store_full');
    expect((await memory.list('history/')).objects).toEqual([]);
    const statement = sign(
      ...([makeStatement(keyset, node.id, 'revoke', NOTHING), keyset, admins[0]!] as const),
    );
    await decide({ store, site, node: node.id, by: 'admin', statement });
    expect((await memory.list('history/')).objects).toHaveLength(1);
  });
});
