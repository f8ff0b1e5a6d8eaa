import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../bundle/frame.ts';
import { toHex } from '../bundle/bytes.ts';
import type { Identity, Metadata } from '../bundle/index.ts';
import { historyKey, parseDigest, pendingKey } from '../protocol/keys.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import type { InProcess } from '../tests/support/in-process.ts';
import { makeNode, makeSite, makeStatement, NOTHING, SETTINGS } from '../tests/support/site.ts';
import { propose, sign as signAs } from '../tests/support/site.ts';
import { createSession, emptyMemory, groupsOf, localKey, planApproveMany } from './index.ts';
import { planRenewMany, signMany, viewsOf } from './index.ts';
import type { Group, ManyPlans, Planned, Session, Target } from './index.ts';

const { site, admins } = makeSite();
const { keyset } = site.pinned;
const [ada] = admins;
type Files = Readonly<Record<string, string>>;

/** What a node has in force, and what waits for it. */
interface Change {
  readonly before?: Files;
  readonly after: Files;
  /** Of both, over the usual; a function of the name. */
  readonly metadata?: Metadata;
  readonly metadataAfter?: Metadata;
}

/** gx001, gx002, ... with what each has in force and wants. */
async function fleet(
  changes: readonly ((name: string, number: number) => Change)[],
): Promise<{ server: InProcess; session: Session; targets: Target[]; nodes: Identity[] }> {
  const server = serveInProcess(site);
  const nodes = changes.map((_, i) => makeNode(`many ${i}`));
  for (const [i, node] of nodes.entries()) {
    const name = `gx${String(i + 1).padStart(3, '0')}`;
    const { before, after, metadata = {}, metadataAfter = {} } = changes[i]!(name, i + 1);
    const own = { ...SETTINGS, hostname: name, ...metadata };
    let base: Uint8Array | undefined;
    if (before !== undefined) {
      const { bytes, digest } = propose({ keyset, node, files: before, metadata: own });
      const approval = signAs(
        makeStatement(keyset, node.id, 'approve', NOTHING, { digest }),
        ...([keyset, ada!] as const),
      );
      base = approval.digest;
      const frame = encodeFrame({ chain: [site.pinned], statement: approval, bundle: bytes });
      await server.store.create(historyKey(node.id, 1), frame);
    }
    const { bytes, digest } = propose({
      ...{ keyset, node, files: after, metadata: { ...own, ...metadataAfter } },
      ...(base && { base }),
    });
    await server.store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
  }
  const session = await createSession({
    ...{ site, server: server.server, fetch: server.fetch, program: 'test' },
    key: localKey(ada!.identity),
    memory: { load: async () => emptyMemory(site), add: async () => undefined },
  });
  const targets = nodes.map(({ id }) => ({ node: id, named: false }));
  return { server, session, targets, nodes };
}

const wish = { reason: '', showSecrets: false, stat: false } as const;
const names = ({ members }: Group): string[] => members.map(({ name }) => name ?? '-');

/** The names of each group of changes. */
async function grouped(changes: readonly ((name: string, number: number) => Change)[]) {
  const { session, targets } = await fleet(changes);
  const { planned, leftOut } = await planApproveMany(session, targets, wish);
  expect(leftOut).toEqual([]);
  return groupsOf(planned, wish);
}

const repeated = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);
const chrony = (): Change => ({
  before: { 'etc/chrony.conf': 'server a\n' },
  after: { 'etc/chrony.conf': 'server a\nserver b\n' },
});

