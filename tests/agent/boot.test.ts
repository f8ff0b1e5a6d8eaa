import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBundle, readBundle } from '../../bundle/index.ts';
import { EXIT } from '../../protocol/errors.ts';
import { verifyEntry } from '../../protocol/history.ts';
import { digestHex, parseDigest, pendingKey } from '../../protocol/keys.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { propose } from '../support/site.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';

let lab: Lab;
const machines: Machine[] = [];
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());
afterEach(() => {
  machines.splice(0).forEach((machine) => machine.remove());
});

function machine(of: Machine = makeMachine(lab.site)): Machine {
  machines.push(of);
  return of;
}

/** A machine with something to configure. */
function furnished(): Machine {
  const made = machine();
  made.write('etc/hostname', 'lab-1\n');
  made.write('etc/hosts', '127.0.0.1 localhost\n');
  made.write('etc/cron.d/job', '# nothing\n', 0o755);
  made.write('etc/ssh/ssh_host_ed25519_key', 'secret\n', 0o600);
  made.write('etc/unlisted', 'x\n');
  return made;
}

async function proposed(of: Machine): Promise<string> {
  const { state, digest } = await of.json('propose');
  expect(state).toBe('proposed');
  return digest as string;
}

async function approved(of: Machine, more = {}): Promise<string> {
  const digest = await proposed(of);
  await lab.approve(of.identity, digest, more);
  return digest;
}

const refusal = ({ code, stderr }: Run): [number | null, string | undefined] => [
  code,
  /\[([a-z_0-9]+)\]\n$/.exec(stderr)?.[1],
];

/** Boots a machine whose clock is not ours. */
async function bootAt(target: Machine, clock: string): Promise<Run> {
  const program = `const now = Date.now; ${clock}`;
  const command = [
    ...[process.execPath, '--import', `data:text/javascript,${encodeURIComponent(program)}`],
    agentProgram(),
  ];
  return target.start(command, ['--root', target.root, 'boot', '--once']).done;
}

