import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../bundle/frame.ts';
import { toHex } from '../bundle/bytes.ts';
import type { Identity, Metadata, NodeId } from '../bundle/index.ts';
import { historyKey, parseDigest, pendingKey } from '../protocol/keys.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import type { InProcess } from '../tests/support/in-process.ts';
import { makeAdmin, makeNode, makeSite, makeStatement } from '../tests/support/site.ts';
import { NOTHING, propose, SETTINGS, sign as signAs } from '../tests/support/site.ts';
import {
  createSession,
  emptyMemory,
  localKey,
  parseRules,
  planByRules,
  signMany,
} from './index.ts';
import type { Rule, RulePlans, Session } from './index.ts';

const [ada, bob, door] = [makeAdmin('ada'), makeAdmin('bob'), makeAdmin('door', 'first')];
const { site } = makeSite({ name: 'rules', admins: [ada, door] });
const two = makeSite({ name: 'rules of two', admins: [ada, bob, door], threshold: 2 }).site;
const now = (): number => Math.floor(Date.now() / 1000);
const rule = (more: Partial<Rule> = {}): Rule => ({
  ...{ name: 'rack 7', paths: [], settings: [] },
  ...more,
});
const hour = (count: number): Rule =>
  rule({ name: 'today', window: { from: now() - 3600, until: now() + 3600, count } });

interface World {
  readonly server: InProcess;
  readonly session: Session;
  readonly waits: (
    node: Identity,
    more?: Partial<Parameters<typeof propose>[0]>,
  ) => Promise<string>;
  readonly decided: (node: Identity, type: 'approve' | 'reject') => Promise<void>;
}

/** A site of which the key that may only `first` looks at what waits. */
async function open(of = site, remembered: readonly NodeId[] = []): Promise<World> {
  const server = serveInProcess(of);
  const { keyset } = of.pinned;
  const seen = remembered.map(
    (node) => [node, { seq: 1, slot: 1, digest: '0'.repeat(64) }] as const,
  );
  const memory = { ...emptyMemory(of), nodes: new Map(seen) };
  const session = await createSession({
    ...{ site: of, server: server.server, fetch: server.fetch, program: 'test' },
    key: localKey(door.identity),
    memory: { load: async () => memory, add: async () => undefined },
  });
  return {
    ...{ server, session },
    waits: async (node, more = {}) => {
      const { bytes, digest } = propose({ keyset, node, ...more });
      await server.store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
      return toHex(digest);
    },
    decided: async (node, type) => {
      const { bytes, digest } = propose({ keyset, node, files: { 'etc/motd': 'before\n' } });
      const place = makeStatement(keyset, node.id, type, NOTHING, { digest });
      const statement = signAs(place, ...([keyset, ada] as const));
      const frame = encodeFrame({
        ...{ chain: [of.pinned], statement },
        ...(type === 'approve' && { bundle: bytes }),
      });
      await server.store.create(historyKey(node.id, 1), frame);
    },
  };
}

const codes = ({ left }: RulePlans): string[] => left.flatMap(({ why }) => why.map((w) => w.code));
const nodes = ({ planned }: RulePlans): string[] => planned.map(({ plan }) => plan.node).sort();

