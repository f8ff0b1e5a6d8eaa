import { describe, expect, it } from 'vitest';
import { toHex } from '../bundle/bytes.ts';
import type { Identity, Metadata } from '../bundle/index.ts';
import { ERRORS, fail } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { parseDigest, pendingKey } from '../protocol/keys.ts';
import type { Fetch } from '../protocol/objects.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import type { InProcess } from '../tests/support/in-process.ts';
import { makeAdmin, makeNode, makeSite, propose } from '../tests/support/site.ts';
import {
  createSession,
  emptyMemory,
  findBundle,
  localKey,
  lookAt,
  mergeMemories,
  nodeState,
  openEntry,
  planApprove,
  planRebase,
  planReconfigure,
  planRevoke,
  planRollback,
  sign,
  takeBackOwn,
} from './index.ts';
import { openInForce } from './in-force.ts';
import type { KeyPorts, Memory, Plan, Session } from './index.ts';

const { site, admins } = makeSite();
const { keyset } = site.pinned;
const key = localKey(admins[0]!.identity);
const show = { showSecrets: false, stat: false, reason: '' };

/** An administrator of a server of its own. */
async function desk(
  more: {
    key?: KeyPorts;
    memory?: Memory;
    through?: (fetch: Fetch) => Fetch;
    add?: () => Promise<void>;
  } = {},
) {
  const server = serveInProcess(site);
  const session = (through: (fetch: Fetch) => Fetch = (fetch) => fetch): Promise<Session> => {
    let memory = more.memory ?? emptyMemory(site);
    return createSession({
      ...{ site, key: more.key ?? key, server: server.server, program: 'a test' },
      fetch: through(server.fetch),
      memory: {
        load: async () => memory,
        add: async (news) => {
          await more.add?.();
          memory = mergeMemories(memory, news);
        },
      },
    });
  };
  return { ...server, another: session, session: await session(more.through) };
}

async function waits(
  { store }: Pick<InProcess, 'store'>,
  node: Identity,
  options: Omit<Parameters<typeof propose>[0], 'keyset' | 'node'> = {},
): Promise<string> {
  const { bytes, digest } = propose({ keyset, node, ...options });
  const name = parseDigest(toHex(digest));
  await store.create(pendingKey(node.id, name), bytes);
  return name;
}

async function approval(session: Session, node: Identity, digest?: string): Promise<Plan> {
  const standing = await lookAt(session, node.id);
  return planApprove(session, standing, { ...show, place: findBundle(standing, digest) });
}

const typesOf = async (session: Session, node: Identity): Promise<string[]> =>
  (await session.history(node.id)).entries.map(({ frame }) => frame.statement.type);

