import { beforeEach, describe, expect, it } from 'vitest';
import { encodeSignedKeyset, toHex, ZERO_DIGEST } from '../bundle/index.ts';
import { openBundle } from '../bundle/open.ts';
import type { Identity, Statement } from '../bundle/index.ts';
import { decide } from '../functions/approval/decide.ts';
import { readNode } from '../functions/approval/record.ts';
import { codeOf, fail } from '../protocol/errors.ts';
import type { HistoryEntry } from '../protocol/history.ts';
import { keysetKey, parseDigest, pendingKey } from '../protocol/keys.ts';
import type { Fetch } from '../protocol/objects.ts';
import { createMemoryStore } from '../store/memory.ts';
import { listAll } from '../store/port.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import type { InProcess } from '../tests/support/in-process.ts';
import {
  after,
  makeAdmin,
  makeNode,
  makeSite,
  makeStatement,
  NOTHING,
  propose,
  sign,
  signAsNode,
} from '../tests/support/site.ts';
import type { After, TestAdmin } from '../tests/support/site.ts';
import {
  administratorWith,
  planAdd,
  planRemove,
  putBackKeysets,
  signKeysetPlan,
} from './administrators.ts';
import { localKey } from './local-key.ts';
import { emptyMemory, mergeMemories } from './memory.ts';
import type { Memory } from './memory.ts';
import { collect } from './pool.ts';
import { lackingReseal, resealNodes, waitingForOthers } from './reseal.ts';
import type { Resealed } from './reseal.ts';
import { createSession } from './session.ts';
import type { Session } from './session.ts';

const [ada, bob, cyd] = ['ada', 'bob', 'cyd'].map((name) => makeAdmin(name)) as [
  TestAdmin,
  TestAdmin,
  TestAdmin,
];
const { site } = makeSite({ admins: [ada, bob] });
const { keyset } = site.pinned;
const ended = 1_790_000_500;

let server: InProcess;
let memories: Map<TestAdmin, Memory>;

/** A session of somebody whose memory lasts; `fetch` may fail. */
async function open(by: TestAdmin, fetch: Fetch = server.fetch): Promise<Session> {
  return createSession({
    ...{ site, server: server.server, fetch, key: localKey(by.identity), program: 'test' },
    memory: {
      load: async () => memories.get(by) ?? emptyMemory(site),
      add: async (news) => {
        memories.set(by, mergeMemories(memories.get(by) ?? emptyMemory(site), news));
      },
    },
  });
}

/** What is decided about a node, one after the other. */
async function record(node: Identity, ...steps: [Partial<Statement>, string?][]): Promise<void> {
  let place: After = NOTHING;
  for (const [more, content] of steps) {
    const proposal =
      content === undefined ? undefined : propose({ keyset, node, files: { 'etc/motd': content } });
    const digest = proposal?.digest ?? more.digest ?? ZERO_DIGEST;
    if (proposal !== undefined) {
      const key = pendingKey(node.id, parseDigest(toHex(proposal.digest)));
      await server.store.create(key, proposal.bytes);
    }
    const { type = 'approve' } = more;
    const statement = sign(
      makeStatement(keyset, node.id, type, place, { ...more, digest }),
      ...([keyset, ada] as const),
    );
    const from = more.type === 'rollback' ? { slot: 1 } : { pending: true as const };
    await decide({
      ...{ store: server.store, site, node: node.id, statement, by: 'admin' },
      nodeBoxKey: node.boxKey,
      ...(type === 'approve' || type === 'rollback' ? { from } : {}),
    });
    place = after(statement);
  }
}

const inForce = async (node: Identity): Promise<HistoryEntry> =>
  (await readNode(server.store, site, node.id, () => true)).inForce!;

/** Nodes in every state that there is. */
const EVERY = ['approved', 'ended', 'back', 'asked', 'asked-bare', 'revoked', 'refused-after'];
const nodes = Object.fromEntries(EVERY.map((name) => [name, makeNode(name)]));
let names = EVERY;
const [refused, waits] = [makeNode('refused'), makeNode('waits')];

async function setTheScene(wanted = EVERY): Promise<void> {
  names = wanted;
  for (const name of names) await SCENES[name]!(nodes[name]!);
  await record(refused, [{ type: 'reject', digest: new Uint8Array(32).fill(4), reason: 'no' }]);
  const waiting = propose({ keyset, node: waits });
  await server.store.create(
    pendingKey(waits.id, parseDigest(toHex(waiting.digest))),
    waiting.bytes,
  );
}

