import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { deriveIdentity, fromHex, utf8 } from '../../bundle/index.ts';
import type { Identity, Metadata, NodeId } from '../../bundle/index.ts';
import { randomBytes } from 'node:crypto';
import { EXIT } from '../../protocol/errors.ts';
import { approvedKey, historyKey, parseDigest, pendingKey } from '../../protocol/keys.ts';
import { openDesk, refusal } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());

const newNode = (): Identity => deriveIdentity(Uint8Array.from(randomBytes(32)));

interface Entry {
  readonly slot: number;
  readonly seq: number;
  readonly type: string;
  readonly digest: string;
  readonly statementDigest: string;
  readonly prev: string;
  readonly reason: string;
  readonly expires?: number;
  readonly inForce: boolean;
}
const entries = async (node: NodeId): Promise<Entry[]> =>
  (await desk.json<{ entries: Entry[] }>('history', node)).entries;
const types = async (node: NodeId): Promise<string[]> =>
  (await entries(node)).map(({ seq, type }) => `${seq} ${type}`);
const base = async (node: NodeId): Promise<Uint8Array> =>
  fromHex((await entries(node)).find(({ inForce }) => inForce)!.statementDigest);

/** A node with something in force. */
async function approved(files: Record<string, string>): Promise<Identity> {
  const node = newNode();
  await desk.propose(node, { files });
  await desk.json('approve', node.id, '--yes');
  return node;
}

