import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toBase64Url, toHex } from '../bundle/index.ts';
import type { Identity, Metadata } from '../bundle/index.ts';
import { readNode } from '../functions/approval/record.ts';
import { codeOf } from '../protocol/errors.ts';
import { encodeActivation } from '../protocol/endorsement.ts';
import type { KnownBy } from '../protocol/endorsement.ts';
import { parseDigest, pendingKey } from '../protocol/keys.ts';
import { createMemoryStore } from '../store/memory.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import type { InProcess } from '../tests/support/in-process.ts';
import { makeAdmin, makeNode, makeSite, propose, SETTINGS } from '../tests/support/site.ts';
import type { TestAdmin } from '../tests/support/site.ts';
import {
  lackingOn,
  planAdd,
  planBegun,
  planRemove,
  planThreshold,
  signKeysetPlan,
} from './administrators.ts';
import { planApprove, planRenew } from './approve.ts';
import { planRebase } from './approve-rebased.ts';
import { lookAtCosigned, planCosign } from './cosign.ts';
import { cosignedView, signaturesText } from './cosigned.ts';
import { findBundle, lookAt } from './find.ts';
import { createFleetReader } from './fleet.ts';
import { openInForce } from './in-force.ts';
import { formatBegun, parseBegun } from './key-request.ts';
import { localKey } from './local-key.ts';
import { placeInForce } from './many.ts';
import { emptyMemory, mergeMemories } from './memory.ts';
import type { Memory } from './memory.ts';
import { planReject, planRevoke } from './orders.ts';
import { planAbout } from './plan.ts';
import type { PlannedStatement } from './plan.ts';
import { collect } from './pool.ts';
import { lackingReseal, resealNodes } from './reseal.ts';
import { createSession } from './session.ts';
import type { Session } from './session.ts';
import { sign } from './sign.ts';

const [ada, bob, cyd, dan] = ['ada', 'bob', 'cyd', 'dan'].map((name) => makeAdmin(name)) as [
  TestAdmin,
  TestAdmin,
  TestAdmin,
  TestAdmin,
];
const { site } = makeSite({ admins: [ada, bob, cyd], threshold: 2 });
const { keyset } = site.pinned;
const WISH = { showSecrets: false, stat: false, reason: 'rack 7' } as const;
let server: InProcess;
let memories: Map<TestAdmin, Memory>;
let node: Identity;
let nodes = 0;

const open = (by: TestAdmin): Promise<Session> =>
  createSession({
    ...{ site, server: server.server, fetch: server.fetch },
    ...{ key: localKey(by.identity), program: 'test', looksInStore: true },
    memory: {
      load: async () => memories.get(by) ?? emptyMemory(site),
      add: async (news) => {
        memories.set(by, mergeMemories(memories.get(by) ?? emptyMemory(site), news));
      },
    },
  });

async function wait(
  content: string,
  recipients?: readonly Uint8Array[],
  metadata: Metadata = SETTINGS,
): Promise<string> {
  const files = { 'etc/motd': content };
  const more = { metadata, ...(recipients && { recipients }) };
  const { bytes, digest } = propose({ keyset, node, files, ...more });
  await server.store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
  return toHex(digest);
}

async function approve(by: TestAdmin, reason = 'rack 7'): Promise<unknown> {
  const session = await open(by);
  const standing = await lookAt(session, node.id);
  const place = findBundle(standing, undefined);
  return sign(session, await planApprove(session, standing, { ...WISH, reason, place }));
}

async function cosign(by: TestAdmin): Promise<unknown> {
  const session = await open(by);
  const standing = await lookAt(session, node.id);
  const [begun] = await lookAtCosigned(session, standing);
  return sign(session, await planCosign(session, standing, begun!, WISH));
}

async function lacking(by: TestAdmin = cyd): Promise<string[]> {
  const session = await open(by);
  const all = await lookAtCosigned(session, await lookAt(session, node.id));
  return all.map((one) => {
    const view = cosignedView(session, one);
    return `${view.type}${view.isVoid ? ' (void)' : ''}: ${signaturesText(view)}`;
  });
}
const entries = async (): Promise<unknown[]> => {
  const history = await readNode(server.store, site, node.id);
  return history.entries.map(({ frame }) => [frame.statement.type, frame.signers]);
};