const SCENES: Record<string, (node: Identity) => Promise<void>> = {
  approved: (node) => record(node, [{ reason: 'rack 7' }, 'one']),
  ended: (node) => record(node, [{ expires: ended }, 'two']),
  back: async (node) => {
    const first = propose({ keyset, node });
    await server.store.create(pendingKey(node.id, parseDigest(toHex(first.digest))), first.bytes);
    await record(
      node,
      [{ digest: first.digest }],
      [{}, 'newer'],
      [{ type: 'rollback', digest: first.digest, reason: 'it was bad' }],
    );
  },
  asked: async (node) => {
    await record(node, [{}, 'three']);
    const { digest } = (await inForce(node)).frame.statement;
    await decideOne(node, after(await signedOf(node)), { type: 'reconfigure', digest });
  },
  'asked-bare': (node) => record(node, [{ type: 'reconfigure', reason: 'anew' }]),
  revoked: (node) => record(node, [{}, 'four'], [{ type: 'revoke', reason: 'gone' }]),
  'refused-after': (node) =>
    record(
      node,
      [{}, 'five'],
      [{ type: 'reject', digest: new Uint8Array(32).fill(3), reason: 'no' }],
    ),
};

async function signedOf(node: Identity): Promise<Parameters<typeof after>[0]> {
  const { frame } = (await readNode(server.store, site, node.id)).head!;
  return { statement: frame.statement, digest: frame.statementDigest, signatures: [] };
}

async function decideOne(node: Identity, place: After, more: Partial<Statement>): Promise<void> {
  const type = more.type!;
  const statement = sign(makeStatement(keyset, node.id, type, place, more), keyset, ada);
  await decide({ store: server.store, site, node: node.id, statement, by: 'admin' });
}

/** What must be the same before and after, of each node. */
async function meaning(): Promise<unknown[]> {
  const all = [];
  for (const name of names) {
    const { statement, bundle } = (await inForce(nodes[name]!)).frame;
    const opener = bundle && openBundle(bundle, nodes[name]!);
    const { type, reason, expires } = statement;
    all.push({ name, type, reason, expires, files: opener?.files, node: opener?.node });
  }
  return all;
}

/** Passes until one finds nothing, as the command makes them. */
async function resealAll(session: Session): Promise<Resealed[]> {
  const all: Resealed[] = [];
  for (;;) {
    const lacking = await lackingReseal(session);
    if (lacking.length === 0) return all;
    const pass = await collect(resealNodes(session, lacking));
    all.push(...pass);
    if (pass.every(({ outcome }) => outcome === undefined)) return all;
  }
}

async function pendingOf(): Promise<string[]> {
  return (await collect(listAll(server.store, 'pending/'))).map(({ key }) => key);
}

async function expectResealed(
  openers: readonly TestAdmin[],
  closed: readonly TestAdmin[],
): Promise<void> {
  for (const name of names) {
    const history = await readNode(server.store, site, nodes[name]!.id, () => true);
    const { statement, bundle } = history.inForce!.frame;
    expect(statement.keysetVersion, name).toBe(2);
    expect(history.entries.filter(({ frame }) => frame.keyset.version === 2)).toHaveLength(1);
    expect(history.junk).toEqual([]);
    if (bundle === undefined) continue;
    for (const { identity } of openers) expect(openBundle(bundle, identity).files).toBeDefined();
    for (const { identity } of closed) {
      expect(() => openBundle(bundle, identity)).toThrow(/not sealed to this key/);
    }
  }
  expect(await pendingOf()).toHaveLength(1);
}

beforeEach(async () => {
  server = serveInProcess(site);
  memories = new Map();
  await setTheScene();
});

