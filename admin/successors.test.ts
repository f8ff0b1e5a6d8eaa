import { expect, it } from 'vitest';
import { toHex } from '../bundle/bytes.ts';
import type { Metadata } from '../bundle/index.ts';
import { parseDigest, pendingKey } from '../protocol/keys.ts';
import { signSuccession } from '../protocol/succession.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import { makeNode, makeSite, propose, SETTINGS } from '../tests/support/site.ts';
import { createSession, emptyMemory, findBundle, localKey, lookAt } from './index.ts';
import { planApprove, planRevoke, planTransfer, sign } from './index.ts';
import { signMany } from './many.ts';
import { planSuccessors } from './successors.ts';
import { pendingViews } from './views/nodes.ts';
import { createFleetReader } from './fleet.ts';

const { site, admins } = makeSite();
const { keyset } = site.pinned;
const wish = { reason: '', showSecrets: false, stat: false } as const;
type TestNode = ReturnType<typeof makeNode>;

async function world() {
  const server = serveInProcess(site);
  const session = await createSession({
    ...{ site, server: server.server, fetch: server.fetch, program: 'test' },
    key: localKey(admins[0]!.identity),
    memory: { load: async () => emptyMemory(site), add: async () => undefined },
  });
  const waits = async (node: TestNode, metadata: Metadata, files = {}) => {
    const { bytes, digest } = propose({ keyset, node, metadata, files });
    await server.store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
  };
  /** A machine that has a configuration, and what it is under another PCR key. */
  const machine = async (name: string) => {
    const [old, fresh] = [makeNode(`${name} old`), makeNode(`${name} new`)];
    await waits(
      old,
      { ...SETTINGS, hostname: name, keySource: 'tpm' },
      { 'etc/hostname': `${name}\n`, 'etc/ldap.secret': 'pass\n' },
    );
    await approve(old);
    const succeeds = signSuccession(site.id, old, fresh.id);
    return { old, fresh, succeeds, moves: () => waits(fresh, { keySource: 'tpm', succeeds }) };
  };
  const approve = async (node: TestNode) => {
    const standing = await lookAt(session, node.id);
    const place = findBundle(standing, undefined);
    await sign(
      session,
      await planApprove(session, standing, { ...wish, place, unseen: ['etc/ldap.secret'] }),
    );
  };
  const run = async (most = Infinity) => {
    const plans = await planSuccessors(session);
    let signed = 0;
    for await (const one of signMany(session, plans.planned, {}, () => signed >= most)) {
      expect(one).not.toHaveProperty('error');
      signed++;
    }
    return plans;
  };
  const heads = async ({ old, fresh }: { old: TestNode; fresh: TestNode }) => {
    const both = [await lookAt(session, old.id), await lookAt(session, fresh.id)];
    return both.map(({ history }) => history.entries.at(-1)?.frame.statement.type);
  };
  const left = async () =>
    (await planSuccessors(session)).leftOut.map(({ node, why }) => [node, why]);
  return { server, session, waits, machine, approve, run, heads, left };
}

it('gives every machine what its old key has, where that signed the new one', async () => {
  const { session, machine, run, heads } = await world();
  const fleet = [await machine('gx1'), await machine('gx2'), await machine('gx3')];
  for (const one of fleet) await one.moves();
  const { planned, leftOut } = await run();
  expect(leftOut).toEqual([]);
  expect(
    planned.map(({ old, plan, name, secrets }) => [old, plan.node, name, secrets]).sort(),
  ).toEqual(fleet.map(({ old, fresh }, i) => [old.id, fresh.id, `gx${i + 1}`, 1]).sort());
  for (const one of fleet) {
    expect(await heads(one)).toEqual(['revoke', 'reject']);
    const { history } = await lookAt(session, one.fresh.id);
    expect(history.inForce!.frame.statement.reason).toBe(`from ${one.old.id}`);
  }
  expect(await planSuccessors(session)).toEqual({ planned: [], leftOut: [] });
});

it('does what is left, wherever it was cut short', async () => {
  const { session, machine, run, heads } = await world();
  const fleet = [await machine('gx1'), await machine('gx2')];
  for (const one of fleet) await one.moves();
  await run(1);
  const [first] = (await planSuccessors(session)).planned;
  // Between the two statements about the new key, and then between the two keys.
  await sign(session, { ...first!.plan, statements: [first!.plan.statements[0]] });
  const [second] = (await planSuccessors(session)).planned;
  expect(second!.plan.statements.map(({ type }) => type)).toEqual(['reject']);
  await sign(session, second!.plan);
  const [third] = (await planSuccessors(session)).planned;
  expect([third!.plan.action, third!.then]).toEqual(['revoke', undefined]);
  await run();
  for (const one of fleet) expect(await heads(one)).toEqual(['revoke', 'reject']);
});