describe('a group', () => {
  it('is nodes whose change is the same to the byte', async () => {
    const groups = await grouped([
      ...repeated(3, chrony),
      () => ({ ...chrony(), after: { 'etc/chrony.conf': 'server a\nserver b \n' } }),
      ...repeated(2, chrony),
    ]);
    expect(groups.map(names)).toEqual([['gx001', 'gx002', 'gx003', 'gx005', 'gx006'], ['gx004']]);
    expect(groups.map(({ differing }) => differing)).toEqual([[], []]);
  });

  it.each<[string, Partial<Change>]>([
    ['what stood before', { before: { 'etc/chrony.conf': 'server c\n' } }],
    [
      'a file more, wherever it stands',
      { after: { ...chrony().after, 'etc/cron.d/job': '* * * * * root evil\n' } },
    ],
    ['a setting', { metadataAfter: { enable: ['evil.service'] } }],
    ['where the key comes from', { metadataAfter: { keySource: 'image' } }],
    ['the program that made it', { metadataAfter: { madeBy: 'evil 1' } }],
    ['the image', { metadataAfter: { image: '2' } }],
    ['the name that it wants', { metadataAfter: { hostname: 'gx002' } }],
  ])('has no node that differs in %s', async (_, other) => {
    const one = (): Change => ({ ...chrony(), ...other });
    const groups = await grouped([chrony, chrony, one]);
    expect(groups.map(names).sort()).toEqual([['gx001', 'gx002'], ['gx003']]);
  });

  it('stands first where something of it can run, however small it is', async () => {
    const runs = (): Change => ({
      ...chrony(),
      after: { ...chrony().after, 'etc/cron.d/job': '* * * * * root evil\n' },
    });
    const groups = await grouped([chrony, chrony, runs]);
    expect(groups.map(names)).toEqual([['gx003'], ['gx001', 'gx002']]);
  });

  it('has each node under its own name, in what is data, and lists it', async () => {
    const change = (name: string): Change => ({
      before: { 'etc/hosts': '10.0.0.1 head\n', 'etc/motd': `${name}\n` },
      after: { 'etc/hosts': `10.0.0.1 head\n127.0.1.1 ${name}.lan ${name}\n`, 'etc/motd': '' },
    });
    const groups = await grouped([
      ...repeated(3, change),
      // The name of another, a name within a word, and a name in a file that may name a program.
      (name) => ({ ...change(name), after: { ...change(name).after, 'etc/motd': 'gx001\n' } }),
      () => ({ ...change('gx001') }),
    ]);
    expect(groups.map(names)).toEqual([['gx001', 'gx002', 'gx003'], ['gx004'], ['gx005']]);
    const place = { path: 'etc/hosts', side: 'after', line: 2 };
    expect(groups[0]!.differing).toEqual([
      {
        kind: 'name',
        places: [place, place, { path: 'etc/motd', side: 'before', line: 1 }],
        values: ['gx001', 'gx002', 'gx003'],
      },
    ]);
  });

  it.each([
    ['within a word', 'etc/hosts', (name: string) => `10.0.0.1 x${name}\n`],
    ['beside what may be a letter', 'etc/hosts', (name: string) => `10.0.0.1 \u00e9${name}\n`],
    ['where settings may name a program', 'etc/default/x', (name: string) => `A=${name}\n`],
    ['in what runs', 'etc/cron.d/x', (name: string) => `# ${name}\n`],
  ])('has no name %s', async (_, path, text) => {
    const groups = await grouped(
      repeated(2, (name: string) => ({ before: {}, after: { [path]: text(name) } })),
    );
    expect(groups.map(names)).toEqual([['gx001'], ['gx002']]);
  });

  const profile = 'etc/systemd/network/10-eth0.network';
  const keyfile = 'etc/NetworkManager/system-connections/eth0.nmconnection';
  it.each([
    [profile, (n: number) => `[Match]\nName=eth0\n\n[Network]\nAddress=10.0.0.${n}/24\n`],
    [profile, (n: number) => `[Address]\nAddress=2001:db8::${n}/64\n`],
    [keyfile, (n: number) => `[ipv4]\nmethod=manual\naddress1=10.0.0.${n}/24,10.0.0.254\n`],
  ])('has each node at its address in %s', async (path, text) => {
    const groups = await grouped(
      repeated(3, (_: string, n: number) => ({
        before: { [path]: text(n) },
        after: { [path]: `${text(n)}\n[Link]\nMTUBytes=9000\n` },
      })),
    );
    expect(groups.map(names)).toEqual([['gx001', 'gx002', 'gx003']]);
    const [address] = groups[0]!.differing;
    expect(address).toMatchObject({ kind: 'address', places: [{ side: 'before' }, {}] });
    expect(address!.values.map((value) => value.at(-1))).toEqual(['1', '2', '3']);
  });

  it.each([
    ['another network', profile, (n: number) => `[Network]\nAddress=10.0.0.1/${n}\n`],
    ['another key', profile, (n: number) => `[Network]\nDNS=10.0.0.${n}\n`],
    ['another section', profile, (n: number) => `[X]\nAddress=10.0.0.${n}/24\n`],
    ['a line that goes on', profile, (n: number) => `[Network]\nA=\\\nAddress=1.0.0.${n}/8\n`],
    ['more than an address', profile, (n: number) => `[Network]\nAddress=10.0.0.${n}/24 x\n`],
    ['another file', 'etc/default/x', (n: number) => `[Network]\nAddress=10.0.0.${n}/24\n`],
    ['a router', keyfile, (n: number) => `[ipv4]\naddress1=10.0.0.1/24,10.0.0.${n}\n`],
  ])('has nobody at another address in %s', async (_, path, text) => {
    const groups = await grouped(
      repeated(2, (_name: string, n: number) => ({ before: {}, after: { [path]: text(n) } })),
    );
    expect(groups.map(names)).toEqual([['gx001'], ['gx002']]);
  });

  it('has each node with its secret, of one length, and shows it where it is asked for', async () => {
    const secret = 'etc/chrony/chrony.keys';
    const change = (_: string, n: number): Change => ({
      before: {},
      after: { [secret]: `1 SHA1 HEX:00${n}\n` },
    });
    const { session, targets } = await fleet([
      ...repeated(3, change),
      () => ({ before: {}, after: { [secret]: '1 SHA1 HEX:0044\n' } }),
      () => ({ before: {}, after: { [secret]: '2 SHA1 HEX:005\n' } }),
    ]);
    const { planned } = await planApproveMany(session, targets, wish);
    const [group, ...others] = groupsOf(planned, wish);
    expect(names(group!)).toEqual(['gx001', 'gx002', 'gx003']);
    expect(others.map(names)).toEqual([['gx004'], ['gx005']]);
    expect(group!.differing).toMatchObject([{ kind: 'masked', values: repeated(3, '********') }]);
    expect(JSON.stringify(viewsOf([group!], undefined).views)).not.toContain('HEX');
    for (const showSecrets of [true, [secret]]) {
      const [shown] = groupsOf(planned, { showSecrets });
      expect(shown!.differing).toMatchObject([{ values: ['HEX:001', 'HEX:002', 'HEX:003'] }]);
    }
  });

  it('has no secret of what lets somebody in', async () => {
    const groups = await grouped(
      repeated(2, (_: string, n: number) => ({
        before: {},
        after: { 'etc/shadow': `root:$6$salt$${'x'.repeat(85)}${n}:19000:0:99999:7:::\n` },
      })),
    );
    expect(groups.map(names)).toEqual([['gx001'], ['gx002']]);
  });

  it('shares one budget with the others', async () => {
    const groups = await grouped(
      repeated(3, (_: string, n: number) => ({
        before: {},
        after: { 'etc/cron.d/job': `${n}\n`.repeat(10) },
      })),
    );
    expect(viewsOf(groups, 100)).toMatchObject({ objections: [] });
    const { views, objections } = viewsOf(groups, 25);
    expect(views.map(({ files }) => files[0]!.linesCut ?? 0)).toEqual([0, 0, 8]);
    expect(objections).toEqual([{ code: 'cut', paths: ['etc/cron.d/job'], settings: 0 }]);
  });
});