describe('an administrator comes', () => {
  it('signs what is in force again, the same, for nodes in every state, once each', async () => {
    const before = await meaning();
    const session = await open(ada);
    const plan = planAdd(session, cyd.key);
    expect(plan).toMatchObject({ added: [cyd.key], removed: [], warnings: [] });
    await signKeysetPlan(session, plan);
    const next = await open(ada);
    expect(next.keyset.version).toBe(2);
    expect(next.doubts).toEqual([]);
    expect(await lackingReseal(next)).toHaveLength(names.length);
    const all = await resealAll(next);
    expect(all.filter(({ outcome }) => outcome === undefined)).toEqual([]);
    expect(await meaning()).toEqual(before);
    await expectResealed([ada, bob, cyd], []);
    expect((await readNode(server.store, site, refused.id)).entries).toHaveLength(1);
    expect(await lackingReseal(next)).toEqual([]);
    // What is under a newer keyset than one knows of lacks nothing.
    expect(await lackingReseal(session)).toEqual([]);
    expect((await waitingForOthers(next)).map(({ node }) => node)).toEqual([waits.id]);
  });

  it('is refused under a name, with half a key, and beyond fifteen', async () => {
    const session = await open(ada);
    const named = makeAdmin('dan').key;
    expect(() => planAdd(session, { ...named, name: 'bob' })).toThrow(/ bob already/);
    expect(() => planAdd(session, { ...named, boxKey: bob.key.boxKey })).toThrow(/half/);
    expect(administratorWith(session, bob.key)).toMatchObject({ name: 'bob', may: 'all' });
    expect(administratorWith(session, { ...named, boxKey: bob.key.boxKey })).toBeUndefined();
    const keys = Array.from({ length: 15 }, (_, i) => makeAdmin(`admin ${i}`).key);
    const full = { ...session, keyset: { ...session.keyset, keys } };
    expect(() => planAdd(full, named)).toThrow(/at most 15/);
  });
});

describe('an administrator goes', () => {
  it('can open nothing that is in force any more, and who did it can', async () => {
    const before = await meaning();
    const session = await open(ada);
    const plan = planRemove(session, 'bob');
    expect(plan.warnings).toEqual([{ code: 'only_one', name: 'ada' }]);
    await signKeysetPlan(session, plan);
    await resealAll(await open(ada));
    expect(await meaning()).toEqual(before);
    await expectResealed([ada], [bob]);
    memories.set(bob, memories.get(ada)!);
    expect(await open(bob).catch(String)).toMatch(/taken away after keyset 1 .*ask .*ada/);
  });

  it('by their own hand: another one seals anew', async () => {
    const session = await open(ada);
    const plan = planRemove(session, 'ada');
    expect(plan.warnings.map(({ code }) => code)).toEqual(['removes_self', 'only_one']);
    await signKeysetPlan(session, plan);
    expect(await open(ada).catch(codeOf)).toBe('not_an_admin');
    memories.set(bob, memories.get(ada)!);
    await resealAll(await open(bob));
    await expectResealed([bob], [ada]);
  });

  it('never the last one who may all', async () => {
    const session = await open(ada);
    const first = makeAdmin('fred', 'first').key;
    const only = { ...session, keyset: { ...session.keyset, keys: [ada.key, first] } };
    expect(() => planRemove(only, 'ada')).toThrow(/last administrator/);
    expect(() => planRemove(session, 'eve')).toThrow(/there are ada, bob/);
  });
});

describe('two at once', () => {
  it('one keyset wins, and the other is told', async () => {
    const [one, two] = [await open(ada), await open(bob)];
    const plans = [planAdd(one, cyd.key), planAdd(two, makeAdmin('dan').key)] as const;
    const told = await Promise.all([
      signKeysetPlan(one, plans[0]).catch(codeOf),
      signKeysetPlan(two, plans[1]).catch(codeOf),
    ]);
    expect(told.filter((outcome) => outcome === 'stale_keyset')).toHaveLength(1);
  });

  it('seal each node anew once, and neither undoes what the other did', async () => {
    const before = await meaning();
    const session = await open(ada);
    await signKeysetPlan(session, planAdd(session, cyd.key));
    memories.set(bob, memories.get(ada)!);
    await Promise.all([resealAll(await open(ada)), resealAll(await open(bob))]);
    const last = await open(ada);
    await resealAll(last);
    expect(await lackingReseal(last)).toEqual([]);
    expect(await meaning()).toEqual(before);
    for (const name of names) {
      const { entries } = await readNode(server.store, site, nodes[name]!.id);
      expect(entries.filter(({ frame }) => frame.keyset.version === 2)).toHaveLength(1);
    }
  });
});

