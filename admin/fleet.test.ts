import { beforeEach, describe, expect, it } from 'vitest';
import { encodeFrame } from '../bundle/frame.ts';
import { toHex } from '../bundle/bytes.ts';
import { sealReport } from '../bundle/index.ts';
import type { Identity } from '../bundle/index.ts';
import type { Statement, StatementType } from '../bundle/statement.ts';
import { approvedKey, historyKey, parseDigest, pendingKey, reportKey } from '../protocol/keys.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import type { InProcess } from '../tests/support/in-process.ts';
import { after, makeNode, makeSite, makeStatement, NOTHING } from '../tests/support/site.ts';
import { propose, sign } from '../tests/support/site.ts';
import { machineText } from '../words/status.ts';
import { createFleetReader, createSession, emptyMemory, localKey, memoryCache } from './index.ts';
import type { Fleet, StatusView } from './index.ts';

const { site, admins } = makeSite();
const { keyset } = site.pinned;
const [ada] = admins;

/** A node, by what its administrators and it did. */
function machine(server: InProcess, name: string) {
  const node = makeNode(name);
  let place = NOTHING;
  let slot = 0;
  const put = async (
    type: StatementType,
    hostname: string,
    options: { expires?: number; isShown?: boolean } = {},
  ): Promise<Uint8Array> => {
    const hasBundle = type === 'approve' || type === 'reject';
    const metadata = hasBundle ? { hostname } : {};
    const { bytes, digest } = propose({ keyset, node, metadata });
    const { expires, isShown = true } = options;
    const more = {
      ...(hasBundle ? { digest } : {}),
      ...(expires === undefined ? {} : { expires }),
    } as Partial<Statement>;
    const signed = sign(makeStatement(keyset, node.id, type, place, more), keyset, ada!);
    place = after(signed);
    const frame = encodeFrame({
      ...{ chain: [site.pinned], statement: signed },
      ...(hasBundle && type !== 'reject' ? { bundle: bytes } : {}),
    });
    await server.store.create(historyKey(node.id, ++slot), frame);
    if (type !== 'reject' && isShown) {
      const before = await server.store.head(approvedKey(node.id));
      if (before === undefined) await server.store.create(approvedKey(node.id), frame);
      else await server.store.replace(approvedKey(node.id), frame, before.etag);
    }
    return place.digest;
  };
  const waits = async (hostname: string, by?: Identity): Promise<void> => {
    const { bytes, digest } = propose({
      ...{ keyset, node, metadata: { hostname } },
      ...(by === undefined ? {} : { by }),
    });
    await server.store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
  };
  const reports = async (
    statementDigest: Uint8Array,
    result: string,
    time = 1_790_000_000,
    signer = node,
    to = ada!.key.boxKey,
  ): Promise<void> => {
    const bytes = sealReport({
      report: { node: node.id, site: site.id, statementDigest, time, result },
      ...{ signer, recipients: [to] },
    });
    const before = await server.store.head(reportKey(node.id));
    if (before === undefined) await server.store.create(reportKey(node.id), bytes);
    else await server.store.replace(reportKey(node.id), bytes, before.etag);
  };
  return { node, put, waits, reports };
}

let server: InProcess;
beforeEach(() => {
  server = serveInProcess(site);
});
const open = async (cache = memoryCache(), fetch = server.fetch) =>
  createFleetReader(
    await createSession({
      ...{ site, server: server.server, fetch, key: localKey(ada!.identity), cache },
      ...{ program: 'test', memory: { load: async () => emptyMemory(site), add: async () => {} } },
    }),
  );
const look = async (): Promise<Map<string, StatusView>> =>
  new Map((await (await open()).look()).map((view) => [view.node, view]));

const OK = 'applied: 1 changed, 0 removed, 2 as they were; memory: none';
const DAY = 86_400;
const soon = (days: number): number => Math.floor(Date.now() / 1000) + days * DAY;