it('moves nothing without the old key’s own signature for this machine at this site', async () => {
  const { waits, machine, left, heads } = await world();
  const [honest, victim] = [await machine('gx1'), await machine('gx2')];
  const liars = ['another key', 'another site', 'replayed'].map(makeNode) as [
    TestNode,
    TestNode,
    TestNode,
  ];
  const { signKey, boxKey } = victim.old;
  const elsewhere = Uint8Array.from(site.id, (byte) => byte ^ 1);
  const claims = [
    signSuccession(site.id, { ...liars[0], signKey, boxKey }, liars[0].id),
    signSuccession(elsewhere, victim.old, liars[1].id),
    honest.succeeds,
  ];
  for (const [i, succeeds] of claims.entries()) await waits(liars[i]!, { ...SETTINGS, succeeds });
  const why = [victim, victim, honest].map(({ old }) => ({ code: 'unproven', old: old.id }));
  expect(new Map((await left()) as [string, unknown][])).toEqual(
    new Map(liars.map(({ id }, i) => [id, why[i]])),
  );
  expect(await heads(victim)).toEqual(['approve', undefined]);
});

it('does not believe the signature of one who claims to be it in a bundle that an administrator made', async () => {
  const { server, session, machine } = await world();
  const { old, fresh, succeeds } = await machine('gx1');
  const { bytes, digest } = propose({
    ...{ keyset, node: fresh, by: admins[0]!.identity },
    metadata: { ...SETTINGS, succeeds },
  });
  await server.store.create(pendingKey(fresh.id, parseDigest(toHex(digest))), bytes);
  expect(await planSuccessors(session)).toEqual({ planned: [], leftOut: [] });
  expect((await lookAt(session, old.id)).history.inForce!.frame.statement.type).toBe('approve');
});

it('leaves alone, with its reason, who has a rival, what is moved, ended or configured otherwise', async () => {
  const { session, waits, machine, approve, left, run } = await world();
  const [twin, moved, ended, own, known] = [
    await machine('gx1'),
    await machine('gx2'),
    await machine('gx3'),
    await machine('gx4'),
    await machine('gx5'),
  ];
  const thief = makeNode('thief');
  await twin.moves();
  await waits(thief, { ...SETTINGS, succeeds: signSuccession(site.id, twin.old, thief.id) });
  await moved.moves();
  const [a, b] = [await lookAt(session, moved.old.id), await lookAt(session, moved.fresh.id)];
  const { give, take } = await planTransfer(session, a, b, {
    ...wish,
    unseen: ['etc/ldap.secret'],
  });
  for (const plan of [give!, take!]) await sign(session, plan);
  const late = makeNode('late');
  await waits(late, { ...SETTINGS, succeeds: signSuccession(site.id, moved.old, late.id) });
  const revoke = planRevoke(session, await lookAt(session, ended.old.id), { reason: 'scrapped' });
  await sign(session, revoke);
  await ended.moves();
  await waits(own.fresh, SETTINGS);
  await approve(own.fresh);
  await own.moves();
  await known.moves();
  const expected = {
    [twin.fresh.id]: { code: 'rivals', old: twin.old.id, nodes: [thief.id] },
    [thief.id]: { code: 'rivals', old: twin.old.id, nodes: [twin.fresh.id] },
    [late.id]: { code: 'moved', old: moved.old.id, to: moved.fresh.id },
    [ended.fresh.id]: { code: 'no_old', old: ended.old.id },
    [own.fresh.id]: { code: 'own', old: own.old.id, seq: 1, type: 'approve' },
  };
  expect(Object.fromEntries(await left())).toEqual(expected);
  expect((await run()).planned.map(({ plan }) => plan.node)).toEqual([known.fresh.id]);
  expect(Object.fromEntries(await left())).toEqual(expected);
});

it('is told beside what waits, and by the status of the fleet', async () => {
  const { session, waits, machine } = await world();
  const one = await machine('gx1');
  await one.moves();
  const liar = makeNode('liar');
  await waits(liar, { ...SETTINGS, succeeds: one.succeeds });
  const told = new Map((await pendingViews(session)).map((view) => [view.node, view.succeeds]));
  expect(told).toEqual(
    new Map([
      [one.fresh.id, { node: one.old.id, isProven: true }],
      [liar.id, { node: one.old.id, isProven: false }],
    ]),
  );
  const views = await createFleetReader(session).look({ withoutReports: true });
  const notes = views.flatMap(({ node, notes }) =>
    notes.filter(({ code }) => code === 'succeeds').map((note) => [node, note]),
  );
  expect(notes).toEqual([[one.fresh.id, { code: 'succeeds', node: one.old.id }]]);
  const standing = await lookAt(session, one.fresh.id);
  const { review } = await planApprove(session, standing, {
    ...{ ...wish, place: findBundle(standing, undefined) },
  });
  expect(review!.warnings).toContainEqual({ code: 'succeeds', node: one.old.id, isProven: true });
  expect(review!.bundle.succeeds).toEqual({ node: one.old.id, isProven: true });
});