describe('approve', () => {
  it('shows the words that the console of the node shows, and takes them for its name', async () => {
    const node = newNode();
    const words = nodeWords(node.id);
    await desk.propose(node, { files: { 'etc/motd': 'hello\n' } });
    for (const seen of [['pending'], ['show', node.id], ['show', words], ['diff', words]]) {
      const { code, stdout } = await desk.run(...seen);
      expect([seen, code, stdout.includes(words)]).toEqual([seen, 0, seen[0] !== 'diff']);
    }
    const { code, stdout } = await desk.run('approve', words, '--yes');
    expect(code).toBe(0);
    expect(stdout).toContain(words);
    expect(stdout).toContain(`approved ${node.id}`);
  });

  it('puts in force what was shown, and takes it from the list of what waits', async () => {
    const node = newNode();
    const digest = await desk.propose(node, { files: { 'etc/motd': 'hello\n' } });
    const waits = await desk.json<{ pending: { node: string; digest: string }[] }>('pending');
    expect(waits.pending).toContainEqual(expect.objectContaining({ node: node.id, digest }));

    const run = await desk.run('approve', node.id, '--yes', '--reason', 'looks good');
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('+hello');
    expect(run.stdout).toContain('approved');
    expect(await entries(node.id)).toMatchObject([
      { slot: 1, seq: 1, type: 'approve', digest, reason: 'looks good', inForce: true },
    ]);
    const after = await desk.json<{ pending: { node: string }[] }>('pending');
    expect(after.pending.map((p) => p.node)).not.toContain(node.id);
    expect(await desk.store.head(approvedKey(node.id))).toBeDefined();
  });

  it('signs nothing unless asked to, where nobody can be asked', async () => {
    const node = newNode();
    await desk.propose(node, {});
    expect(refusal(await desk.run('approve', node.id))[0]).toBe(EXIT.usage);
    expect(await entries(node.id)).toEqual([]);
  });

  it('keeps the expiry', async () => {
    const node = newNode();
    await desk.propose(node, {});
    await desk.json('approve', node.id, '--yes', '--expires', '30d');
    const [entry] = await entries(node.id);
    const days = (entry!.expires! - Date.now() / 1000) / 86_400;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThanOrEqual(30);
  });

  it('renews what is in force by its digest, with another expiry', { tags: 'long' }, async () => {
    const node = await approved({});
    const [first] = await entries(node.id);
    await desk.json('approve', node.id, first!.digest.slice(0, 10), '--yes', '--expires', '1d');
    expect(await entries(node.id)).toMatchObject([
      { type: 'approve' },
      { seq: 2, type: 'approve', digest: first!.digest, prev: first!.statementDigest },
    ]);
  });

  it('takes a beginning of the id that only one node has: of a new one, 16 characters', async () => {
    const node = newNode();
    await desk.propose(node, {});
    const short = await desk.run('approve', node.id.slice(0, 15), '--yes');
    expect(refusal(short)).toEqual([EXIT.usage, 'usage']);
    expect(short.stderr).toContain(node.id);
    expect(refusal(await desk.run('approve', node.id.slice(0, 16), '--yes'))[0]).toBe(0);
    expect(refusal(await desk.run('reconfigure', node.id.slice(0, 12), '--yes'))[0]).toBe(0);
    const none = node.id.startsWith('q') ? 'z77777' : 'q77777';
    expect(refusal(await desk.run('approve', none, '--yes'))).toEqual([EXIT.notFound, 'not_found']);
  });

  it('asks for a digest where several wait', { tags: 'long' }, async () => {
    const node = newNode();
    const first = await desk.propose(node, { files: { 'etc/motd': '1' } });
    // Two at the same moment are possible: the rule is the route's, not the store's.
    const bytes = (await desk.store.get(pendingKey(node.id, parseDigest(first)), {
      maxBytes: 1e6,
    }))!;
    await desk.store.delete(bytes.key);
    const second = await desk.propose(node, { files: { 'etc/motd': '2' } });
    await desk.store.create(bytes.key, bytes.body);
    expect(refusal(await desk.run('approve', node.id, '--yes'))).toEqual([EXIT.usage, 'usage']);
    await desk.json('approve', node.id, second.slice(0, 16), '--yes');
    expect(await entries(node.id)).toMatchObject([{ digest: second }]);
  });

  it('refuses a bundle that somebody else signed before it shows anything of it', async () => {
    const node = newNode();
    await desk.propose(node, { by: newNode(), files: { 'etc/motd': 'evil\n' } });
    const run = await desk.run('approve', node.id, '--yes');
    expect(refusal(run)).toEqual([EXIT.refused, 'bad_signer']);
    expect(run.stdout).not.toContain('evil');
  });

  it('refuses a bundle that was made for another node', async () => {
    const [node, other] = [newNode(), newNode()];
    const digest = await desk.propose(other, {});
    const { body } = (await desk.store.get(pendingKey(other.id, parseDigest(digest)), {
      maxBytes: 1e6,
    }))!;
    await desk.store.create(pendingKey(node.id, parseDigest(digest)), body);
    const run = await desk.run('approve', node.id, '--yes');
    expect(refusal(run)).toEqual([EXIT.denied, 'not_this_node']);
  });

  it('names what waits and does not verify, and it can be rejected', async () => {
    const node = newNode();
    const digest = parseDigest('ab'.repeat(32));
    await desk.store.create(pendingKey(node.id, digest), utf8('junk'));
    const waits = await desk.json<{ pending: { digest: string; problem?: string }[] }>('pending');
    expect(waits.pending).toContainEqual(expect.objectContaining({ digest, problem: 'bad_magic' }));
    expect(refusal(await desk.run('approve', node.id, '--yes'))[0]).toBe(EXIT.refused);
    await desk.json('reject', node.id, digest, '--reason', 'junk', '--yes');
    expect(await types(node.id)).toEqual(['1 reject']);
  });
});

describe('a digest behind a node', { tags: 'long' }, () => {
  it('is none the less one where another node claims to have that name', async () => {
    const node = await approved({ 'etc/motd': 'a\n' });
    const files = { 'etc/motd': 'b\n' };
    const digest = await desk.propose(node, { files, base: await base(node.id) });
    const word = digest.slice(0, 12);
    await desk.propose(newNode(), { metadata: { hostname: word } });
    await desk.json('reject', node.id, word, '--reason', 'no', '--yes');
    expect(await types(node.id)).toEqual(['1 approve', '2 reject']);
  });
});