describe('a boot', () => {
  it('goes from a proposal over an approval to the same files in an empty root', async () => {
    const first = furnished();
    const waiting = await first.run('boot', '--once');
    expect(refusal(waiting)).toEqual([EXIT.waiting, 'nothing_approved']);
    const digest = /approve ([0-9a-f]{64})/.exec(waiting.stderr)![1]!;
    expect(waiting.stderr).toContain(first.identity.id);

    await lab.approve(first.identity, digest);
    const second = machine(first.reboot());
    const result = await second.json('boot');
    expect(result).toMatchObject({ type: 'approve', seq: 1, unchanged: 0, reported: true });
    const { 'etc/unlisted': unlisted, ...captured } = first.tree();
    expect(unlisted).toBeDefined();
    expect(second.tree()).toEqual(captured);
    expect(await lab.store.head(`reports/${first.identity.id}` as never)).toBeDefined();

    const again = await second.json('boot');
    expect(again).toMatchObject({ changed: [], removed: [], unchanged: 4 });
    expect(await second.json('status')).toMatchObject({
      node: first.identity.id,
      applied: { seq: 1, files: 4 },
      drift: [],
      memory: { seq: 1, keysetVersion: 1 },
    });
  });

  it('waits while nothing is approved, and goes on by itself', async () => {
    const node = furnished();
    const booting = node.run('boot', '--wait', '3600');
    let digest: string | undefined;
    while (digest === undefined) {
      const { objects } = await lab.admin.list({ prefix: 'pending', node: node.identity.id });
      digest = objects[0]?.key.split('/')[2];
    }
    await lab.approve(node.identity, digest);
    const { code, stdout } = await booting;
    expect(code).toBe(0);
    expect(stdout).toContain('applied decision 1');
  });

  it('touches only what an update changes, and takes back what it drops', async () => {
    const node = furnished();
    await approved(node);
    const target = machine(node.reboot());
    target.write('etc/hosts', 'of the image\n', 0o600);
    await target.run('boot');
    const before = fs.statSync(target.path('etc/cron.d/job'), { bigint: true });

    node.write('etc/hostname', 'lab-2\n');
    fs.rmSync(node.path('etc/hosts'));
    await approved(node);
    expect(await target.json('boot')).toMatchObject({
      changed: ['etc/hostname', 'etc/hosts'],
      unchanged: 2,
    });
    expect(target.read('etc/hostname')).toBe('lab-2\n');
    expect(target.tree()['etc/hosts']).toBe('600 of the image\n');
    const after = fs.statSync(target.path('etc/cron.d/job'), { bigint: true });
    expect([after.ino, after.ctimeNs]).toEqual([before.ino, before.ctimeNs]);
  });

  it('obeys revoke: nothing is applied, and the console says who, when and why', async () => {
    const node = furnished();
    await approved(node);
    await lab.decide(node.identity, 'revoke', { reason: 'stolen \u001b[31mred' });
    const target = machine(node.reboot());
    const result = await target.run('boot', '--once');
    expect(refusal(result)).toEqual([EXIT.waiting, 'revoked']);
    expect(result.stderr).toContain('ada');
    expect(result.stderr).toContain('stolen <U+001B>[31mred');
    expect(result.stderr).not.toContain('\u001b');
    expect(target.tree()).toEqual({});
  });

  it('obeys reconfigure: proposes anew, and does not apply the old one', async () => {
    const node = furnished();
    const digest = await approved(node);
    await lab.decide(node.identity, 'reconfigure', { digest, from: { slot: 1 } });
    const target = machine(node.reboot());
    target.write('etc/hostname', 'fresh\n');
    expect(refusal(await target.run('boot', '--once'))).toEqual([EXIT.waiting, 'nothing_approved']);
    expect(target.read('etc/hostname')).toBe('fresh\n');
    const { objects } = await lab.admin.list({ prefix: 'pending', node: node.identity.id });
    expect(objects).toHaveLength(1);
    await lab.approve(node.identity, objects[0]!.key.split('/')[2]!);
    expect(await target.json('boot')).toMatchObject({ seq: 3, unchanged: 1 });
  });

  it('hears a refusal, and proposes again only when something changed', async () => {
    const node = furnished();
    const digest = await proposed(node);
    await lab.decide(node.identity, 'reject', { digest, reason: 'no' });
    const refused = await node.run('boot', '--once');
    expect(refusal(refused)).toEqual([EXIT.waiting, 'rejected']);
    expect(refused.stderr).toContain('reason: no');
    expect(refusal(await node.run('propose'))).toEqual([EXIT.waiting, 'rejected']);
    node.write('etc/hostname', 'better\n');
    const next = await proposed(node);
    await lab.approve(node.identity, next);
    expect((await node.run('boot')).code).toBe(0);
  });

  it('proposes what was refused again where it is told to', async () => {
    const node = furnished();
    const digest = await proposed(node);
    await lab.decide(node.identity, 'reject', { digest });
    expect(await node.json('propose', '--after', digest)).toMatchObject({ state: 'proposed' });
  });

  it('learns of a refusal while it waits', async () => {
    const node = furnished();
    const digest = await proposed(node);
    const booting = node.run('boot', '--wait', '8');
    await lab.decide(node.identity, 'reject', {
      digest,
      reason: 'later',
    });
    const result = await booting;
    expect(refusal(result)).toEqual([EXIT.waiting, 'rejected']);
    expect(result.stderr).toContain('reason: later');
  });

  it('sends no second proposal while one waits, and says which', async () => {
    const node = furnished();
    const digest = await proposed(node);
    node.write('etc/hostname', 'other\n');
    const second = await node.run('propose');
    expect(refusal(second)).toEqual([EXIT.waiting, 'waiting']);
    expect(second.stderr).toContain(digest);
  });

  it('proposes nothing where the files are those in force', async () => {
    const node = furnished();
    await approved(node);
    expect(await node.json('propose')).toEqual({ state: 'unchanged' });
  });

  it('proposes what is of another name than is in force, and keeps the settings that no file shows', async () => {
    const node = furnished();
    const files = { 'etc/hostname': 'other\n' };
    const metadata = { hostname: 'other', swap: 'none', answers: { ip: 'dhcp' } };
    const digest = await lab.propose(node.identity, files, metadata);
    await lab.approve(node.identity, digest);
    const { digest: next } = (await node.json('propose')) as { digest: string };
    const { body } = (await lab.store.get(pendingKey(node.identity.id, parseDigest(next)), {
      maxBytes: 1e6,
    }))!;
    const sealed = readBundle(body, { maxBytes: body.length, expect: 'proposal' });
    expect(openBundle(sealed, node.identity).metadata).toMatchObject({
      ...metadata,
      hostname: 'lab-1',
    });
  });

  it('proposes nothing from a root that holds nothing, and says so', async () => {
    const empty = machine();
    const proposed = await empty.run('propose');
    expect(refusal(proposed)).toEqual([EXIT.usage, 'file_missing']);
    expect(proposed.stderr).toContain('is it the right --root?');
    const booted = await empty.run('boot', '--once');
    expect(refusal(booted)).toEqual([EXIT.waiting, 'nothing_approved']);
    expect(booted.stderr).toContain('holds nothing to propose');
    expect((await lab.admin.list({ prefix: 'pending', node: empty.identity.id })).objects).toEqual(
      [],
    );
  });

  it("refuses a root that holds another machine's configuration, unless told to take it over", async () => {
    const first = furnished();
    await approved(first);
    expect((await first.run('boot', '--once')).code).toBe(0);
    const before = first.tree();
    const other = furnished();
    const key = ['--key', other.path('etc/coatcheck/key')];
    fs.writeFileSync(first.path('copy'), await lab.approved(first.identity.id));
    for (const command of [['boot', '--once'], ['propose'], ['apply', first.path('copy')]]) {
      const refused = await first.run(...key, ...command);
      expect(refusal(refused)).toEqual([EXIT.denied, 'not_this_node']);
      for (const id of [first, other]) expect(refused.stderr).toContain(id.identity.id);
    }
    fs.rmSync(first.path('copy'));
    expect(first.tree()).toEqual(before);

    await approved(other);
    expect((await first.run(...key, 'boot', '--once', '--take-over')).code).toBe(0);
    expect((await first.run(...key, 'boot', '--once')).code).toBe(0);
  });

  it('does not propose where it is told not to', async () => {
    const node = furnished();
    expect(refusal(await node.run('boot', '--once', '--no-propose'))).toEqual([
      EXIT.waiting,
      'nothing_approved',
    ]);
    expect((await lab.admin.list({ prefix: 'pending', node: node.identity.id })).objects).toEqual(
      [],
    );
  });

  it('applies a copy from a file as if the server had sent it', async () => {
    const node = furnished();
    await approved(node);
    const target = machine(node.reboot());
    const copy = target.path('copy');
    fs.writeFileSync(copy, await lab.approved(node.identity.id));
    expect(await target.json('apply', copy)).toMatchObject({ seq: 1, unchanged: 0 });
    expect(target.read('etc/hostname')).toBe('lab-1\n');
  });
});