describe('how a node stands', () => {
  it.each<[string, readonly string[], (m: ReturnType<typeof machine>) => Promise<void>]>([
    [
      'in force, and reported',
      ['in-force'],
      async (m) => m.reports(await m.put('approve', 'a'), OK),
    ],
    [
      'never booted',
      ['never-booted', 'in-force'],
      async (m) => {
        await m.put('approve', 'a');
      },
    ],
    [
      'behind',
      ['behind', 'in-force'],
      async (m) => {
        await m.reports(await m.put('approve', 'a'), OK);
        await m.put('approve', 'b');
      },
    ],
    [
      'heard by those alone who were administrators when it reported',
      ['unheard', 'in-force'],
      async (m) => {
        const other = makeNode('an administrator of then').boxKey;
        await m.reports(await m.put('approve', 'a'), OK, undefined, undefined, other);
      },
    ],
    ['waiting for the first time', ['waiting', 'first'], (m) => m.waits('a')],
    [
      'waiting with an update',
      ['waiting', 'in-force'],
      async (m) => {
        await m.reports(await m.put('approve', 'a'), OK);
        await m.waits('b');
      },
    ],
    [
      'refused, and it asks again',
      ['waiting', 'first', 'rejected'],
      async (m) => {
        await m.put('reject', 'a');
        await m.waits('b');
      },
    ],
    [
      'refused an update',
      ['rejected', 'in-force'],
      async (m) => {
        await m.reports(await m.put('approve', 'a'), OK);
        await m.put('reject', 'b');
      },
    ],
    [
      'refused twice',
      ['rejected'],
      async (m) => {
        await m.put('reject', 'a');
        await m.put('reject', 'b');
      },
    ],
    [
      'expired',
      ['expired'],
      async (m) => m.reports(await m.put('approve', 'a', { expires: 1_790_000_001 }), OK),
    ],
    [
      'expiring',
      ['expiring', 'in-force'],
      async (m) => m.reports(await m.put('approve', 'a', { expires: soon(13) }), OK),
    ],
    [
      'not expiring yet',
      ['in-force'],
      async (m) => m.reports(await m.put('approve', 'a', { expires: soon(15) }), OK),
    ],
    [
      'revoked, and it does not know yet',
      ['behind', 'revoked'],
      async (m) => {
        await m.reports(await m.put('approve', 'a'), OK);
        await m.put('revoke', '');
      },
    ],
    [
      'to make a new configuration',
      ['reconfigure'],
      async (m) => {
        await m.put('approve', 'a');
        await m.put('reconfigure', '');
      },
    ],
    [
      'decided, and not shown to it',
      ['unpublished', 'never-booted', 'in-force'],
      async (m) => {
        await m.put('approve', 'a', { isShown: false });
      },
    ],
    [
      'decided again, and not shown to it',
      ['unpublished', 'never-booted', 'in-force'],
      async (m) => {
        await m.put('approve', 'a');
        await m.put('approve', 'b', { isShown: false });
      },
    ],
  ])('%s', async (_name, states, act) => {
    const m = machine(server, 'one');
    await act(m);
    expect([...(await look()).values()].map((view) => view.states)).toEqual([states]);
  });

  it('is not told by what is no decision', async () => {
    const m = machine(server, 'one');
    await m.reports(await m.put('approve', 'a'), OK);
    await server.store.create(historyKey(m.node.id, 2), new Uint8Array(100));
    expect((await look()).get(m.node.id)).toMatchObject({ states: ['in-force'], name: 'a' });
    const { etag } = (await server.store.head(approvedKey(m.node.id)))!;
    await server.store.replace(approvedKey(m.node.id), new Uint8Array(100), etag);
    const view = (await look()).get(m.node.id)!;
    expect(view.states).toEqual(['unreadable', 'unpublished', 'in-force']);
    expect(view).not.toHaveProperty('name');
  });

  it('is what the machine says where a report tells it', async () => {
    const said: Record<string, readonly string[]> = {
      'not applied: path_refused: etc/hosts is a mount point; unmount it; memory: none': ['failed'],
      'applied, not in effect: step_failed; memory: file': ['failed'],
      'applied: 1 changed, 0 removed, 0 as they were; FAILED a.service: it failed: exit-code; memory: none':
        ['failed'],
      'partial: 1 changed, 0 removed, 0 as they were, 1 left; LEFT etc/hosts: is a mount point; memory: none':
        ['partial'],
      'applied: 1 changed, 0 removed, 0 as they were; image 1, baseline ab; 2 of 7 files left to the image differ: etc/a etc/b; memory: none':
        ['drifted'],
      'UNAPPROVED: no server could be reached, and this machine runs what it made itself; memory: none':
        ['unapproved'],
      'something else; FAILED x: y': [],
    };
    const results = Object.keys(said);
    const machines = results.map((_, i) => machine(server, `${i}`));
    for (const [i, m] of machines.entries()) {
      await m.reports(await m.put('approve', `n${i}`), results[i]!);
    }
    const views = await look();
    for (const [i, m] of machines.entries()) {
      const view = views.get(m.node.id)!;
      expect([results[i], view.states]).toEqual([results[i], [...said[results[i]!]!, 'in-force']]);
      expect(view.machine).toMatchObject({ result: results[i], time: 1_790_000_000 });
    }
    expect(views.get(machines[2]!.node.id)!.machine).toMatchObject({
      failed: [{ what: 'a.service', why: 'it failed: exit-code' }],
    });
  });

  it('is not what another key says in its place', async () => {
    const m = machine(server, 'one');
    await m.reports(await m.put('approve', 'a'), `FAILED`, 1, makeNode('two'));
    expect((await look()).get(m.node.id)!.machine).toMatchObject({ problem: 'bad_signer' });
  });

  it('names who claims a name that is in force, or that another claims', async () => {
    const [old, back, rival] = ['old', 'back', 'rival'].map((name) => machine(server, name));
    await old!.put('approve', 'gx1');
    await back!.waits('gx1');
    await rival!.waits('gx1');
    const views = await look();
    const at = (m = old!): StatusView => views.get(m.node.id)!;
    expect(at().notes).toEqual([]);
    expect(at(back).notes).toEqual([
      { code: 'name_in_force', name: 'gx1', nodes: [old!.node.id] },
      { code: 'name_claimed', name: 'gx1', nodes: [rival!.node.id] },
      { code: 'maybe_new_key', name: 'gx1', node: old!.node.id },
    ]);
    await old!.waits('gx1');
    await machine(server, 'twin').put('approve', 'gx1');
    const codes = (await look()).get(old!.node.id)!.notes.map(({ code }) => code);
    expect(codes).toEqual(['name_twice', 'name_in_force', 'name_claimed']);
  });
});