describe('approve with the digest of something that is decided', { tags: 'long' }, () => {
  it('renews what is in force, and says so', async () => {
    const node = await approved({ 'etc/motd': '1' });
    const [first] = await entries(node.id);
    const run = await desk.run('approve', node.id, first!.digest, '--yes');
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('this renews what is in force: approve (seq 1) by ada');
    expect(await types(node.id)).toEqual(['1 approve', '2 approve']);
  });

  it('does not go back to an older bundle unless told to', async () => {
    const node = await approved({ 'etc/motd': '1' });
    const [first] = await entries(node.id);
    await desk.propose(node, { base: await base(node.id), files: { 'etc/motd': '2' } });
    await desk.json('approve', node.id, '--yes');
    const run = await desk.run('approve', node.id, first!.digest, '--yes');
    expect(refusal(run)).toEqual([EXIT.conflict, 'stale_base']);
    expect(run.stderr).toContain(`coatcheck rollback ${node.id} 1 `);
    expect(run.stderr).toContain('--anyway');
    expect(await types(node.id)).toEqual(['1 approve', '2 approve']);
    await desk.json('approve', node.id, first!.digest, '--yes', '--anyway');
    expect((await entries(node.id)).at(-1)).toMatchObject({ seq: 3, digest: first!.digest });
  });

  it('does not lift a revoke unless told to', async () => {
    const node = await approved({ 'etc/motd': '1' });
    const [first] = await entries(node.id);
    await desk.json('revoke', node.id, '--reason', 'stolen', '--yes');
    const run = await desk.run('approve', node.id, first!.digest, '--yes');
    expect(refusal(run)).toEqual([EXIT.conflict, 'stale_base']);
    expect(run.stderr).toContain(`coatcheck rollback ${node.id} 1 `);
    const anyway = await desk.run('approve', node.id, first!.digest, '--yes', '--anyway');
    expect(anyway.code).toBe(0);
    expect(anyway.stderr).toContain('this node is revoked (seq 2, reason "stolen")');
    expect(await types(node.id)).toEqual(['1 approve', '2 revoke', '3 approve']);
  });

  it('says that it takes a reconfigure back', async () => {
    const node = await approved({});
    const [first] = await entries(node.id);
    await desk.json('reconfigure', node.id, '--yes');
    const run = await desk.run('approve', node.id, first!.digest, '--yes');
    expect(run.code).toBe(0);
    expect(run.stderr).toContain('takes the reconfigure back');
  });

  it('says who decided it, where that was a rejection', async () => {
    const node = newNode();
    const digest = await desk.propose(node, {});
    await desk.json('reject', node.id, digest, '--reason', 'no', '--yes');
    const run = await desk.run('approve', node.id, digest.slice(0, 12), '--yes');
    expect(refusal(run)).toEqual([EXIT.conflict, 'already_decided']);
    expect(run.stderr).toContain('reject (seq 1)');
  });
});

describe('a proposal of a node that is revoked', { tags: 'long' }, () => {
  it('is approved, with a warning', async () => {
    const node = await approved({ 'etc/motd': '1' });
    await desk.propose(node, { base: await base(node.id), files: { 'etc/motd': '2' } });
    await desk.json('revoke', node.id, '--reason', 'stolen', '--yes');
    const run = await desk.run('approve', node.id, '--yes');
    expect(run.code).toBe(0);
    expect(run.stderr).toContain(
      'this node is revoked (seq 2, reason "stolen"): approving lets it apply a configuration again',
    );
    expect(await types(node.id)).toEqual(['1 approve', '2 revoke', '3 approve']);
  });

  it('is still refused if it would undo what was in force before', async () => {
    const node = await approved({ 'etc/motd': '1' });
    const old = await base(node.id);
    await desk.propose(node, { base: old, files: { 'etc/motd': '2' } });
    await desk.json('approve', node.id, '--yes');
    await desk.propose(node, { base: old, files: { 'etc/motd': '3' } });
    await desk.json('revoke', node.id, '--reason', 'stolen', '--yes');
    const run = await desk.run('approve', node.id, '--yes');
    expect(run.code).toBe(EXIT.conflict);
    expect(run.stderr).toContain('[stale_base]');
  });
});