describe('a boot that is lied to', { tags: 'long' }, () => {
  it('refuses a bundle that was tampered with, wherever', async () => {
    const node = furnished();
    await approved(node);
    const good = await lab.approved(node.identity.id);
    for (const at of [0, 100, good.length >> 1, good.length - 70, good.length - 1]) {
      const bad = Uint8Array.from(good);
      bad[at]! ^= 1;
      await lab.tamper(node.identity.id, bad);
      const target = machine(node.reboot());
      expect((await target.run('boot', '--once')).code).toBe(EXIT.refused);
      expect(target.tree()).toEqual({});
    }
    await lab.tamper(node.identity.id, good);
    expect((await machine(node.reboot()).run('boot', '--once')).code).toBe(0);
  });

  it("refuses another machine's bundle in the place of its own", async () => {
    const node = furnished();
    const other = furnished();
    await approved(node);
    await approved(other);
    await lab.tamper(node.identity.id, await lab.approved(other.identity.id));
    const target = machine(node.reboot());
    expect(refusal(await target.run('boot', '--once'))).toEqual([EXIT.denied, 'not_this_node']);
    expect(target.tree()).toEqual({});
  });

  it('refuses an older decision than it remembers, and a missing one', async () => {
    const node = furnished();
    await approved(node);
    const old = await lab.approved(node.identity.id);
    node.write('etc/hostname', 'newer\n');
    await approved(node);
    expect((await node.run('boot')).code).toBe(0);
    for (const bytes of [old, undefined]) {
      await lab.tamper(node.identity.id, bytes);
      expect(refusal(await node.run('boot', '--once'))).toEqual([EXIT.refused, 'rollback_refused']);
      expect(node.read('etc/hostname')).toBe('newer\n');
    }
    const copy = node.path('copy');
    fs.writeFileSync(copy, old);
    expect(refusal(await node.run('apply', copy))).toEqual([EXIT.refused, 'rollback_refused']);
    // Without a memory nothing tells old from new: docs/threat-model.md says so.
    await lab.tamper(node.identity.id, old);
    expect((await machine(node.reboot()).run('boot', '--once')).code).toBe(0);
  });

  it('never takes a damaged memory for none', async () => {
    const node = furnished();
    await approved(node);
    await node.run('boot');
    fs.writeFileSync(node.path('var/lib/coatcheck/memory.json'), '{}');
    expect(refusal(await node.run('boot', '--once'))).toEqual([EXIT.usage, 'file_malformed']);
  });

  it('refuses what has expired, by whichever clock is latest', async () => {
    const node = furnished();
    await approved(node, { expires: Math.floor(Date.now() / 1000) + 1800 });
    const target = machine(node.reboot());
    const ahead = await bootAt(target, 'Date.now = () => now() + 3_600_000;');
    expect(refusal(ahead)).toEqual([EXIT.waiting, 'expired']);
    expect(target.tree()).toEqual({});
  });

  it.each([
    ['HTML', 200, '<html>please log in</html>'],
    ['a 404 of something else', 404, 'not found'],
    ['an empty answer', 200, ''],
    ['JSON of another shape', 200, '{"url":1}'],
  ])('takes %s for no answer, and never for "no configuration"', async (_, status, body) => {
    const server = createServer((_request, response) => response.writeHead(status).end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const node = furnished();
    const result = await node.run('--server', url, 'boot', '--once');
    expect(refusal(result)).toEqual([EXIT.unavailable, 'server_garbage']);
    server.close();
  });

  it('says in one line that the server is not there, and waits for it where it may', async () => {
    const other = await startLab();
    const node = machine(makeMachine(other.site));
    node.write('etc/hostname', 'x\n');
    await other.stop();
    const absent = await node.run('boot', '--once');
    expect(refusal(absent)).toEqual([EXIT.unavailable, 'server_unreachable']);
    expect(absent.stderr.split('\n').filter((line) => line !== '')).toHaveLength(1);
    const command = [process.execPath, agentProgram(), '--root', node.root];
    const { child, done } = node.start(command, ['boot', '--wait', '3600']);
    await once(child.stderr!, 'data');
    await other.start();
    for (let digest; digest === undefined;) {
      const { objects } = await other.admin.list({ prefix: 'pending' });
      digest = objects[0]?.key.split('/')[2];
      if (digest !== undefined) await other.approve(node.identity, digest);
    }
    expect((await done).code).toBe(0);
    await other.close();
  });

  it('asks the next server of the site where the first is absent', async () => {
    const node = machine(
      makeMachine({ ...lab.site, servers: ['http://127.0.0.1:9', ...lab.site.servers] }),
    );
    node.write('etc/hostname', 'x\n');
    await approved(node);
    expect((await node.run('boot', '--once')).code).toBe(0);
  });
});

describe('a machine whose clock stands in 1970', () => {
  it('corrects it by the refusal of the server, and boots', async () => {
    const node = furnished();
    await approved(node);
    const target = machine(node.reboot());
    const real = Date.now();
    const { code, stderr } = await bootAt(target, `Date.now = () => now() - ${real};`);
    expect(stderr).not.toContain('signature_expired');
    expect(code).toBe(0);
    expect(target.read('etc/hostname')).toBe('lab-1\n');
  });

  it('signs by the time of its image: a server that lies about the time changes no statement', async () => {
    const open = await startLab({ approval: 'none' });
    const node = machine(makeMachine(open.site));
    node.write('etc/hostname', 'free\n');
    const built = 1_600_000_000;
    node.write('usr/lib/coatcheck/image.json', JSON.stringify({ version: '1', date: built }));
    const { code } = await bootAt(node, `Date.now = () => now() - ${Date.now()};`);
    expect(code).toBe(0);
    const frame = verifyEntry(await open.approved(node.identity.id), open.site, node.identity.id);
    expect(frame.statement.issued).toBe(built);
    await open.close();
  });
});

describe('approval none', () => {
  it('lets the machine approve what it made itself, and go on', async () => {
    const open = await startLab({ approval: 'none' });
    const node = machine(makeMachine(open.site));
    node.write('etc/hostname', 'free\n');
    expect(await node.json('boot', '--once')).toMatchObject({ type: 'approve', seq: 1 });
    node.write('etc/hostname', 'freer\n');
    expect(await node.json('propose')).toMatchObject({ state: 'accepted' });
    const target = machine(node.reboot());
    expect(await target.json('boot', '--once')).toMatchObject({ seq: 2 });
    expect(target.read('etc/hostname')).toBe('freer\n');
    await open.close();
  });

  it('does not hold up a machine that lost power between its upload and its approval', async () => {
    const open = await startLab({ approval: 'none' });
    const node = machine(makeMachine(open.site));
    const keyset = open.site.pinned.keyset;
    const { bytes, digest } = propose({ keyset, node: node.identity, files: {} });
    await open.store.create(pendingKey(node.identity.id, digestHex(digest)), bytes);
    node.write('etc/hostname', 'free\n');
    expect(await node.json('boot', '--once')).toMatchObject({ type: 'approve', seq: 1 });
    await open.close();
  });

  it('is not believed by a machine whose site requires approval', async () => {
    const open = await startLab({ approval: 'none' });
    const node = machine(makeMachine(open.site));
    node.write('etc/hostname', 'free\n');
    await node.json('boot', '--once');
    const copy = node.path('copy');
    fs.writeFileSync(copy, await open.approved(node.identity.id));
    const strict = machine(
      makeMachine({ ...open.site, approval: 'required' }, node.path('etc/coatcheck/key')),
    );
    expect(refusal(await strict.run('apply', copy))).toEqual([EXIT.refused, 'self_signed_refused']);
    await open.close();
  });
});

describe('an enrolment token', () => {
  it('is shown by a new machine where the site asks for one', async () => {
    const closed = await startLab({ token: 'a-token-of-more-than-16' });
    const node = machine(makeMachine(closed.site));
    node.write('etc/hostname', 'x\n');
    expect(refusal(await node.run('propose'))).toEqual([EXIT.denied, 'token_refused']);
    node.write('token', 'a-token-of-more-than-16\n', 0o600);
    const result = await node.json('propose', '--token-file', node.path('token'));
    expect(result).toMatchObject({ state: 'proposed' });
    await closed.close();
  });
});