describe('an approval of many', { tags: 'long' }, () => {
  const codes = ({ leftOut }: ManyPlans<unknown>): unknown[] => leftOut.map(({ why }) => why);

  it('leaves out a first proposal, unless its node was named by itself', async () => {
    const first = (): Change => ({ after: { 'etc/motd': 'x\n' } });
    const { session, targets } = await fleet([chrony, first, first]);
    targets[2] = { ...targets[2]!, named: true };
    const plans = await planApproveMany(session, targets, wish);
    expect(plans.planned.map(({ plan }) => plan.node)).toEqual([targets[0]!.node, targets[2].node]);
    expect(plans.leftOut).toEqual([{ node: targets[1]!.node, why: { code: 'first' } }]);
  });

  it('signs each digest that was seen, and nothing that moved meanwhile', async () => {
    const { session, targets, server } = await fleet(repeated(25, chrony));
    const { planned } = await planApproveMany(session, targets, wish);
    const [moved, gone] = [planned[3]!.plan, planned[7]!.plan];
    const rejection = signAs(
      makeStatement(keyset, moved.node, 'reject', moved.after, {
        digest: moved.statements[0].digest!,
      }),
      ...([keyset, ada!] as const),
    );
    const frame = encodeFrame({ chain: [site.pinned], statement: rejection });
    await server.store.create(historyKey(moved.node, 2), frame);
    await server.store.delete(
      pendingKey(gone.node, parseDigest(toHex(gone.statements[0].digest!))),
    );
    const failed: unknown[] = [];
    let signed = 0;
    for await (const one of signMany(session, planned, {})) {
      if ('error' in one)
        failed.push([one.planned.plan.node, (one.error as { code: string }).code]);
      else signed++;
    }
    expect(signed).toBe(23);
    expect(failed).toEqual([
      [moved.node, 'head_moved'],
      [gone.node, 'not_found'],
    ]);
    // Again: what is done is said to be, and only the rest would be signed.
    const again = await planApproveMany(session, targets, wish);
    expect(again.planned).toEqual([]);
    expect(codes(again).filter((why) => (why as { code: string }).code === 'done')).toHaveLength(
      25,
    );
  });

  it('stops before the next signature', async () => {
    const { session, targets } = await fleet(repeated(5, chrony));
    const { planned } = await planApproveMany(session, targets, wish);
    let signed = 0;
    for await (const one of signMany(session, planned, {}, () => signed === 2)) {
      expect(one).toHaveProperty('outcomes');
      signed++;
    }
    expect(signed).toBe(2);
    const again = await planApproveMany(session, targets, wish);
    expect(again.planned.map(({ plan }) => plan.node)).toEqual(
      planned.slice(2).map(({ plan }) => plan.node),
    );
  });

  it('tries nothing more where the server is gone', async () => {
    const { session, targets } = await fleet(repeated(5, chrony));
    const { planned } = await planApproveMany(session, targets, wish);
    const broken: Session = {
      ...session,
      client: { ...session.client, decide: async () => Promise.reject(new Error('gone')) },
    };
    const said = [];
    for await (const one of signMany(broken, planned, {})) said.push(one);
    expect(said).toMatchObject([{ error: { message: 'gone' } }]);
  });

  it('leaves out what only a decision about that node can name', async () => {
    const stale = (): Change => ({ ...chrony() });
    const withheld = (): Change => ({
      before: {},
      after: { 'etc/ssl/private/x': 'in no format\n' },
    });
    const { session, targets, server, nodes } = await fleet([chrony, stale, withheld]);
    const node = nodes[1]!;
    const { bytes, digest } = propose({ keyset, node, files: { 'etc/motd': 'other\n' } });
    const [plan] = (await planApproveMany(session, targets.slice(1, 2), wish)).planned;
    const approval = signAs(
      makeStatement(keyset, node.id, 'approve', plan!.plan.after, { digest }),
      ...([keyset, ada!] as const),
    );
    const frame = encodeFrame({ chain: [site.pinned], statement: approval, bundle: bytes });
    await server.store.create(historyKey(node.id, 2), frame);
    const plans = await planApproveMany(session, targets, wish);
    expect(plans.planned).toHaveLength(1);
    expect(codes(plans)).toMatchObject([
      { code: 'objections', objections: [{ code: 'stale_base' }] },
      { code: 'objections', objections: [{ code: 'withheld', paths: ['etc/ssl/private/x'] }] },
    ]);
  });

  it('costs a GET an object, and a request for 100 of them', async () => {
    const { session, targets, server } = await fleet(repeated(60, chrony));
    const before = server.asked.length;
    await planApproveMany(session, targets, wish);
    const asked = server.asked.slice(before);
    expect(asked.filter(({ isObject }) => isObject)).toHaveLength(120);
    // One page of proposals, one of the history, two batches.
    expect(asked.filter(({ isObject }) => !isObject)).toHaveLength(4);
  });
});

it('many are renewed, and what has nothing in force is left out', async () => {
  const { session, targets } = await fleet([chrony, chrony, () => ({ after: {} })]);
  const { planned, leftOut } = await planRenewMany(session, targets, { ...wish, expires: 2e9 });
  expect(leftOut).toMatchObject([{ why: { code: 'error', error: { code: 'not_found' } } }]);
  expect(groupsOf(planned, wish).map(names)).toEqual([['gx001', 'gx002']]);
  const outcomes: unknown[] = [];
  for await (const one of signMany<Planned>(session, planned, {})) outcomes.push(one);
  expect(outcomes).toMatchObject(repeated(2, { outcomes: [{ seq: 2, expires: 2e9 }] }));
});