describe('where nothing waits', { tags: 'long' }, () => {
  it('approve says what is in force', async () => {
    const node = newNode();
    const none = await desk.run('approve', node.id, '--yes');
    expect(refusal(none)).toEqual([EXIT.notFound, 'not_found']);
    expect(none.stderr).toContain('and nothing is in force');
    await desk.propose(node, {});
    await desk.json('approve', node.id, '--yes');
    const run = await desk.run('approve', node.id, '--yes');
    expect(refusal(run)).toEqual([EXIT.notFound, 'not_found']);
    expect(run.stderr).toContain('approve (seq 1) by ada is in force');
    expect(run.stderr).not.toContain('coatcheck renew');
    const renewed = await desk.run('approve', node.id, '--expires', '30d', '--yes');
    expect(refusal(renewed)).toEqual([EXIT.notFound, 'not_found']);
    expect(renewed.stderr).toContain(`coatcheck renew ${node.id} --expires 30d gives that another`);
  });

  it('reject says that it is decided, and how', async () => {
    const node = await approved({});
    const [first] = await entries(node.id);
    for (const text of [first!.digest, first!.digest.slice(0, 12)]) {
      const run = await desk.run('reject', node.id, text, '--reason', 'no', '--yes');
      expect(refusal(run)).toEqual([EXIT.conflict, 'already_decided']);
      expect(run.stderr).toContain('approve (seq 1) by ada, and in force');
    }
  });
});