describe('a rule with a list', () => {
  it('approves whom it lists and nobody else, whatever they claim, and its name is in the reason', async () => {
    const { session, waits } = await open();
    const [listed, stranger] = [makeNode('listed'), makeNode('stranger')];
    const digest = await waits(listed);
    await waits(stranger, { metadata: { ...SETTINGS, hostname: 'listed', keySource: 'tpm' } });
    const plans = await planByRules(session, [rule({ nodes: [listed.id] })]);
    expect([nodes(plans), codes(plans)]).toEqual([[listed.id], ['no_rule']]);
    const [statement] = plans.planned[0]!.plan.statements;
    expect(statement).toMatchObject({ type: 'approve', reason: 'rule rack 7' });
    expect(toHex(statement.digest!)).toBe(digest);
    for await (const signed of signMany(session, plans.planned, {})) {
      expect(signed).toMatchObject({ outcomes: [{ node: listed.id, seq: 1 }] });
    }
    expect(codes(await planByRules(session, [rule({ nodes: [listed.id] })]))).toEqual(['no_rule']);
  });

  it.each<[string, Partial<Rule>, boolean]>([
    ['that names nothing', {}, false],
    ['that names another', { paths: ['etc/cron.d/job2', 'etc/cron.d'] }, false],
    ['that names the paths', { paths: ['etc/cron.d/job', 'etc/default/x'] }, true],
    ['that has patterns', { paths: ['etc/cron.*/*', 'etc/default/**'] }, true],
    ['that names only what runs by its place', { paths: ['etc/cron.d/job'] }, false],
  ])('%s approves what may run something: %#', async (_, more, isApproved) => {
    const { session, waits } = await open();
    const node = makeNode('runs');
    const files = { 'etc/motd': 'hi\n', 'etc/cron.d/job': '', 'etc/default/x': 'A=b\n' };
    await waits(node, { files });
    const plans = await planByRules(session, [rule({ nodes: [node.id], ...more })]);
    expect(nodes(plans)).toEqual(isApproved ? [node.id] : []);
    expect(codes(plans)).toEqual(isApproved ? [] : ['not_named']);
  });

  it('approves a setting that starts something only where it names that', async () => {
    const { session, waits } = await open();
    const node = makeNode('starts');
    const metadata: Metadata = { ...SETTINGS, enable: ['evil.service'] };
    await waits(node, { metadata });
    const without = await planByRules(session, [rule({ nodes: [node.id] })]);
    expect(without.left[0]!.why).toEqual([
      { code: 'not_named', rule: 'rack 7', paths: [], settings: ['unit:evil.service'] },
    ]);
    const settings = ['unit:evil.service'];
    expect(nodes(await planByRules(session, [rule({ nodes: [node.id], settings })]))).toEqual([
      node.id,
    ]);
  });

  it('leaves to a person what was decided before, several at once, and what an administrator made', async () => {
    const { session, waits, decided } = await open();
    const names = ['rejected', 'approved', 'several', 'by ada', 'on something'] as const;
    const ones = names.map((name) => makeNode(`left ${name}`));
    const [rejected, approved, several, byAda, based] = ones as [Identity, ...Identity[]] &
      Identity[];
    await decided(rejected, 'reject');
    await decided(approved!, 'approve');
    for (const node of ones) {
      const by = node === byAda && { by: ada.identity };
      const base = node === based && { base: new Uint8Array(32).fill(1) };
      await waits(node, { ...(by || {}), ...(base || {}) });
    }
    await waits(several!, { files: { 'etc/motd': 'another\n' } });
    const plans = await planByRules(session, [rule({ nodes: ones.map(({ id }) => id) })]);
    const why = new Map(plans.left.map((one) => [one.node, one.why.map(({ code }) => code)]));
    expect(nodes(plans)).toEqual([]);
    expect(ones.map(({ id }) => why.get(id))).toEqual(
      ['decided', 'decided', 'several', 'not_the_nodes', 'objections'].map((code) => [code]),
    );
  });

  it('leaves to a person what a review warns of', async () => {
    const { session, waits } = await open();
    const [shared, empty] = [makeNode('shared'), makeNode('empty')];
    await waits(shared, { metadata: { ...SETTINGS, keySource: 'image' } });
    await waits(empty, { files: { 'etc/shadow': 'root::1::::::\n' } });
    const list = [shared.id, empty.id];
    const plans = await planByRules(session, [rule({ nodes: list, paths: ['etc/**'] })]);
    expect([nodes(plans), codes(plans)]).toEqual([[], ['warned', 'warned']]);
  });
});

describe('a rule with a window', () => {
  it('approves so many, whom nobody listed, and counts what is in the record', async () => {
    const { session, waits, decided } = await open();
    const [a, b, c, listed] = ['a', 'b', 'c', 'listed'].map((name) =>
      makeNode(`window ${name}`),
    ) as [...[Identity, Identity, Identity, Identity]];
    await decided(a, 'approve');
    await decided(listed, 'approve');
    await waits(b);
    const rules = [hour(2), rule({ nodes: [listed.id] })];
    expect(nodes(await planByRules(session, rules))).toEqual([b.id]);
    await waits(c);
    const plans = await planByRules(session, rules);
    expect(nodes(plans)).toEqual([]);
    expect(plans.left.map(({ why }) => why)).toEqual([
      [{ code: 'full', rule: 'today', waiting: 2, left: 1 }],
      [{ code: 'full', rule: 'today', waiting: 2, left: 1 }],
    ]);
  });

  it('approves nothing before it, after it, or that was proposed before it', async () => {
    const { session, waits } = await open();
    await waits(makeNode('at another time'));
    const at = (from: number, until: number): Promise<RulePlans> =>
      planByRules(session, [
        rule({ window: { from: now() + from, until: now() + until, count: 9 } }),
      ]);
    expect(codes(await at(-20, -10))).toEqual(['outside']);
    expect(codes(await at(100, 200))).toEqual(['outside']);
    expect(nodes(await at(-100, 100))).toHaveLength(1);
  });

  it('signs nothing where the store lists less than was seen', async () => {
    const { session, waits } = await open(site, [makeNode('forgotten').id]);
    await waits(makeNode('any'));
    await expect(planByRules(session, [hour(9)])).rejects.toMatchObject({
      code: 'record_doubtful',
    });
  });
});