beforeEach(() => {
  server = serveInProcess(site, createMemoryStore());
  memories = new Map();
  node = makeNode(`cosigned ${nodes++}`);
});

describe('a decision of two', () => {
  it('is left by the first, seen by each, and made by the second with both signatures', async () => {
    await wait('one');
    const error: unknown = await approve(ada).catch((reason: unknown) => reason);
    expect(codeOf(error)).toBe('undersigned');
    expect(String(error)).toContain('1 of 2 signatures (ada); lacks one of bob, cyd');
    expect(await entries()).toEqual([]);
    expect(await lacking()).toEqual(['approve: 1 of 2 signatures (ada); lacks one of bob, cyd']);
    // The same again finds its own, and another is told whose there is.
    expect(codeOf(await approve(ada).catch((reason: unknown) => reason))).toBe('undersigned');
    expect(await lacking()).toHaveLength(1);
    const told: unknown = await approve(bob, 'mine').catch((reason: unknown) => reason);
    expect([codeOf(told), String(told)]).toEqual([
      'cosigned',
      expect.stringContaining('ada signed'),
    ]);
    expect(await cosign(bob)).toMatchObject([{ type: 'approve', seq: 1, published: true }]);
    expect(await entries()).toEqual([['approve', [0, 1]]]);
    expect(await lacking()).toEqual([]);
  });

  it('is void once another was made, which takes it away', async () => {
    const digest = await wait('one');
    await approve(ada).catch(codeOf);
    const session = await open(bob);
    const standing = await lookAt(session, node.id);
    const [stale] = await lookAtCosigned(session, standing);
    const plan = await planReject(session, standing, { digest, reason: 'no' });
    expect(await sign(session, plan).catch(codeOf)).toBe('undersigned');
    expect(await lacking()).toHaveLength(2);
    const other = await open(cyd);
    const seen = await lookAt(other, node.id);
    const refusal = (await lookAtCosigned(other, seen)).find(
      ({ signed }) => signed.statement.type === 'reject',
    )!;
    const refused = await planCosign(other, seen, refusal, WISH);
    expect(refused.refused?.digest).toBe(digest);
    expect(await sign(other, refused)).toMatchObject([{ type: 'reject' }]);
    expect(await lacking()).toEqual([]);
    const now = await lookAt(session, node.id);
    const late = planCosign(session, now, { ...stale!, isVoid: true }, WISH);
    expect(await late.catch(codeOf)).toBe('head_moved');
  });

  it('is made by the last of three who sign at one moment', async () => {
    const three = makeSite({ name: 'three', admins: [ada, bob, cyd], threshold: 3 });
    server = serveInProcess(three.site, createMemoryStore());
    const all = [ada, bob, cyd].map((by) =>
      createSession({
        ...{ site: three.site, server: server.server, fetch: server.fetch, program: 'test' },
        key: localKey(by.identity),
        memory: { load: async () => emptyMemory(three.site), add: async () => undefined },
      }),
    );
    const [first, ...others] = (await Promise.all(all)) as [Session, Session, Session];
    const begin = planRevoke(first, await lookAt(first, node.id), { reason: 'gone' });
    expect(await sign(first, begin).catch(codeOf)).toBe('undersigned');
    const plans = await Promise.all(
      others.map(async (session) => {
        const standing = await lookAt(session, node.id);
        const [begun] = await lookAtCosigned(session, standing);
        return [session, await planCosign(session, standing, begun!, WISH)] as const;
      }),
    );
    const told = await Promise.all(
      plans.map(([session, plan]) => sign(session, plan).then(() => 'decided', codeOf)),
    );
    expect(told).toContain('decided');
    const history = await readNode(server.store, three.site, node.id);
    expect(history.entries.map(({ frame }) => frame.signers)).toEqual([[0, 1, 2]]);
  });
});