describe('a proposal whose base is no longer in force', { tags: 'long' }, () => {
  const start = {
    'etc/sysctl.d/a.conf': '1',
    'etc/sysctl.d/b.conf': '1',
    'etc/sysctl.d/c.conf': '1',
  };

  /** Two proposals were made against the same base; one is approved, the other still waits. */
  async function stale(mine: Record<string, string>): Promise<{ node: Identity; digest: string }> {
    const node = await approved(start);
    const old = await base(node.id);
    await desk.propose(node, { base: old, files: { ...start, 'etc/sysctl.d/a.conf': 'theirs' } });
    await desk.json('approve', node.id, '--yes');
    const digest = await desk.propose(node, { base: old, files: mine });
    return { node, digest };
  }

  it('is refused, and says what changed since', async () => {
    const { node } = await stale({ ...start, 'etc/sysctl.d/b.conf': 'mine' });
    const run = await desk.run('approve', node.id, '--yes');
    expect(run.code).toBe(EXIT.conflict);
    expect(run.stderr).toMatch(/--rebase.*--anyway.*\[stale_base\]/);
    expect(run.stdout).toMatch(/since it was made.*\n +~ etc\/sysctl\.d\/a/);
    expect(await types(node.id)).toEqual(['1 approve', '2 approve']);
  });

  it('is approved as it is with --anyway', async () => {
    const { node, digest } = await stale({ ...start, 'etc/sysctl.d/b.conf': 'mine' });
    await desk.json('approve', node.id, '--yes', '--anyway');
    expect((await entries(node.id)).at(-1)).toMatchObject({ seq: 3, type: 'approve', digest });
  });

  it('is applied to what is in force with --rebase, and the original is rejected', async () => {
    const { node, digest } = await stale({
      'etc/sysctl.d/b.conf': 'mine',
      'etc/sysctl.d/c.conf': '1',
      'etc/sysctl.d/a.conf': '1',
    });
    await desk.json('approve', node.id, '--yes', '--rebase');
    const [, , third, fourth] = await entries(node.id);
    expect(third).toMatchObject({ seq: 3, type: 'approve', inForce: true });
    expect(fourth).toMatchObject({ seq: 4, type: 'reject', digest });
    const { files } = await desk.json<{ files: { path: string; lines: string[] }[] }>(
      'diff',
      node.id,
      (await entries(node.id))[0]!.digest,
    );
    // From what is in force back to the start: both changes are there.
    expect(files.map(({ path, lines }) => [path, ...lines.filter((l) => /^[-+]/.test(l))])).toEqual(
      [
        ['etc/sysctl.d/a.conf', '-theirs', '+1'],
        ['etc/sysctl.d/b.conf', '-mine', '+1'],
      ],
    );
    expect(
      (await desk.json<{ pending: { node: string }[] }>('pending')).pending.map((p) => p.node),
    ).not.toContain(node.id);
  });

  it('names the files that both sides changed', async () => {
    const { node } = await stale({ ...start, 'etc/sysctl.d/a.conf': 'mine' });
    const run = await desk.run('approve', node.id, '--yes', '--rebase');
    expect(refusal(run)).toEqual([EXIT.conflict, 'stale_base']);
    expect(run.stderr).toContain('etc/sysctl.d/a.conf');
    expect(await types(node.id)).toEqual(['1 approve', '2 approve']);
  });

  /** As {@link stale}, with one file and the settings of three sides. */
  async function staleSettings(at: Metadata, theirs: Metadata, mine: Metadata): Promise<Identity> {
    const node = newNode();
    const files = { 'etc/motd': 'x\n' };
    await desk.propose(node, { files, metadata: at });
    await desk.json('approve', node.id, '--yes');
    const old = await base(node.id);
    await desk.propose(node, { files, base: old, metadata: theirs });
    await desk.json('approve', node.id, '--yes');
    await desk.propose(node, { files, base: old, metadata: mine });
    return node;
  }

  it('is merged setting by setting with --rebase', async () => {
    const unit = 'telnet.socket';
    const node = await staleSettings(
      { hostname: 'a', enable: [unit], swap: 'none', timezone: 'UTC' },
      { hostname: 'a', mask: [unit], swap: 'zram', timezone: 'UTC' },
      {
        ...{ hostname: 'a', enable: ['ssh.service', unit], swap: 'none' },
        ...{ timezone: 'Europe/Berlin', alias: ['web.service=nginx.service'] },
        wants: ['multi-user.target.wants/nginx.service'],
      },
    );
    const stale = await desk.run('approve', node.id, '--yes');
    expect(refusal({ ...stale, stderr: stale.stderr.split('\n').at(-2)! + '\n' })).toEqual([
      EXIT.conflict,
      'stale_base',
    ]);
    expect(stale.stdout).toContain('  ~ setting swap\n  | -none\n  | +zram\n');
    const run = await desk.run('approve', node.id, '--yes', '--rebase');
    expect([run.code, run.stderr]).toEqual([0, expect.stringContaining('3 settings can run')]);
    expect(run.stdout).not.toContain('swap');
    const { bundle } = await desk.json<{ bundle: { metadata: Metadata } }>('show', node.id);
    expect(bundle.metadata).toMatchObject({
      ...{ hostname: 'a', swap: 'zram', timezone: 'Europe/Berlin' },
      ...{ enable: ['ssh.service'], mask: [unit], alias: ['web.service=nginx.service'] },
      wants: ['multi-user.target.wants/nginx.service'],
    });
  });

  it('names the settings that both sides changed, and signs nothing', async () => {
    const unit = 'telnet.socket';
    const node = await staleSettings(
      { hostname: 'a', timezone: 'UTC' },
      { hostname: 'b', timezone: 'UTC', mask: [unit] },
      { hostname: 'c', timezone: 'Europe/Berlin', enable: [unit] },
    );
    const run = await desk.run('approve', node.id, '--yes', '--rebase');
    expect(refusal(run)).toEqual([EXIT.conflict, 'stale_base']);
    expect(run.stderr).toContain(
      'both sides changed setting hostname, setting unit:telnet.socket:',
    );
    expect(await types(node.id)).toEqual(['1 approve', '2 approve']);
    const json = await desk.run('--json', 'approve', node.id, '--yes', '--rebase');
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: { details: { conflicts: 'setting hostname, setting unit:telnet.socket' } },
    });
  });

  it('is not stale after a rejection or a renewal', async () => {
    const node = await approved(start);
    const old = await base(node.id);
    const refused = await desk.propose(node, { base: old, files: { 'etc/sysctl.d/a.conf': 'no' } });
    await desk.json('reject', node.id, refused, '--reason', 'no', '--yes');
    const [first] = await entries(node.id);
    await desk.json('approve', node.id, first!.digest, '--yes', '--expires', '1d');
    await desk.propose(node, { base: old, files: { 'etc/sysctl.d/a.conf': '2' }, after: refused });
    await desk.json('approve', node.id, '--yes');
    expect(await types(node.id)).toEqual(['1 approve', '2 reject', '3 approve', '4 approve']);
  });
});

