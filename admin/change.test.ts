import { describe, expect, it } from 'vitest';
import { fromUtf8, toHex, utf8 } from '../bundle/bytes.ts';
import { encodeFrame } from '../bundle/frame.ts';
import type { FileEntry, Identity, Metadata } from '../bundle/index.ts';
import { historyKey, parseDigest, pendingKey } from '../protocol/keys.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import { makeAdmin, makeNode, makeSite, makeStatement, NOTHING } from '../tests/support/site.ts';
import { propose, SETTINGS, sign as signAs } from '../tests/support/site.ts';
import {
  createSession,
  emptyMemory,
  localKey,
  openEntry,
  planChanges,
  readCurrent,
} from './index.ts';
import { groupsOf, signMany, versionsOf, withFile, withoutFile, withSetting } from './index.ts';
import type { Change, Session } from './index.ts';

const bob = makeAdmin('bob');
const { site, admins } = makeSite({ admins: [makeAdmin('ada'), bob] });
const { keyset } = site.pinned;
const [ada] = admins;
const wish = { reason: 'why', showSecrets: false, stat: false } as const;

/** Nodes with these files in force, and the session of an administrator. */
async function fleet(
  files: readonly Readonly<Record<string, string>>[],
  options: { metadata?: Metadata; expires?: number } = {},
) {
  const server = serveInProcess(site);
  const nodes = files.map((_, i) => makeNode(`change ${i}`));
  for (const [i, node] of nodes.entries()) {
    const metadata = { ...SETTINGS, hostname: `gx${i + 1}`, ...options.metadata };
    const { bytes, digest } = propose({ keyset, node, files: files[i]!, metadata });
    const { expires } = options;
    const more = { digest, ...(expires !== undefined && { expires }) };
    const approval = signAs(makeStatement(keyset, node.id, 'approve', NOTHING, more), keyset, ada!);
    const frame = encodeFrame({ chain: [site.pinned], statement: approval, bundle: bytes });
    await server.store.create(historyKey(node.id, 1), frame);
  }
  const session = await sessionOf(server, ada!.identity);
  const targets = nodes.map(({ id }) => ({ node: id, named: true }));
  return { server, session, nodes, targets };
}

const sessionOf = (server: ReturnType<typeof serveInProcess>, identity: Identity) =>
  createSession({
    ...{ site, server: server.server, fetch: server.fetch, program: 'test 1' },
    key: localKey(identity),
    memory: { load: async () => emptyMemory(site), add: async () => undefined },
  });

async function inForce(session: Session, node: Identity) {
  const { inForce: entry } = await session.history(node.id);
  const { manifest, sealed } = await openEntry(session, node.id, entry!);
  return { manifest, sealed, statement: entry!.frame.statement };
}

const put = (text: string) => withFile('etc/motd', { content: utf8(text) }, false);

it('is sealed to the node and to every administrator, approved, and leaves all else as it was', async () => {
  const files = { 'etc/motd': 'a\n', 'etc/chrony.conf': 'server a\n' };
  const expires = 4_000_000_000;
  const { server, session, nodes, targets } = await fleet([files, files], { expires });
  const { planned: current } = await readCurrent(session, targets);
  const { planned } = await planChanges(session, current, put('b\n'), wish);
  const [group, ...others] = groupsOf(planned, wish);
  expect([group!.members.length, others]).toEqual([2, []]);
  expect(planned[0]!.plan.review!.bundle).toMatchObject({ signer: { by: 'admin', name: 'ada' } });
  for await (const signed of signMany(session, planned, {}))
    expect(signed).not.toHaveProperty('error');
  for (const node of nodes) {
    const { manifest, sealed, statement } = await inForce(
      await sessionOf(server, bob.identity),
      node,
    );
    expect(manifest.files.map(({ path, content }) => [path, fromUtf8(content)])).toEqual([
      ['etc/chrony.conf', 'server a\n'],
      ['etc/motd', 'b\n'],
    ]);
    expect([sealed.recipientCount, sealed.kind]).toEqual([3, 'admin']);
    expect(statement).toMatchObject({ type: 'approve', seq: 2, reason: 'why', expires });
    expect(manifest.metadata.madeBy).toBe('test 1');
  }
  const rest = await server.store.list('pending/', { limit: 10 });
  expect(rest.objects).toEqual([]);
});

it('is not signed where somebody decided meanwhile, and nothing of it waits', async () => {
  const { server, session, nodes, targets } = await fleet([{ 'etc/motd': 'a\n' }]);
  const { planned: current } = await readCurrent(session, targets);
  const { planned } = await planChanges(session, current, put('b\n'), wish);
  const others = await sessionOf(server, bob.identity);
  const { planned: theirs } = await readCurrent(others, targets);
  const their = await planChanges(others, theirs, put('c\n'), wish);
  for await (const signed of signMany(others, their.planned, {}))
    expect(signed).not.toHaveProperty('error');
  for await (const signed of signMany(session, planned, {}))
    expect(signed).toMatchObject({ error: { code: 'head_moved' } });
  const { manifest } = await inForce(session, nodes[0]!);
  expect(fromUtf8(manifest.files[0]!.content)).toBe('c\n');
  expect((await server.store.list('pending/', { limit: 10 })).objects).toEqual([]);
});