it('a decision that says who knows a TPM is gone on with by who began it, as long as it says the same', async () => {
  await wait('one');
  await approve(ada).catch(codeOf);
  await cosign(bob);
  const session = await open(ada);
  const standing = await lookAt(session, node.id);
  const { entry, opened } = await openInForce(session, standing);
  const { manifest } = opened!;
  const base = entry!.frame.statementDigest;
  async function say(metadata: Metadata): Promise<unknown> {
    const upload = { ...manifest, base, metadata: { ...manifest.metadata, ...metadata } };
    const statement: PlannedStatement = {
      ...{ type: 'approve', reason: '', upload, from: { pending: true } },
    };
    const common = planAbout(session, standing);
    return sign(session, { ...common, action: 'change', statements: [statement] }).catch(codeOf);
  }
  const known = (secret: number, by: KnownBy): Metadata => ({
    activation: toBase64Url(
      encodeActivation({
        ...{ ek: filled(32, 1), voucher: filled(32, 2), answer: filled(32, secret) },
        ...{ credential: filled(68, secret), seed: filled(256, secret), known: by },
      }),
    ),
  });
  const alone = 'approve: 1 of 2 signatures (ada); lacks one of bob, cyd';
  expect(await say(known(1, { by: 'list' }))).toBe('undersigned');
  expect(await say(known(2, { by: 'list' }))).toBe('undersigned');
  expect(await lacking()).toEqual([alone]);
  const ca = { by: 'ca', sha256: 'ab'.repeat(32), subject: 'CN=chips' } as const;
  expect(await say(known(3, ca))).toBe('undersigned');
  expect(await say({ fresh: '0c'.repeat(16) })).toBe('undersigned');
  expect(await lacking()).toEqual([alone, alone, alone]);
});

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

describe('an approval whose end has passed before another signed it', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
  const pass = (seconds: number): void => {
    vi.setSystemTime(Date.now() + seconds * 1000);
  };
  const planned = async (session: Session, expires: number) => {
    const standing = await lookAt(session, node.id);
    const place = placeInForce(standing);
    return planRenew(session, standing, { ...WISH, expires, place });
  };
  async function renew(by: TestAdmin, expires: number): Promise<unknown> {
    const session = await open(by);
    return sign(session, await planned(session, expires));
  }
  async function states(): Promise<unknown> {
    const [view] = await createFleetReader(await open(cyd)).look();
    return [view!.states, view!.cosigned?.map(({ isVoid, hasEnded }) => [isVoid, hasEnded])];
  }

  it('is signed by nobody: what is in force stays so, and another is made', async () => {
    await wait('one');
    await approve(ada).catch(codeOf);
    await cosign(bob);
    expect(await renew(ada, inSeconds(3600)).catch(codeOf)).toBe('undersigned');
    expect(await states()).toEqual([
      ['undersigned', 'never-booted', 'in-force'],
      [[false, undefined]],
    ]);
    pass(3600);
    expect(await states()).toEqual([['never-booted', 'in-force'], [[true, true]]]);
    const refused: unknown = await cosign(bob).catch((reason: unknown) => reason);
    expect(codeOf(refused)).toBe('expired');
    expect(String(refused)).toMatch(
      /what ada signed ended at \S+Z, and would stop the machine: nothing was signed.*coatcheck renew/,
    );
    expect(await entries()).toEqual([['approve', [0, 1]]]);
    // Of the two that lie there then the good one is made, and takes both away.
    expect(await renew(bob, inSeconds(1800)).catch(codeOf)).toBe('undersigned');
    const session = await open(ada);
    const standing = await lookAt(session, node.id);
    const good = (await lookAtCosigned(session, standing)).filter(({ isVoid }) => !isVoid);
    expect(good).toHaveLength(1);
    expect(await sign(session, await planCosign(session, standing, good[0]!, WISH))).toMatchObject([
      { type: 'approve', seq: 2 },
    ]);
    expect(await states()).toEqual([['expiring', 'never-booted', 'in-force'], undefined]);
  });

  it('is not signed either where it passed between the review and the yes', async () => {
    await wait('one');
    await approve(ada).catch(codeOf);
    await cosign(bob);
    const session = await open(ada);
    const alone = await planned(session, inSeconds(60));
    const end = inSeconds(120);
    await renew(ada, end).catch(codeOf);
    const other = await open(bob);
    const standing = await lookAt(other, node.id);
    const [begun] = await lookAtCosigned(other, standing);
    const joining = await planCosign(other, standing, begun!, WISH);
    pass(120);
    expect(await sign(session, alone).catch(codeOf)).toBe('expired');
    expect(await sign(other, joining).catch(codeOf)).toBe('expired');
    expect(await entries()).toEqual([['approve', [0, 1]]]);
  });

  it('is signed again under a new keyset where it had been in force: it ends nothing more', async () => {
    await wait('one');
    await approve(ada).catch(codeOf);
    await cosign(bob);
    await renew(ada, inSeconds(60)).catch(codeOf);
    await cosign(bob);
    pass(60);
    let session = await open(ada);
    const signed = await signKeysetPlan(session, planAdd(session, dan.key));
    const next = await open(cyd);
    await signKeysetPlan(next, planBegun(next, signed));
    for (const [by, came] of [
      [ada, { problem: { code: 'undersigned' } }],
      [ada, { problem: { code: 'undersigned' } }],
      [bob, { outcome: { seq: 3 } }],
    ] as const) {
      session = await open(by);
      expect(await collect(resealNodes(session, await lackingReseal(session)))).toMatchObject([
        came,
      ]);
    }
    expect(await lackingReseal(session)).toEqual([]);
    expect(await states()).toEqual([['expired', 'never-booted'], undefined]);
  });
});