describe('cut short', () => {
  /** Fails from the n-th request on, as a program that died does; `done`: the n-th still arrives. */
  function dyingAt(n: number, done: boolean): { fetch: Fetch; hit: () => boolean } {
    let asked = 0;
    const dead = (): never => {
      throw fail('interrupted', 'the program died');
    };
    return {
      hit: () => asked >= n,
      fetch: async (url, init) => {
        asked++;
        if (asked < n) return server.fetch(url, init);
        if (asked === n && done) await server.fetch(url, init);
        return dead();
      },
    };
  }

  it.each([true, false])(
    'at any request, it is finished by doing it again (the request arrives: %s)',
    { tags: 'long' },
    async (done) => {
      for (let n = 1, hit = true; hit; n++) {
        server = serveInProcess(site, createMemoryStore());
        memories = new Map();
        await setTheScene(['asked', 'revoked']);
        const before = await meaning();
        const dying = dyingAt(n, done);
        await run(dying.fetch).catch(() => undefined);
        hit = dying.hit();
        // The server's own cache of a minute is over.
        server = serveInProcess(site, server.store);
        await run(server.fetch);
        expect(await meaning()).toEqual(before);
        await expectResealed([ada, bob, cyd], []);
      }
    },
  );

  async function run(fetch: Fetch): Promise<void> {
    const session = await open(ada, fetch);
    if (administratorWith(session, cyd.key) === undefined) {
      await signKeysetPlan(session, planAdd(session, cyd.key));
    }
    await resealAll(await open(ada, fetch));
  }
});

it('what this key cannot open stays, is named, and holds up no other', async () => {
  const session = await open(ada);
  await signKeysetPlan(session, planAdd(session, cyd.key));
  memories.set(cyd, memories.get(ada)!);
  server = serveInProcess(site, server.store);
  const all = await resealAll(await open(cyd));
  const stuck = all.flatMap((one) =>
    one.outcome === undefined && one.problem ? [one.problem.code] : [],
  );
  expect(new Set(stuck)).toEqual(new Set(['not_a_recipient']));
  expect(
    all
      .filter(({ outcome }) => outcome !== undefined)
      .map(({ outcome }) => outcome!.type)
      .sort(),
  ).toEqual(['reconfigure', 'revoke']);
});

it('a keyset that a restore lost is doubted, and put back', async () => {
  const session = await open(ada);
  const signed = await signKeysetPlan(session, planAdd(session, cyd.key));
  await server.store.delete(keysetKey(2));
  server = serveInProcess(site, server.store);
  const after_ = await open(ada);
  expect(after_.doubts).toEqual([{ code: 'keyset_hidden', shown: 1, seen: 2 }]);
  expect(() => planAdd(after_, makeAdmin('dan').key)).toThrow(/puts them back/);
  expect(await putBackKeysets(after_)).toEqual([signed]);
  const stored = await server.store.get(keysetKey(2), { maxBytes: 5000 });
  expect(stored!.body).toEqual(encodeSignedKeyset(signed));
  expect((await open(ada)).doubts).toEqual([]);
});

it('under approval none what nodes signed themselves stays as it is', async () => {
  const own = makeSite({ name: 'none', approval: 'none' });
  const inProcess = serveInProcess(own.site);
  const node = makeNode('by itself');
  const proposal = propose({ keyset: own.site.pinned.keyset, node });
  const key = pendingKey(node.id, parseDigest(toHex(proposal.digest)));
  await inProcess.store.create(key, proposal.bytes);
  const statement = signAsNode(
    makeStatement(own.site.pinned.keyset, node.id, 'approve', NOTHING, { digest: proposal.digest }),
    node,
  );
  await decide({
    ...{ store: inProcess.store, site: own.site, node: node.id, statement },
    ...{ by: 'node', from: { pending: true } },
  });
  let memory = emptyMemory(own.site);
  const openOwn = async (): Promise<Session> =>
    createSession({
      ...{ site: own.site, server: inProcess.server, fetch: inProcess.fetch },
      ...{ key: localKey(own.admins[0]!.identity), program: 'test' },
      memory: {
        load: async () => memory,
        add: async (news) => void (memory = mergeMemories(memory, news)),
      },
    });
  const session = await openOwn();
  await signKeysetPlan(session, planAdd(session, bob.key));
  expect(await lackingReseal(await openOwn())).toEqual([]);
});