it('leaves out what it does not change, what its list of paths has not, and what has nothing in force', async () => {
  const { session, targets } = await fleet([{ 'etc/motd': 'b\n' }, { 'etc/motd': 'a\n' }]);
  const stranger = { node: makeNode('nobody').id, named: true };
  const read = await readCurrent(session, [...targets, stranger]);
  expect(read.leftOut).toMatchObject([{ why: { code: 'error', error: { code: 'not_found' } } }]);
  const same = await planChanges(session, read.planned, put('b\n'), wish);
  expect(same.leftOut).toEqual([{ node: targets[0]!.node, name: 'gx1', why: { code: 'same' } }]);
  expect(same.planned).toHaveLength(1);
  const refused = withFile('usr/bin/ls', { content: utf8('x') }, false);
  const { planned, leftOut } = await planChanges(session, read.planned, refused, wish);
  expect([planned, leftOut[0]!.why]).toMatchObject([
    [],
    { objections: [{ code: 'refused_paths' }] },
  ]);
});

it('says which proposal it makes stale, and refuses an approval that has ended', async () => {
  const { server, nodes, session, targets } = await fleet([{ 'etc/motd': 'a\n' }], {
    expires: 1_790_000_001,
  });
  const { bytes, digest } = propose({ keyset, node: nodes[0]! });
  await server.store.create(pendingKey(nodes[0]!.id, parseDigest(toHex(digest))), bytes);
  const { planned: current } = await readCurrent(session, targets);
  const ended = await planChanges(session, current, put('b\n'), wish);
  expect(ended.leftOut).toMatchObject([{ name: 'gx1', why: { error: { code: 'usage' } } }]);
  const again = await planChanges(session, current, put('b\n'), { ...wish, expires: 'never' });
  expect(again.planned[0]!.plan.warnings).toEqual([{ code: 'makes_stale', proposals: 1 }]);
  expect(again.planned[0]!.plan.statements[0]).not.toHaveProperty('expires');
});

describe('a change', () => {
  const file = (path: string, text: string, more: Partial<FileEntry> = {}): FileEntry => ({
    ...{ path, mode: 0o640, owner: 'a', uid: 7, group: 'b', gid: 8, content: utf8(text) },
    ...more,
  });
  const made = (change: Change, files: readonly FileEntry[], metadata: Metadata = {}) =>
    change({ files, metadata });

  it('keeps mode and owner of a file, or takes those that are said', () => {
    const before = [file('etc/motd', 'x')];
    expect(made(put('y'), before).files).toEqual([file('etc/motd', 'y')]);
    const owned = withFile('etc/motd', { mode: 0o600, owner: { name: 'root' } }, false);
    expect(made(owned, before).files).toEqual([
      file('etc/motd', 'x', { mode: 0o600, owner: 'root', uid: 0 }),
    ]);
    expect(() => made(owned, [])).toThrow('etc/motd is not in it');
    const fresh = made(withFile('etc/x', { content: utf8('') }, true), []).files;
    expect(fresh).toMatchObject([{ mode: 0o600, owner: 'root', gid: 0 }]);
  });

  it('takes the number of an owner from the accounts of the node, or another file, and guesses none', () => {
    const accounts = [
      file('etc/passwd', 'root:x:0:0::/:\nchrony:x:998:996::/:\n'),
      file('etc/group', 'chrony:x:996:\n'),
    ];
    const owned = (name: string, id?: number) =>
      withFile(
        'etc/x',
        { content: utf8(''), owner: { name, ...(id !== undefined && { id }) }, group: { name } },
        false,
      );
    const of = (change: Change, files: readonly FileEntry[]) =>
      made(change, files).files.find(({ path }) => path === 'etc/x');
    expect(of(owned('chrony'), accounts)).toMatchObject({ uid: 998, gid: 996 });
    expect(
      of(withFile('etc/x', { content: utf8(''), owner: { name: 'a' } }, false), accounts),
    ).toMatchObject({ uid: 7 });
    expect(() => of(owned('who'), accounts)).toThrow('which number the owner who has');
  });

  it('puts a file in that was left to the image, and takes one out', () => {
    const left = { 'etc/motd': '0badcafe', 'etc/issue': '0badcafe' };
    expect(made(put('y'), [], { left }).metadata.left).toEqual({ 'etc/issue': '0badcafe' });
    expect(
      made(withoutFile('etc/motd'), [file('etc/motd', ''), file('etc/x', '')]).files,
    ).toHaveLength(1);
  });

  it('changes settings and takes them out, and leaves what is none', () => {
    const before = { enable: ['a.service'], swap: 'zram', keySource: 'tpm', madeBy: 'x' };
    const change = withSetting(
      new Map([
        ['unit:a.service', 'mask'],
        ['swap', ''],
        ['timezone', 'UTC'],
      ]),
    );
    expect(made(change, [], before).metadata).toEqual({
      ...{ mask: ['a.service'], timezone: 'UTC', keySource: 'tpm', madeBy: 'x' },
    });
  });

  it('tells the versions of a file apart by content, the most frequent first', () => {
    const of = (...files: FileEntry[]) => ({ manifest: { files } });
    const [a, b, c] = [of(file('x', '1')), of(), of(file('x', '1', { mode: 0 }))];
    expect(versionsOf([b, a, c], 'x').map((version) => version.of)).toEqual([[a, c], [b]]);
  });
});