describe('a change of administrators that two have to sign', () => {
  async function change(
    by: readonly TestAdmin[],
    plan: (session: Session) => ReturnType<typeof planAdd>,
  ): Promise<number> {
    const [first, ...others] = by;
    const session = await open(first!);
    let signed = await signKeysetPlan(session, plan(session));
    for (const other of others) {
      const next = await open(other);
      const begun = parseBegun(formatBegun(signed));
      const again = planBegun(next, begun);
      expect(again.digest).toBe(toHex(signed.digest));
      signed = await signKeysetPlan(next, again);
    }
    return lackingOn(session, signed);
  }

  it('goes through add, remove and threshold, and what is in force is signed by two again', async () => {
    await wait('one');
    await approve(ada).catch(codeOf);
    await cosign(bob);
    expect(await change([ada], (session) => planAdd(session, dan.key))).toBe(1);
    expect((await open(ada)).keyset.version).toBe(1);
    expect(await change([ada, cyd], (session) => planAdd(session, dan.key))).toBe(0);
    let session = await open(ada);
    expect(session.keyset.keys.map(({ name }) => name)).toEqual(['ada', 'bob', 'cyd', 'dan']);

    // The first leaves a signature on each; the second compares, and signs them whole.
    const reseal = async (by: TestAdmin) => {
      const one = await open(by);
      return collect(resealNodes(one, await lackingReseal(one)));
    };
    expect(await reseal(ada)).toMatchObject([{ problem: { code: 'undersigned' } }]);
    expect(await reseal(ada)).toMatchObject([{ problem: { code: 'undersigned' } }]);
    expect(await lacking(bob)).toEqual([
      'approve: 1 of 2 signatures (ada); lacks one of bob, cyd, dan',
    ]);
    expect(await reseal(bob)).toMatchObject([{ outcome: { type: 'approve', seq: 2 } }]);
    expect(await lackingReseal(session)).toEqual([]);

    expect(await change([ada, cyd], (one) => planRemove(one, 'bob'))).toBe(0);
    expect(await change([cyd, ada], (one) => planThreshold(one, 1))).toBe(0);
    session = await open(ada);
    expect([session.keyset.version, session.keyset.threshold]).toEqual([4, 1]);
    expect(await reseal(ada)).toMatchObject([{ outcome: { type: 'approve', seq: 3 } }]);
    const history = await readNode(server.store, site, node.id);
    expect(history.head?.frame.statement.reason).toBe('rack 7');
  });

  it.each([
    ['other files', 'other', {}],
    ['another TPM that is approved', 'one', { attestation: 'AZ_-' }],
    ['another key by which it may be known', 'one', { endorsement: 'AZ_-' }],
    ['another image', 'one', { image: '2.0 (2)' }],
  ])('does not sign for the same again what has %s', async (_, content, metadata) => {
    await wait('one');
    await approve(ada).catch(codeOf);
    await cosign(bob);
    await change([ada, cyd], (session) => planAdd(session, dan.key));
    // Not what is in force, in the name of a change of administrators.
    const evil = await open(ada);
    const standing = await lookAt(evil, node.id);
    const recipients = [node.boxKey, ...evil.keyset.keys.map(({ boxKey }) => boxKey)];
    const digest = await wait(content, recipients, { ...SETTINGS, ...metadata });
    const again = await lookAt(evil, node.id);
    const place = findBundle(again, digest);
    const plan = await planApprove(evil, again, { ...WISH, place });
    const despite = plan.objections.map(({ code }) => code);
    expect(await sign(evil, plan, { despite }).catch(codeOf)).toBe('undersigned');
    const one = await open(bob);
    await collect(resealNodes(one, await lackingReseal(one)));
    const after = await lookAt(one, node.id);
    expect(after.history.head?.slot).toBe(standing.history.head?.slot);
    expect((await lacking(cyd)).sort()).toEqual([
      'approve: 1 of 2 signatures (ada); lacks one of bob, cyd, dan',
      'approve: 1 of 2 signatures (bob); lacks one of ada, cyd, dan',
    ]);
  });

  it('refuses what is forked, stale, forged or of nobody', async () => {
    const session = await open(ada);
    const begun = await signKeysetPlan(session, planAdd(session, dan.key));
    const next = await open(bob);
    const forged = { ...begun, signatures: [{ ...begun.signatures[0]!, keyIndex: 1 }] };
    const refusal = (one: typeof begun): string => {
      try {
        planBegun(next, one);
        return 'taken';
      } catch (error) {
        return codeOf(error);
      }
    };
    expect(refusal(begun)).toBe('taken');
    expect(refusal(forged)).toBe('bad_signature');
    expect(refusal({ ...begun, keyset: { ...begun.keyset, version: 3 } })).toBe('stale_keyset');
    const fork = { ...begun.keyset, previous: new Uint8Array(32).fill(1) };
    expect(refusal({ ...begun, keyset: fork })).toBe('stale_keyset');
    expect(codeOf(catching(() => planThreshold(session, 2)))).toBe('usage');
    expect(codeOf(catching(() => planThreshold(session, 4)))).toBe('usage');
    expect(codeOf(catching(() => parseBegun('{}')))).toBe('file_malformed');
  });

  it('has fewer than have to sign never left', async () => {
    const session = await open(ada);
    const two = { ...session, keyset: { ...keyset, keys: keyset.keys.slice(0, 2) } };
    expect(codeOf(catching(() => planRemove(two, 'bob')))).toBe('usage');
  });
});

describe('a first proposal that was sealed to the administrators of before', () => {
  it('is approved by sealing it anew', async () => {
    const two = makeSite({ name: 'two', admins: [ada, bob] });
    server = serveInProcess(two.site, createMemoryStore());
    const session = await createSession({
      ...{ site: two.site, server: server.server, fetch: server.fetch, program: 'test' },
      key: localKey(ada.identity),
      memory: { load: async () => emptyMemory(two.site), add: async () => undefined },
    });
    const digest = await wait('one', [node.boxKey, ada.identity.boxKey]);
    const standing = await lookAt(session, node.id);
    const place = findBundle(standing, digest);
    const asItIs = await planApprove(session, standing, { ...WISH, place });
    expect(await sign(session, asItIs).catch(codeOf)).toBe('bad_recipients');
    const anew = await planRebase(session, standing, { ...WISH, place });
    expect(await sign(session, anew)).toMatchObject([
      { type: 'approve' },
      { type: 'reject', digest },
    ]);
  });
});

function catching(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