describe('what was read', () => {
  const gets = (): string[] =>
    server.asked
      .splice(0)
      .filter(({ isObject }) => isObject)
      .map(({ path }) => path.split('/')[2]!);

  it('is read again only where it changed, and by another program that has the cache', async () => {
    const cache = memoryCache();
    const machines = ['1', '2', '3'].map((name) => machine(server, name));
    const [one, two, three] = machines as [(typeof machines)[0], ...typeof machines];
    const decided = await one.put('approve', 'a');
    await one.reports(decided, OK);
    await two!.waits('b');
    await three!.put('reject', 'c');
    const reader = await open(cache);
    const before = await reader.look();
    expect(gets().sort()).toEqual(['approved', 'history', 'pending', 'reports']);
    expect(await reader.look()).toEqual(before);
    expect(await (await open(cache)).look()).toEqual(before);
    expect(gets()).toEqual([]);

    await one.reports(decided, 'not applied: disk_full; memory: none');
    const views = await (await open(cache)).look();
    expect(gets()).toEqual(['reports']);
    expect(views.find(({ node }) => node === one.node.id)!.states).toContain('failed');
  });

  it('shows all nodes before anything is read, and says what is not known yet', async () => {
    await machine(server, 'one').put('approve', 'a');
    await machine(server, 'two').waits('b');
    const seen: [number, boolean[], readonly string[][]][] = [];
    const onProgress = ({ left, views }: Fleet): void => {
      const all = views();
      const states = all.map((view) => [...view.states]);
      seen.push([left, all.map(({ refreshing }) => refreshing), states]);
    };
    await (await open()).look({ onProgress });
    expect(seen[0]!.slice(0, 2)).toEqual([2, [true, true]]);
    expect(seen[0]![2].flat()).toContain('waiting');
    expect(seen.at(-1)!.slice(0, 2)).toEqual([0, [false, false]]);
  });

  it('is shown, and read each time, where the listing tells no version, or a read fails', async () => {
    const m = machine(server, 'one');
    await m.reports(await m.put('approve', 'a'), OK);
    const untold: typeof server.fetch = async (url, init) => {
      const answer = await server.fetch(url, init);
      if (!new URL(url).pathname.endsWith('/admin/list')) return answer;
      const told: unknown = JSON.parse(await new Response(answer.body as BodyInit).text());
      const without = JSON.stringify(told, (key, value: unknown) =>
        key === 'version' ? undefined : value,
      );
      return new Response(without, { status: answer.status });
    };
    const reader = await open(memoryCache(), untold);
    gets();
    for (let i = 0; i < 2; i++) {
      expect(await reader.look()).toMatchObject([{ name: 'a', refreshing: false }]);
      expect(gets().sort()).toEqual(['approved', 'reports']);
    }

    let isDown = true;
    const failing: typeof server.fetch = async (url, init) =>
      isDown && new URL(url).pathname.includes('/approved')
        ? new Response('', { status: 403 })
        : server.fetch(url, init);
    const other = await open(memoryCache(), failing);
    const [unread] = await other.look();
    expect(unread).toMatchObject({ problem: 'store_denied', refreshing: false });
    expect(unread!.states).toContain('unreadable');
    isDown = false;
    expect(await other.look()).toMatchObject([{ states: ['in-force'] }]);
  });

  it('is kept together with what another program has read meanwhile', async () => {
    const cache = memoryCache();
    const [one, two] = ['1', '2'].map((name) => machine(server, name));
    const decided = await one!.put('approve', 'a');
    await one!.reports(decided, OK, 1_790_000_100);
    const early = await open(cache);
    await early.look();
    await two!.waits('b');
    await one!.reports(decided, OK, 1_790_000_900);
    await (await open(cache)).look();
    await one!.reports(decided, OK, 1_790_000_200);
    gets();
    await early.look({ withoutReports: true });
    await early.look();
    expect(gets().sort()).toEqual(['pending', 'reports']);
    const views = await (await open(cache)).look();
    expect(gets()).toEqual([]);
    const machineOf = views.find(({ node }) => node === one!.node.id)!.machine;
    expect(machineOf).toMatchObject({ time: 1_790_000_200, isOlder: true });
  });

  it('says of a report for other administrators that it is to come again, and not that it is bad', async () => {
    const m = machine(server, 'one');
    const other = makeNode('an administrator of then').boxKey;
    await m.reports(await m.put('approve', 'a'), OK, undefined, undefined, other);
    const [view] = [...(await look()).values()];
    expect(machineText(view!)).toMatch(
      /^not readable: .*; readable after its next report \(stored/,
    );
  });

  it('holds no content of a file', async () => {
    let kept = '';
    const cache = memoryCache();
    const port = {
      load: () => cache.load(),
      update: async (change: Parameters<typeof cache.update>[0]) => {
        await cache.update(change);
        kept = JSON.stringify([...(await cache.load())]);
      },
    };
    const m = machine(server, 'one');
    const { bytes, digest } = propose({
      ...{ keyset, node: m.node, files: { 'etc/shadow': 'root:hunter2\n' } },
    });
    await server.store.create(pendingKey(m.node.id, parseDigest(toHex(digest))), bytes);
    await (await open(port)).look();
    expect(kept).toContain(toHex(digest));
    expect(kept).not.toMatch(/hunter2|etc\/shadow/);
  });

  it('is doubted where a report goes back in the time of its machine', async () => {
    const cache = memoryCache();
    const m = machine(server, 'one');
    const decided = await m.put('approve', 'a');
    await m.reports(decided, OK, 1_790_000_900);
    await (await open(cache)).look();
    await m.reports(decided, OK, 1_790_000_100);
    const [view] = await (await open(cache)).look();
    expect(view!.machine).toMatchObject({ time: 1_790_000_100, isOlder: true });
  });
});