describe('under a threshold of two', () => {
  it('leaves one signature, which counts, and is not given twice', async () => {
    const { session, waits } = await open(two);
    const [node, other] = [makeNode('of two'), makeNode('other of two')];
    await waits(node);
    for await (const signed of signMany(
      session,
      (await planByRules(session, [hour(1)])).planned,
      {},
    )) {
      expect(signed).toMatchObject({ error: { code: 'undersigned' } });
    }
    const again = await planByRules(session, [hour(1)]);
    expect(again.left).toEqual([
      { node: node.id, why: [{ code: 'cosigned', signedBy: ['door'] }] },
    ]);
    await waits(other);
    expect(codes(await planByRules(session, [hour(1)])).sort()).toEqual(['cosigned', 'full']);
  });
});

describe('a file of rules', () => {
  const id = makeNode('in a file').id;
  const good = { name: 'a', nodes: [id] };
  const window = { from: '2026-12-01T08:00Z', until: '2026-12-01T18:00Z', count: 3 };
  const parse = (...rules: readonly object[]): readonly Rule[] =>
    parseRules(JSON.stringify({ coatcheck: 'rules/1', rules }), 'r.json');

  it('has lists and windows', () => {
    expect(parse({ ...good, paths: ['etc/cron.d/*'] }, { name: 'b', ...window })).toEqual([
      { name: 'a', nodes: [id], paths: ['etc/cron.d/*'], settings: [] },
      {
        ...{ name: 'b', paths: [], settings: [] },
        window: { from: 1_796_112_000, until: 1_796_148_000, count: 3 },
      },
    ]);
  });

  it.each<[where: string, rules: readonly object[]]>([
    ['rules: there is no rule', []],
    ['rules: two rules have one name', [good, { ...good, nodes: [makeNode('b').id] }]],
    ['rules: a node is in the lists of two', [good, { ...good, name: 'b' }]],
    ['rules.0: a rule has either', [{ name: 'a' }]],
    ['rules.0: a rule has either', [{ ...good, ...window }]],
    ['rules.0: a rule has either', [{ name: 'a', ...window, count: undefined }]],
    ['rules.0: until is not after', [{ name: 'a', ...window, until: '2026-12-01' }]],
    ['rules.0.from: a time is written', [{ name: 'a', ...window, from: 'now' }]],
    ['rules.0.count: ', [{ name: 'a', ...window, count: 0 }]],
    ['rules.1.nodes.0: the id of a node', [good, { name: 'b', nodes: ['web*'] }]],
    ['rules.0.nodes: a list that is empty', [{ name: 'a', nodes: [] }]],
    ['rules.0.paths.0: a path, or a pattern', [{ ...good, paths: ['**'] }]],
    ['rules.0.paths.0: a path, or a pattern', [{ ...good, paths: ['etc/**/x'] }]],
    ['rules.0.paths.0: a path has no / in front', [{ ...good, paths: ['/etc/motd'] }]],
    ['rules.0.name: ', [{ ...good, name: '\u001b[2J' }]],
    ['rules.0.name: ', [{ ...good, name: 'é'.repeat(51) }]],
    ['rules.0.hostname: ', [{ ...good, hostname: 'web*' }]],
  ])('that is wrong is refused, saying where: %s', (where, rules) => {
    const message = expect.stringContaining(
      `r.json has no rules that can be followed: ${where}`,
    ) as string;
    let error: unknown;
    try {
      parse(...rules);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'file_malformed', message });
  });

  it('that is no JSON is refused', () => {
    expect(() => parseRules('{"coatcheck": "rules/1", ', 'r.json')).toThrow(/r\.json has no rules/);
  });
});