describe('sign', () => {
  it('reads the history of a node once for a decision', async () => {
    const { session, asked, ...server } = await desk();
    const node = makeNode();
    await waits(server, node, { files: { 'etc/motd': 'one' } });
    await sign(session, await approval(session, node));
    await waits(server, node, { files: { 'etc/motd': 'two' } });
    asked.length = 0;
    const plan = await approval(session, node);
    await sign(session, plan, { despite: ['stale_base'] });
    expect(asked.map(({ method, path, query }) => `${method} ${path}${query}`)).toEqual([
      expect.stringContaining('prefix=pending'),
      expect.stringContaining('prefix=history'),
      'POST /v1/admin/read',
      expect.stringContaining('/history/'),
      'POST /v1/admin/read',
      expect.stringContaining('/pending/'),
      `POST /v1/nodes/${node.id}/decisions`,
    ]);
  });

  it('decides nothing by a plan that another decision made stale', async () => {
    const { session, another, ...server } = await desk();
    const node = makeNode();
    const digest = await waits(server, node);
    const plan = await approval(session, node);
    const other = await another();
    await sign(other, planRevoke(other, await lookAt(other, node.id), { reason: 'first' }));
    await expect(sign(session, plan)).rejects.toMatchObject({ code: 'head_moved' });
    expect(await typesOf(session, node)).toEqual(['revoke']);
    const again = await approval(session, node, digest);
    expect(again.warnings).toEqual([{ code: 'ends_revoke', seq: 1, reason: 'first' }]);
    await sign(session, again, { despite: ['stale_base'] });
    expect(await typesOf(session, node)).toEqual(['revoke', 'approve']);
  });

  it('tells whose a decision is that another has signed in the same second', async () => {
    const two = makeSite({ admins: [makeAdmin('ada'), makeAdmin('bob')] });
    const now = Math.floor(Date.now() / 1000);
    const server = serveInProcess(two.site);
    const as = (i: number): Promise<Session> =>
      createSession({
        ...{ site: two.site, key: localKey(two.admins[i]!.identity), server: server.server },
        ...{ fetch: server.fetch, now: () => now, program: 'a test' },
        memory: { load: async () => emptyMemory(two.site), add: async () => {} },
      });
    const [ada, bob] = [await as(0), await as(1)];
    const node = makeNode();
    const { bytes, digest } = propose({ keyset: two.site.pinned.keyset, node });
    await server.store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
    const plans = [await approval(ada, node), await approval(bob, node)] as const;
    await sign(ada, plans[0]);
    await expect(sign(bob, plans[1])).rejects.toMatchObject({
      code: 'already_decided',
      message: 'approve (seq 1) by ada came first, and says the same: your signature is not in it',
      details: { by: 'ada', seq: 1, slot: 1, type: 'approve' },
    });
    // Who signed it is not told that somebody else did: another process of theirs sends the same.
    await expect(sign(await as(0), plans[0])).resolves.toMatchObject([{ seq: 1, slot: 1 }]);
    expect(await typesOf(bob, node)).toEqual(['approve']);
  });

  it('records once what it has to send twice', async () => {
    let lost = 0;
    const { session, ...server } = await desk({
      through: (fetch) => async (url, init) => {
        const answer = await fetch(url, init);
        if (!url.endsWith('/decisions') || lost++ > 0) return answer;
        throw new TypeError('the connection was lost');
      },
    });
    const node = makeNode();
    await waits(server, node);
    const [outcome] = await sign(session, await approval(session, node));
    expect([lost, outcome?.slot]).toEqual([2, 1]);
    expect(await typesOf(session, node)).toEqual(['approve']);
  });

  it('refuses a plan of another keyset before it signs', async () => {
    const { session, asked, ...server } = await desk();
    const node = makeNode();
    await waits(server, node);
    const plan = await approval(session, node);
    asked.length = 0;
    const stale = sign(session, { ...plan, keysetVersion: 2 });
    await expect(stale).rejects.toMatchObject({ code: 'stale_keyset' });
    expect(asked).toEqual([]);
  });

  it('lets a key that is elsewhere refuse, and decides nothing then', async () => {
    const refusing: KeyPorts = {
      ...key,
      sign: {
        ...key.sign,
        statement: () => Promise.reject(fail('declined', 'not at this terminal')),
      },
    };
    const { session, ...server } = await desk({ key: refusing });
    const node = makeNode();
    await waits(server, node);
    const refused = sign(session, await approval(session, node));
    await expect(refused).rejects.toMatchObject({ code: 'declined' });
    expect(await typesOf(session, node)).toEqual([]);
  });
});