describe('the other decisions', () => {
  it('reject tells why, and wants a reason', async () => {
    const node = newNode();
    const digest = await desk.propose(node, {});
    expect(refusal(await desk.run('reject', node.id, digest, '--yes'))[0]).toBe(EXIT.usage);
    await desk.json('reject', node.id, digest.slice(0, 12), '--reason', 'no', '--yes');
    expect(await entries(node.id)).toMatchObject([{ type: 'reject', digest, reason: 'no' }]);
    const again = await desk.run('reject', node.id, digest, '--reason', 'no', '--yes');
    expect(refusal(again)).toEqual([EXIT.conflict, 'already_decided']);
  });

  it('reconfigure, revoke and rollback follow one another', async () => {
    const node = await approved({ 'etc/motd': '1' });
    const [first] = await entries(node.id);
    await desk.json('reconfigure', node.id, '--yes');
    await desk.json('revoke', node.id, '--reason', 'stolen', '--yes');
    const show = await desk.run('show', node.id);
    expect(show.stdout).toMatch(/in force: revoke \(seq 3\) by ada.*"stolen"/);
    const run = await desk.run('rollback', node.id, '1', '--yes');
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('+ etc/motd');
    expect(await entries(node.id)).toMatchObject([
      { type: 'approve' },
      { type: 'reconfigure', digest: first!.digest },
      { type: 'revoke', digest: '0'.repeat(64) },
      { type: 'rollback', digest: first!.digest, inForce: true },
    ]);
  });

  it('rollback wants a slot that has a bundle', async () => {
    const node = await approved({});
    await desk.json('revoke', node.id, '--reason', 'x', '--yes');
    expect(refusal(await desk.run('rollback', node.id, '2', '--yes'))).toEqual([
      EXIT.notFound,
      'not_found',
    ]);
    expect(refusal(await desk.run('rollback', node.id, '9', '--yes'))).toEqual([
      EXIT.notFound,
      'not_found',
    ]);
    expect(refusal(await desk.run('rollback', node.id, 'one', '--yes'))).toEqual([
      EXIT.usage,
      'usage',
    ]);
  });

  it('a reason has an end', async () => {
    const node = await approved({});
    const run = await desk.run('revoke', node.id, '--yes', '--reason', 'é'.repeat(101));
    expect(refusal(run)).toEqual([EXIT.usage, 'usage']);
  });

  it('repair finishes what was left undone', async () => {
    const node = await approved({ 'etc/motd': '1' });
    const key = approvedKey(node.id);
    const { etag, body } = (await desk.store.get(key, { maxBytes: 1e6 }))!;
    await desk.store.replace(key, utf8('junk'), etag);
    expect(
      (await desk.json<{ nodes: { node: string; problem?: string }[] }>('list')).nodes,
    ).toContainEqual(expect.objectContaining({ node: node.id, problem: 'bad_magic' }));
    const { repaired } = await desk.json<{ repaired: object[] }>('repair', node.id);
    expect(repaired).toMatchObject([
      { node: node.id, published: true, written: [key], cleaned: [] },
    ]);
    expect((await desk.store.get(key, { maxBytes: 1e6 }))!.body).toEqual(body);
    expect((await desk.run('repair')).stdout).toContain(`${node.id}  nothing was to be done`);
  });
});

describe('the memory of the tool', { tags: 'long' }, () => {
  it('notices a log that was cut, and signs above what it remembers', async () => {
    const node = await approved({ 'etc/motd': '1' });
    await desk.propose(node, { base: await base(node.id), files: { 'etc/motd': '2' } });
    await desk.json('approve', node.id, '--yes');
    // A backup is restored that does not have the second decision.
    const folder = join(desk.home, 'store', 'objects', 'history', node.id);
    const second = fs.readdirSync(folder).find((name) => name.startsWith('0000000002'))!;
    fs.rmSync(join(folder, second));
    const approvedFile = join(desk.home, 'store', 'objects', 'approved', `${node.id}.object`);
    fs.copyFileSync(join(folder, '0000000001.object'), approvedFile);

    const history = await desk.run('history', node.id);
    expect(history.stderr).toContain('the store shows less than this tool has seen');
    const blind = await desk.run('reconfigure', node.id, '--yes');
    expect([blind.code, blind.stderr]).toEqual([
      EXIT.doubtful,
      expect.stringContaining('--despite-memory'),
    ]);
    expect(await types(node.id)).toEqual(['1 approve']);
    await desk.json('reconfigure', node.id, '--yes', '--despite-memory');
    expect(await types(node.id)).toEqual(['1 approve', '3 reconfigure']);
  });

  it('goes above what a node is shown, although another tool remembers it', async () => {
    const node = await approved({ 'etc/motd': '1' });
    await desk.json('reconfigure', node.id, '--yes');
    const folder = join(desk.home, 'store', 'objects', 'history', node.id);
    fs.rmSync(join(folder, '0000000002.object'));
    fs.rmSync(join(desk.home, 'memory.json'));
    await desk.json('revoke', node.id, '--reason', 'x', '--yes');
    expect(await types(node.id)).toEqual(['1 approve', '3 revoke']);
  });

  it('notices another decision of the same number', async () => {
    const node = await approved({});
    const memory = join(desk.home, 'memory.json');
    const [entry] = await entries(node.id);
    const text = fs.readFileSync(memory, 'utf8');
    fs.writeFileSync(memory, text.replace(entry!.statementDigest, 'f'.repeat(64)));
    const run = await desk.run('history', node.id);
    expect(run.stderr).toContain('somebody rewrote its log');
    const blind = await desk.run('revoke', node.id, '--reason', 'x', '--yes');
    expect(refusal({ ...blind, stderr: blind.stderr.split('\n').slice(-2).join('\n') })).toEqual([
      ...[EXIT.doubtful, 'record_doubtful'],
    ]);
    expect(await types(node.id)).toEqual(['1 approve']);
    fs.writeFileSync(memory, text);
  });
});

describe('the record', { tags: 'long' }, () => {
  it('names junk, and goes past it', async () => {
    const node = await approved({});
    await desk.store.create(historyKey(node.id, 2), utf8('junk'));
    const run = await desk.run('history', node.id);
    expect(run.stderr).toContain('slot 2 holds something that does not verify (bad_magic)');
    await desk.json('reconfigure', node.id, '--yes');
    expect(await entries(node.id)).toMatchObject([{ slot: 1 }, { slot: 3, seq: 2 }]);
  });

  it('says where it begins', async () => {
    const node = await approved({});
    await desk.json('reconfigure', node.id, '--yes');
    const first = join(desk.home, 'store/objects/history', node.id, '0000000001.object');
    fs.rmSync(first);
    expect((await desk.run('history', node.id)).stderr).toContain('the record begins at slot 2');
    expect((await desk.json('history', node.id))['isWhole']).toBe(false);
  });
});

describe('what a node says', () => {
  it('never reaches the terminal raw', async () => {
    const node = newNode();
    await desk.propose(node, {
      files: {
        'etc/motd': '\x1b]0;owned\x07\x1b[2J\u202egood\u200b\r\nx\x9b1m\0'.replace('\0', ''),
      },
    });
    for (const args of [
      ['diff', node.id],
      ['show', node.id],
      ['pending'],
      ['approve', node.id, '--yes', '--reason', '\x1b[31mred\u202e'],
      ['history', node.id],
      ['list'],
    ]) {
      const { stdout, stderr } = await desk.run(...args);
      expect(stdout + stderr).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e]/);
    }
    const { stdout } = await desk.run('--json', 'history', node.id);
    expect(stdout).toMatch(/^[\n\x20-\x7e]*$/);
    expect(stdout).toContain('\\u001b[31mred\\u202e');
  });

  it('that is secret is shown only when asked for', async () => {
    const node = newNode();
    await desk.propose(node, {
      files: { 'etc/shadow': 'root:$y$secret:1::::::\n', 'etc/ldap.secret': 'hunter2\n' },
    });
    for (const args of [[], ['--json']]) {
      const { stdout } = await desk.run(...args, 'diff', node.id);
      expect(stdout).not.toMatch(/\$y\$secret|hunter2/);
    }
    const { stdout } = await desk.run('diff', node.id, '--show-secrets');
    expect(stdout).toContain('+root:$y$secret');
    expect(stdout).toContain('+hunter2');
  });

  it('is shown with its class and as the claim that it is', async () => {
    const node = newNode();
    await desk.propose(node, { files: { 'etc/cron.d/job': '* * * * * root true\n' } });
    const { stdout } = await desk.run('show', node.id);
    expect(stdout).toMatch(/RUNS OR LETS IN +etc\/cron\.d\/job/);
    expect(stdout).toContain('waits for a decision');
  });
});