describe('after a decision was sent', () => {
  /** Answers decisions itself: the last answer again and again. */
  const answering =
    (...answers: (() => Promise<Response>)[]) =>
    (fetch: Fetch): Fetch =>
    async (url, init) => {
      if (!url.endsWith('/decisions')) return fetch(url, init);
      return (answers.length > 1 ? answers.shift()! : answers[0]!)();
    };
  const lost = async (): Promise<Response> => Promise.reject(new TypeError('cut'));
  const page = async (): Promise<Response> =>
    Promise.resolve(new Response('<h1>504', { status: 504 }));
  const refusing = (code: string) => async (): Promise<Response> =>
    Promise.resolve(
      new Response(JSON.stringify({ error: { code, message: 'no', details: {} } }), {
        status: ERRORS[code as ErrorCode].status,
      }),
    );

  it.each<[string, (() => Promise<Response>)[]]>([
    ['no answer', [lost]],
    ['the answer of a proxy', [page]],
    ['a store that does not know', [refusing('store_unknown')]],
    ['a server that broke', [refusing('internal')]],
    ['silence, and then another refusal', [lost, refusing('stale_keyset')]],
    ['silence, and then a store that is away', [lost, refusing('store_unavailable')]],
  ])('%s is not known, and says what to do', async (_, answers) => {
    const { session, ...server } = await desk({ through: answering(...answers) });
    const node = makeNode();
    await waits(server, node);
    const sent: string[] = [];
    const signing = sign(session, await approval(session, node), {
      onSending: () => sent.push('sent'),
    });
    await expect(signing).rejects.toMatchObject({
      code: 'store_unknown',
      message: expect.stringContaining('look at its history, and send it again') as string,
      details: { statement: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    });
    expect(sent).toEqual(['sent']);
  });

  it.each([
    ['a refusal', [refusing('already_decided')], 'already_decided'],
    ['a store that is away', [refusing('store_unavailable')], 'store_unavailable'],
    ['silence, and that it came too late', [lost, refusing('head_moved')], 'head_moved'],
  ])('%s is what it says: nothing was decided', async (_, answers, code) => {
    const { session, ...server } = await desk({ through: answering(...answers) });
    const node = makeNode();
    await waits(server, node);
    const signing = sign(session, await approval(session, node));
    await expect(signing).rejects.toMatchObject({ code });
  });

  it('is decided also where nobody can remember it', async () => {
    const { session, ...server } = await desk({
      add: async () => Promise.reject(fail('disk_full', 'no room at home')),
    });
    const node = makeNode();
    await waits(server, node);
    const [outcome] = await sign(session, await approval(session, node));
    expect(outcome).toMatchObject({
      type: 'approve',
      unremembered: { code: 'disk_full', message: 'no room at home' },
    });
  });
});

describe('what was uploaded for a decision', () => {
  /** A plan that uploads, which somebody else is quicker than. */
  async function overtaken(
    more: Parameters<typeof desk>[0] = {},
  ): Promise<{ server: InProcess; session: Session; node: Identity; failing: Promise<unknown> }> {
    const made = await desk(more);
    const { session, another } = made;
    const node = makeNode();
    await waits(made, node, { files: { 'etc/motd': 'one' } });
    const [first] = await sign(session, await approval(session, node));
    const base = Uint8Array.from(Buffer.from(first!.statementDigest, 'hex'));
    await waits(made, node, { files: { 'etc/motd': 'one', 'etc/hosts': 'two' }, base });
    await sign(session, await approval(session, node));
    const digest = await waits(made, node, { files: { 'etc/motd': 'three' }, base });
    const standing = await lookAt(session, node.id);
    const plan = await planRebase(session, standing, {
      ...show,
      place: findBundle(standing, digest),
    });
    const other = await another();
    await sign(other, planRevoke(other, await lookAt(other, node.id), { reason: 'first' }));
    return { server: made, session, node, failing: sign(session, plan) };
  }

  it('is taken back where another decision came first, and keeps no node from proposing', async () => {
    const { session, node, failing } = await overtaken();
    await expect(failing).rejects.toMatchObject({ code: 'head_moved' });
    const { pending } = await lookAt(session, node.id);
    expect(pending).toHaveLength(1); // the node's own
  });

  it('is named where it could not be', async () => {
    const { session, node, failing } = await overtaken({
      through: (fetch) => async (url, init) => {
        if (url.endsWith('/withdraw')) throw new TypeError('cut');
        return fetch(url, init);
      },
    });
    const error = (await failing.catch((thrown: unknown) => thrown)) as {
      details: { waits: string };
    };
    expect(error).toMatchObject({ code: 'head_moved' });
    const { pending } = await lookAt(session, node.id);
    expect(pending.map(({ digest }) => digest)).toContain(error.details.waits);
  });

  it('is taken back before the next decision, if none names it, and nothing else', async () => {
    let decisions = 0;
    const { session, server, node, failing } = await overtaken({
      through: (fetch) => async (url, init) => {
        if (url.endsWith('/decisions') && ++decisions > 2 && decisions < 6) {
          throw new TypeError('cut');
        }
        return fetch(url, init);
      },
    });
    const error = (await failing.catch((thrown: unknown) => thrown)) as {
      message: string;
      details: { waits: string };
    };
    const left = error.details.waits;
    expect(error.message).toContain(`as ${left}: your next decision about this node takes it back`);
    const { identity } = makeAdmin('bob');
    const others = propose({ keyset, node, by: identity });
    const name = parseDigest(toHex(others.digest));
    await server.store.create(pendingKey(node.id, name), others.bytes);
    const before = await lookAt(session, node.id);
    expect(before.pending).toHaveLength(3);
    expect((await takeBackOwn(session, before, left.slice(0, 9))).takenBack).toEqual([]);
    const { standing, takenBack } = await takeBackOwn(session, before);
    expect(takenBack.map(({ digest }) => digest)).toEqual([left]);
    const own = before.pending.filter(({ digest }) => digest !== left);
    expect(standing.pending).toEqual(own);
    expect((await lookAt(session, node.id)).pending).toEqual(own);
    expect((await takeBackOwn(session, standing)).takenBack).toEqual([]);
    expect(server.asked.filter(({ path }) => path.endsWith('/withdraw'))).toHaveLength(1);
  });

  it('is left where it may be decided yet', async () => {
    let decisions = 0;
    const { session, server, node, failing } = await overtaken({
      through: (fetch) => async (url, init) => {
        if (url.endsWith('/decisions') && ++decisions > 2) throw new TypeError('cut');
        return fetch(url, init);
      },
    });
    await expect(failing).rejects.toMatchObject({
      code: 'store_unknown',
      message: expect.stringContaining('may still wait, as ') as string,
    });
    expect(server.asked.some(({ path }) => path.endsWith('/withdraw'))).toBe(false);
    expect((await lookAt(session, node.id)).pending).toHaveLength(2);
  });
});

describe('an objection', () => {
  it('to a stale proposal stands until it is named, and says what changed', async () => {
    const { session, ...server } = await desk();
    const node = makeNode();
    await waits(server, node, { files: { 'etc/motd': 'one' } });
    await sign(session, await approval(session, node));
    const digest = await waits(server, node, { files: { 'etc/motd': 'two' } });
    const plan = await approval(session, node, digest);
    expect(plan.objections).toEqual([{ code: 'stale_base', inForce: { seq: 1, type: 'approve' } }]);
    await expect(sign(session, plan)).rejects.toMatchObject({ code: 'stale_base' });
    expect(await typesOf(session, node)).toEqual(['approve']);
    await sign(session, plan, { despite: ['stale_base'] });
    expect(await typesOf(session, node)).toEqual(['approve', 'approve']);
  });

  it('to the bundle of an older decision names it; what is in force is renewed without', async () => {
    const { session, ...server } = await desk();
    const node = makeNode();
    const first = await waits(server, node, { files: { 'etc/motd': 'one' } });
    const [older] = await sign(session, await approval(session, node));
    const base = Uint8Array.from(Buffer.from(older!.statementDigest, 'hex'));
    const second = await waits(server, node, { files: { 'etc/motd': 'two' }, base });
    await sign(session, await approval(session, node));
    const back = await approval(session, node, first);
    expect(back).toMatchObject({
      action: 'renew',
      objections: [
        {
          code: 'older_bundle',
          decision: { seq: 1, type: 'approve', slot: 1 },
          inForce: { seq: 2, type: 'approve' },
        },
      ],
    });
    await expect(sign(session, back)).rejects.toMatchObject({ code: 'stale_base' });
    const order = planReconfigure(session, await lookAt(session, node.id), { reason: '' });
    await sign(session, order);
    const renewal = await approval(session, node, second);
    expect(renewal).toMatchObject({ objections: [], warnings: [{ code: 'ends_reconfigure' }] });
    await sign(session, renewal);
    // The bundle of slot 1 is read again: a record holds only that in force.
    const decided = { node: node.id, history: await session.history(node.id) };
    await sign(session, await planRollback(session, decided, { ...show, slot: 1 }));
    const { inForce } = await session.history(node.id);
    expect(inForce?.frame.bundle && toHex(inForce.frame.bundle.digest)).toBe(first);
  });

  it('to a record that shows less than was seen is of this node alone', async () => {
    const [node, other] = [makeNode(), makeNode('other')];
    const nodes = new Map([[node.id, { seq: 7, slot: 7, digest: 'ab'.repeat(32) }]]);
    const { session, ...server } = await desk({ memory: { ...emptyMemory(site), nodes } });
    await waits(server, node);
    await waits(server, other);
    const doubtful = await approval(session, node);
    const doubt = { code: 'record_shorter', seen: 7, node: node.id };
    expect(doubtful.objections).toEqual([{ code: 'record_doubtful', doubt }]);
    await expect(sign(session, doubtful)).rejects.toMatchObject({ code: 'record_doubtful' });
    await sign(session, await approval(session, other));
    const [outcome] = await sign(session, doubtful, { despite: ['record_doubtful'] });
    expect(outcome?.seq).toBe(8);
  });
});

describe('a plan', () => {
  it('takes no outage of the store for a bundle that is not there', async () => {
    let isDown = false;
    const { session, ...server } = await desk({
      through: (fetch) => async (url, init) => {
        if (isDown && url.includes('/history/')) throw new TypeError('no route to the store');
        return fetch(url, init);
      },
    });
    const node = makeNode();
    await waits(server, node, { files: { 'etc/motd': 'one' } });
    const [first] = await sign(session, await approval(session, node));
    const base = Uint8Array.from(Buffer.from(first!.statementDigest, 'hex'));
    await waits(server, node, { files: { 'etc/motd': 'two' }, base });
    await sign(session, await approval(session, node));
    const digest = await waits(server, node, { files: { 'etc/motd': 'three' }, base });
    const standing = await lookAt(session, node.id);
    const wish = { ...show, place: findBundle(standing, digest) };
    isDown = true;
    await expect(planApprove(session, standing, wish)).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    isDown = false;
    const { objections } = await planApprove(session, standing, wish);
    expect(objections).toMatchObject([
      { code: 'stale_base', since: { files: [{ path: 'etc/motd', change: 'changed' }] } },
    ]);
  });

  it('takes no key that refuses to open for a bundle that is of somebody else', async () => {
    let refuses = false;
    const asked: KeyPorts = {
      ...key,
      open: {
        ...key.open,
        bundle: (sealed) =>
          refuses
            ? Promise.reject(fail('declined', 'not at this terminal'))
            : key.open.bundle(sealed),
      },
    };
    const { session, ...server } = await desk({ key: asked });
    const node = makeNode();
    await waits(server, node);
    await sign(session, await approval(session, node));
    const standing = await lookAt(session, node.id);
    refuses = true;
    await expect(nodeState(session, standing)).rejects.toMatchObject({ code: 'declined' });
    await expect(openInForce(session, standing)).rejects.toMatchObject({ code: 'declined' });
  });
});

describe('a rebase', () => {
  /** A node whose proposal was made before what is in force. */
  async function behind(server: InProcess, session: Session, node: Identity): Promise<Plan> {
    await waits(server, node, { files: { 'etc/motd': 'one', 'etc/hosts': 'one' } });
    const [first] = await sign(session, await approval(session, node));
    const base = Uint8Array.from(Buffer.from(first!.statementDigest, 'hex'));
    const files = { 'etc/motd': 'two', 'etc/hosts': 'one' };
    await waits(server, node, { files, base });
    await sign(session, await approval(session, node));
    const late = { files: { 'etc/motd': 'one', 'etc/hosts': 'two' }, base };
    const digest = await waits(server, node, late);
    const standing = await lookAt(session, node.id);
    const place = findBundle(standing, digest);
    return planRebase(session, standing, { ...show, place });
  }

  it('approves the mixture, and refuses the original after it without another look', async () => {
    const { session, ...server } = await desk();
    const node = makeNode();
    const plan = await behind(server, session, node);
    server.asked.length = 0;
    const [approved, rejected] = await sign(session, structuredClone(plan));
    expect(server.asked.some(({ query }) => query.includes('prefix=history'))).toBe(false);
    expect([approved?.type, rejected?.type]).toEqual(['approve', 'reject']);
    const { entries, inForce } = await session.history(node.id);
    const reason = `rebased and approved as ${approved!.digest.slice(0, 16)}`;
    expect(entries.at(-1)?.frame.statement).toMatchObject({ reason, seq: 4 });
    const { manifest } = await openEntry(session, node.id, inForce!);
    expect(manifest.files.map(({ content }) => Buffer.from(content).toString())).toEqual([
      'two',
      'two',
    ]);
    expect(manifest.metadata.madeBy).toBe('a test');
  });

  it('keeps the settings that were decided since, and brings those of the proposal', async () => {
    const { session, ...server } = await desk();
    const node = makeNode();
    const old: Metadata = { swap: 'none', enable: ['a.service'], timezone: 'UTC' };
    await waits(server, node, { metadata: old });
    const [first] = await sign(session, await approval(session, node));
    const base = Uint8Array.from(Buffer.from(first!.statementDigest, 'hex'));
    const newer = { ...old, swap: 'zram', mask: ['b.service'] };
    await waits(server, node, { metadata: newer, base });
    await sign(session, await approval(session, node));
    const late = { ...old, enable: ['a.service', 'c.service'] };
    const digest = await waits(server, node, { metadata: late, base });
    const standing = await lookAt(session, node.id);
    const wish = { ...show, place: findBundle(standing, digest) };
    expect(await planApprove(session, standing, wish)).toMatchObject({
      review: { fresh: false },
      objections: [
        {
          code: 'stale_base',
          since: {
            files: [],
            metadata: [
              { name: 'swap', before: 'none', after: 'zram' },
              { name: 'unit:b.service', after: 'mask' },
            ],
          },
        },
      ],
    });
    const plan = await planRebase(session, standing, wish);
    expect(plan.review?.diff).toMatchObject({
      files: [],
      metadata: [{ name: 'unit:c.service', after: 'enable' }],
    });
    await sign(session, plan);
    const { inForce } = await session.history(node.id);
    const { manifest } = await openEntry(session, node.id, inForce!);
    const { madeAt, ...metadata } = manifest.metadata;
    expect([typeof madeAt, metadata]).toEqual([
      'number',
      { ...newer, enable: ['a.service', 'c.service'], madeBy: 'a test' },
    ]);
  });

  it('names the settings that both sides changed', async () => {
    const { session, ...server } = await desk();
    const node = makeNode();
    await waits(server, node, { metadata: { swap: 'none', mask: ['a.service'] } });
    const [first] = await sign(session, await approval(session, node));
    const base = Uint8Array.from(Buffer.from(first!.statementDigest, 'hex'));
    await waits(server, node, { metadata: { swap: 'zram', disable: ['a.service'] }, base });
    await sign(session, await approval(session, node));
    const metadata = { swap: 'disk:/dev/sdb', enable: ['a.service'] };
    const digest = await waits(server, node, { metadata, base });
    const standing = await lookAt(session, node.id);
    const wish = { ...show, place: findBundle(standing, digest) };
    await expect(planRebase(session, standing, wish)).rejects.toMatchObject({
      code: 'stale_base',
      details: { conflicts: 'setting swap, setting unit:a.service' },
    });
  });

  it('tells of the approval also where the refusal fails, and which is not known', async () => {
    let decisions = 0;
    const { session, ...server } = await desk({
      through: (fetch) => async (url, init) => {
        if (url.endsWith('/decisions') && ++decisions > 3) throw new TypeError('no route');
        return fetch(url, init);
      },
    });
    const plan = await behind(server, session, makeNode());
    const told: string[] = [];
    const failing = sign(session, plan, { onOutcome: ({ type }) => told.push(type) });
    await expect(failing).rejects.toMatchObject({
      code: 'store_unknown',
      message: expect.stringMatching(
        /^approve \(seq 3\) is decided; then: whether this reject of .* is not known \(.*no route.*\)/,
      ) as string,
    });
    expect(told).toEqual(['approve']);
  });

  it('refuses the original also where somebody decides right after the approval', async () => {
    const hook: { before?: () => Promise<void> } = {};
    let decisions = 0;
    const { session, another, ...server } = await desk({
      through: (fetch) => async (url, init) => {
        if (url.endsWith('/decisions') && ++decisions === 4) await hook.before?.();
        return fetch(url, init);
      },
    });
    const node = makeNode();
    const plan = await behind(server, session, node);
    hook.before = async () => {
      const other = await another();
      await sign(other, planRevoke(other, await lookAt(other, node.id), { reason: 'now' }));
    };
    await sign(session, plan);
    expect(await typesOf(session, node)).toEqual([
      ...['approve', 'approve', 'approve', 'revoke', 'reject'],
    ]);
  });
});

describe('memory', () => {
  it('is added to in one call at a time, and what came meanwhile goes together', async () => {
    const server = serveInProcess(site);
    const calls: number[] = [];
    let underWay = 0;
    const session = await createSession({
      ...{ site, key, server: server.server, fetch: server.fetch, program: 'a test' },
      memory: {
        load: async () => emptyMemory(site),
        add: async ({ nodes }) => {
          expect(++underWay).toBe(1);
          calls.push(nodes.size);
          await new Promise(setImmediate);
          underWay--;
        },
      },
    });
    const seen = { seq: 1, slot: 1, digest: 'ab'.repeat(32) };
    const nodes = Array.from({ length: 20 }, (_, i) => makeNode(`m${i}`).id);
    await Promise.all(
      nodes.map(async (node, i) => {
        if (i >= 10) await new Promise(setImmediate);
        await session.remember(node, seen);
      }),
    );
    expect(calls.reduce((sum, size) => sum + size, 0)).toBe(20);
    expect(calls.length).toBeLessThanOrEqual(3);
    expect(nodes.map((node) => session.seen(node))).toEqual(nodes.map(() => seen));
  });

  it('that cannot be kept ends what was asked for, and the next is tried anew', async () => {
    const server = serveInProcess(site);
    let failures = 1;
    const session = await createSession({
      ...{ site, key, server: server.server, fetch: server.fetch, program: 'a test' },
      memory: {
        load: async () => emptyMemory(site),
        add: async () => {
          if (failures-- > 0) throw fail('disk_full', 'no room');
        },
      },
    });
    const seen = { seq: 1, slot: 1, digest: 'ab'.repeat(32) };
    const [first, second] = [makeNode('a').id, makeNode('b').id];
    await expect(session.remember(first, seen)).rejects.toMatchObject({ code: 'disk_full' });
    await session.remember(second, seen);
  });
});
