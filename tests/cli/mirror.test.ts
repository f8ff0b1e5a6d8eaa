import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../admin/session.ts';
import type { Identity } from '../../bundle/index.ts';
import { mirrorStore } from '../../functions/mirror/mirror.ts';
import { verifyEntry } from '../../protocol/history.ts';
import { approvedKey } from '../../protocol/keys.ts';
import { openDesk, openSession, refusal, runCli, startCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith, itWith } from '../support/components.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { fleet, waits } from '../support/many-nodes.ts';
import type { One } from '../support/many-nodes.ts';
import { freshBucket } from '../support/minio.ts';
import { startNginx } from '../support/nginx.ts';
import type { Nginx } from '../support/nginx.ts';
import type { Run } from '../support/run.ts';
import { itOnSmallDisk } from '../support/small-disk.ts';
import { countingStore } from '../support/stores.ts';

/** `coatcheck mirror`, of a store that a real server works on. */

let desk: Desk;
let session: Session;
let ones: One[];
const filesOf = (name: string): Record<string, string> => ({ 'etc/motd': `${name}\n` });
beforeAll(async () => {
  desk = await openDesk();
  session = await openSession(desk);
  ones = await fleet(desk, session, { prefix: 'mirrored', count: 4, filesOf });
});
afterAll(() => desk.close());

let folder: string;
let target: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-mirror-'));
  fs.chmodSync(folder, 0o755);
  target = join(folder, 'mirror');
  return () => {
    fs.rmSync(folder, { recursive: true, force: true });
  };
});

const mirror = (...args: string[]): Promise<Run> =>
  runCli(['--home', desk.home, 'mirror', target, ...args]);
const fileOf = ({ id }: Identity, place = target): string => join(place, approvedKey(id));
const names = (place = target): string[] => fs.readdirSync(join(place, 'approved')).sort();

/** What a machine would find, whoever made it: each file must be whole. @returns seq by node */
function held(place = target): Record<string, number> {
  return Object.fromEntries(
    names(place)
      .filter((name) => !name.startsWith('.'))
      .map((name) => {
        const bytes = new Uint8Array(fs.readFileSync(join(place, 'approved', name)));
        return [name, verifyEntry(bytes, desk.site, name as Identity['id']).statement.seq];
      }),
  );
}

async function inStore({ id }: Identity): Promise<Uint8Array> {
  return (await desk.store.get(approvedKey(id), { maxBytes: 1_000_000 }))!.body;
}

/** The next decision about a machine. */
async function again(one: One, text: string): Promise<One> {
  await waits(desk, one, { 'etc/motd': text });
  expect((await desk.run('approve', one.node.id, '--yes')).code).toBe(0);
  const { statementDigest } = verifyEntry(await inStore(one.node), desk.site, one.node.id);
  return { ...one, base: statementDigest };
}

describe('a mirror', () => {
  it('has what is approved, byte for byte, for everybody to read, and says how old it may be', async () => {
    execFileSync('mkdir', ['-m', '700', target]);
    const { code, stdout } = await runCli(['--home', desk.home, 'mirror', target], {
      runtime: ['/bin/sh', '-c', 'umask 077; exec "$@"', 'sh', process.execPath],
    });
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^mirrored 4 machines as of 20\d\d-.* UTC: 4 written, 0 removed\n4 configurations without an end: /,
      ),
    ]);
    for (const { node } of ones) {
      expect(fs.readFileSync(fileOf(node))).toEqual(Buffer.from(await inStore(node)));
      expect(fs.statSync(fileOf(node)).mode & 0o777).toBe(0o644);
    }
    expect(fs.statSync(join(target, 'approved')).mode & 0o777).toBe(0o755);
    const summary = JSON.parse(fs.readFileSync(join(target, 'mirror.json'), 'utf8')) as object;
    expect(summary).toMatchObject({ coatcheck: 'mirror/1', machines: 4 });
    // Who there is stays with whoever runs it.
    expect(fs.statSync(join(target, '.coatcheck-mirror')).mode & 0o777).toBe(0o600);
  });

  it('fetches only what changed, and mends what was damaged', async () => {
    const { store, counts } = countingStore(desk.store);
    const run = () => mirrorStore(store, target, desk.site, { now: () => 1 });
    expect(await run()).toMatchObject({ written: 4 });
    const before = counts.get;
    expect(await run()).toMatchObject({ written: 0, machines: 4 });
    expect(counts.get).toBe(before);
    const path = fileOf(ones[0]!.node);
    const bytes = fs.readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    fs.writeFileSync(path, bytes);
    fs.rmSync(fileOf(ones[1]!.node));
    expect(await run()).toMatchObject({ written: 2 });
    expect(counts.get).toBe(before + 2);
    ones[2] = await again(ones[2]!, 'newer\n');
    expect(await run()).toMatchObject({ written: 1 });
    expect(held()[ones[2].node.id]).toBe(2);
  });

  it('says when no copy of it counts any more, and what has no end', async () => {
    const [dated] = await fleet(desk, session, { prefix: 'dated', count: 1, filesOf });
    expect((await desk.run('renew', dated!.node.id, '--expires', '30d', '--yes')).code).toBe(0);
    const { stdout } = await mirror();
    expect(stdout).toMatch(/\nwhat has an end is refused from 20\d\d-.* UTC on, .*\n4 config/);
  });

  it('has no contents of what was revoked, and the revocation instead', async () => {
    const [gone] = await fleet(desk, session, { prefix: 'revoked', count: 1, filesOf });
    expect((await mirror()).code).toBe(0);
    const before = fs.readFileSync(fileOf(gone!.node)).length;
    expect((await desk.run('revoke', gone!.node.id, '--yes', '--reason', 'sold')).code).toBe(0);
    expect((await desk.run('forget', gone!.node.id, '--yes')).code).toBe(0);
    expect((await mirror()).stdout).toContain('1 written');
    const after = new Uint8Array(fs.readFileSync(fileOf(gone!.node)));
    const { statement, bundle } = verifyEntry(after, desk.site, gone!.node.id);
    expect([statement.type, bundle, after.length < before]).toEqual(['revoke', undefined, true]);
  });

  it(
    'is whole for a reader at every moment, and for two writers at once',
    { tags: 'long' },
    async () => {
      expect((await mirror()).code).toBe(0);
      ones = await Promise.all(ones.map((one, i) => again(one, `at once ${i}\n`)));
      const command = ['--home', desk.home, 'mirror', target];
      const runs = await Promise.all([startCli(command), startCli(command)]);
      const state = { isOver: false };
      const all = Promise.all(runs.map(({ done }) => done)).finally(() => (state.isOver = true));
      while (!state.isOver) {
        const seen = held();
        for (const { node } of ones) expect(seen[node.id]).toBeGreaterThan(0);
        await new Promise((resolve) => setImmediate(resolve));
      }
      // One that waited too long for the other says so, and has done nothing.
      for (const { code } of await all) expect([0, 4]).toContain(code);
      for (const { node } of ones) {
        expect(fs.readFileSync(fileOf(node))).toEqual(Buffer.from(await inStore(node)));
      }
      const leftovers = [...names(), ...fs.readdirSync(target)].filter((name) =>
        /tmp|lock/.test(name),
      );
      expect(leftovers).toEqual([]);
    },
  );
  it(
    'that was killed anywhere is good, and is finished by the same command',
    { tags: 'long' },
    async () => {
      expect((await mirror()).code).toBe(0);
      const base = held();
      ones = await Promise.all(ones.map((one, i) => again(one, `killed ${i}\n`)));
      const first = join(folder, 'before');
      fs.cpSync(target, first, { recursive: true });
      for (let at = 1; ; at += 3) {
        fs.rmSync(target, { recursive: true });
        fs.cpSync(first, target, { recursive: true });
        const killed = await runCli(['--home', desk.home, 'mirror', target], {
          env: { NODE_OPTIONS: `--import=${killAtCall(at)}` },
        });
        const now = held();
        for (const [node, seq] of Object.entries(base)) {
          expect([seq, seq + 1]).toContain(now[node]);
        }
        if (killed.code === 0) {
          // Opened, given its mode, synced, renamed: each of the four, the state, and the summary.
          expect(at).toBeGreaterThan(24);
          break;
        }
        expect([at, killed.code]).toEqual([at, null]);
        expect(await mirror()).toMatchObject({ code: 0 });
        for (const { node } of ones) {
          expect(fs.readFileSync(fileOf(node))).toEqual(Buffer.from(await inStore(node)));
        }
        expect(names().filter((name) => name.includes('tmp'))).toEqual([]);
      }
    },
  );

  it(
    'that is killed at its beginning is no folder of somebody else',
    { tags: 'long' },
    async () => {
      for (let at = 1; at <= 6; at++) {
        const killed = await runCli(['--home', desk.home, 'mirror', target], {
          env: { NODE_OPTIONS: `--import=${killAtCall(at)}` },
        });
        expect([at, killed.code]).toEqual([at, null]);
        expect(await mirror()).toMatchObject({ code: 0 });
        fs.rmSync(target, { recursive: true });
      }
    },
  );

  itOnSmallDisk(
    '1m',
    'on a full disk keeps what it had, and goes on once there is room',
    async ({ path }) => {
      target = join(path, 'mirror');
      expect((await mirror()).code).toBe(0);
      const before = held();
      ones = await Promise.all(ones.map((one, i) => again(one, `full ${i}\n`)));
      const filler = join(path, 'filler');
      expect(() => fs.writeFileSync(filler, Buffer.alloc(2 ** 20))).toThrow('ENOSPC');
      expect(refusal(await mirror())).toEqual([9, 'disk_full']);
      expect(held()).toEqual(before);
      expect(names().filter((name) => name.includes('tmp'))).toEqual([]);
      fs.rmSync(filler);
      expect(await mirror()).toMatchObject({ code: 0 });
      expect(held()).not.toEqual(before);
    },
  );

  it(
    'may be on a stick with FAT, which refuses modes, beside a key',
    { tags: 'long' },
    async () => {
      fs.mkdirSync(target);
      fs.writeFileSync(join(target, 'coatcheck.key'), 'a key\n');
      const onFat = { env: { NODE_OPTIONS: `--import=${WITHOUT_MODES}` } };
      const run = (): Promise<Run> => runCli(['--home', desk.home, 'mirror', target], onFat);
      expect(await run()).toMatchObject({ code: 0 });
      expect(held()).toHaveProperty([ones[0]!.node.id]);
      ones[0] = await again(ones[0]!, 'stick\n');
      expect((await run()).stdout).toContain('1 written');
      expect(fs.readFileSync(join(target, 'coatcheck.key'), 'utf8')).toBe('a key\n');
    },
  );

  itWith('minio', 'is made of a bucket, too', async () => {
    const bucket = await freshBucket();
    const credentials = join(folder, 's3.json');
    fs.writeFileSync(credentials, JSON.stringify(bucket.credentials), { mode: 0o600 });
    const place = ['--endpoint', bucket.endpoint, '--credentials', credentials];
    const to = ['--to-endpoint', bucket.endpoint, '--to-credentials', credentials];
    const copied = await runCli([
      '--home',
      desk.home,
      'store',
      'copy',
      join(desk.home, 'store'),
      `s3://${bucket.name}`,
      ...to,
    ]);
    expect(copied).toMatchObject({ code: 0 });
    const from = ['--store', `s3://${bucket.name}`, ...place];
    expect(await mirror(...from)).toMatchObject({ code: 0 });
    for (const { node } of ones) {
      expect(fs.readFileSync(fileOf(node))).toEqual(Buffer.from(await inStore(node)));
    }
    expect((await mirror(...from)).stdout).toContain(': 0 written');
  });
});

describe('what is wrong with a store', { tags: 'long' }, () => {
  const older = (): string => {
    const path = join(folder, 'older');
    fs.cpSync(join(desk.home, 'store'), path, { recursive: true });
    return path;
  };

  it('does not reach the mirror: junk is named, and the good copy stays', async () => {
    expect((await mirror()).code).toBe(0);
    const { node } = ones[0]!;
    const good = await inStore(node);
    await desk.store.delete(approvedKey(node.id));
    await desk.store.create(approvedKey(node.id), new Uint8Array([1, 2, 3]));
    const { code, stderr } = await mirror();
    expect([code, stderr]).toEqual([
      3,
      expect.stringContaining(`${approvedKey(node.id)} does not`),
    ]);
    expect(fs.readFileSync(fileOf(node))).toEqual(Buffer.from(good));
    await desk.store.delete(approvedKey(node.id));
    await desk.store.create(approvedKey(node.id), good);
    expect((await mirror()).code).toBe(0);
  });

  it('is that it is an older copy: nothing goes back, and nothing is taken away unless told to', async () => {
    const path = older();
    const [late] = await fleet(desk, session, { prefix: 'late', count: 1, filesOf });
    ones[1] = await again(ones[1]!, 'after the backup\n');
    expect((await mirror()).code).toBe(0);
    const before = held();
    const { code, stderr } = await mirror('--store', path);
    expect([code, held()]).toEqual([3, before]);
    expect(stderr).toContain(`${ones[1].node.id}: the mirror has a newer decision`);
    expect(stderr).toContain(`${late!.node.id}: only the mirror has it`);
    const pruned = await mirror('--store', path, '--prune');
    expect([pruned.code, pruned.stdout]).toEqual([3, expect.stringContaining('1 removed')]);
    const { [late!.node.id]: _, ...rest } = before;
    expect(held()).toEqual(rest);
    expect((await mirror()).code).toBe(0);
    expect(held()).toEqual(before);
  });

  it('is that it is not there', async () => {
    expect((await mirror()).code).toBe(0);
    const before = held();
    expect(refusal(await mirror('--store', join(folder, 'nowhere')))[0]).toBe(7);
    expect(held()).toEqual(before);
  });
});

describe('a folder', { tags: 'long' }, () => {
  it('whose approved/ is another program’s is refused, and left as it is', async () => {
    fs.mkdirSync(join(target, 'approved'), { recursive: true });
    fs.writeFileSync(fileOf(ones[0]!.node), 'of aws s3 sync');
    expect(refusal(await mirror())).toEqual([4, 'already_exists']);
    expect(fs.readFileSync(fileOf(ones[0]!.node), 'utf8')).toBe('of aws s3 sync');
  });

  it('that is a mirror of another site is refused', async () => {
    expect((await mirror()).code).toBe(0);
    const state = join(target, '.coatcheck-mirror');
    const id = Buffer.from(desk.site.id).toString('hex');
    fs.writeFileSync(state, fs.readFileSync(state, 'utf8').replace(id, '0'.repeat(32)));
    expect(refusal(await mirror())).toEqual([4, 'already_exists']);
  });

  it.each([
    ['the keys', () => desk.home],
    ['the store', () => join(desk.home, 'store')],
    ['both', () => join(desk.home, '..')],
    ['no folder', () => 'https://mirror.example.com/coatcheck'],
  ])('that has %s in it, and would be served, is refused', async (_, place) => {
    const before = fs.readdirSync(desk.home);
    target = place();
    expect(refusal(await mirror())).toEqual([2, 'usage']);
    expect(fs.readdirSync(desk.home)).toEqual(before);
  });
});

describeWith('proxies', 'a machine without a server', () => {
  let nginx: Nginx;
  let web: string;
  /** As somebody has set it up for pages: types, compression, and a page of its own for what is not there. */
  beforeAll(async () => {
    web = fs.mkdtempSync(join(tmpdir(), 'coatcheck-web-'));
    fs.chmodSync(web, 0o755);
    fs.writeFileSync(join(web, 'index.html'), '<html>Welcome</html>');
    nginx = await startNginx(`
      root ${web}; default_type text/html; charset utf-8;
      gzip on; gzip_types *; gzip_min_length 1; gzip_static on; gunzip on;
      location /pages/ { alias ${web}/; try_files $uri /index.html; }`);
  });
  afterAll(async () => {
    await nginx.close();
    fs.rmSync(web, { recursive: true });
  });

  const boot = (machine: Machine, ...mirrors: string[]): Promise<Run> =>
    bootBy([process.execPath, agentProgram()], machine, mirrors);
  async function bootBy(
    program: readonly string[],
    machine: Machine,
    mirrors: readonly string[],
  ): Promise<Run> {
    const line = mirrors.map((path) => `coatcheck.mirror=${nginx.url}/${path}`).join(' ');
    machine.write('usr/lib/systemd/system/systemd-networkd.service', '[Service]\n');
    machine.write('cmdline', `stateless ip=dhcp coatcheck.server=http://127.0.0.1:1 ${line}\n`);
    const args = ['--root', machine.root, 'start', '--command-line', machine.path('cmdline')];
    const { child, done } = machine.start(program, [...args, '--no-network']);
    let said = '';
    child.stderr!.on('data', (text: string) => {
      said += text;
      if (said.includes('waiting since')) child.kill('SIGKILL');
    });
    return done;
  }

  it('boots by a mirror, which a plain web server serves, and by no other page of that', async () => {
    const machine = makeMachine(desk.site);
    const one: One = { node: machine.identity, name: 'booted' };
    const first = await again(one, 'first\n');
    target = join(web, 'copies');
    expect((await mirror()).code).toBe(0);
    // What a web server would send of it where a client says that it takes gzip.
    execFileSync('gzip', ['--keep', fileOf(machine.identity)]);
    const { code, stdout, stderr } = await boot(machine, 'pages', 'copies');
    expect(stderr).toContain(`the mirror ${nginx.url}/pages/${approvedKey(machine.identity.id)}: `);
    expect([code, stdout, machine.read('etc/motd')]).toEqual([
      0,
      expect.stringContaining('applied decision 1'),
      'first\n',
    ]);

    // A newer decision, which reached it by its server, and the mirror is behind.
    await again(first, 'second\n');
    const direct = await machine.run('--server', desk.url, 'boot', '--once');
    expect([direct.code, machine.read('etc/motd')]).toEqual([0, 'second\n']);
    const behind = await boot(machine, 'copies');
    expect([behind.code, behind.stderr]).toEqual([
      null,
      expect.stringMatching(/decision 1 is older than decision 2, which .*\[rollback_refused\]/),
    ]);
    expect(machine.read('etc/motd')).toBe('second\n');
    expect((await mirror()).code).toBe(0);
    expect(await boot(machine, 'copies')).toMatchObject({ code: 0 });

    machine.remove();
  });

  itWith('faketime', 'takes no copy of what has ended, although it remembers nothing', async () => {
    const machine = makeMachine(desk.site);
    await waits(desk, { node: machine.identity, name: 'ended' }, filesOf('ended'));
    const expires = ['--expires', '1h', '--yes'];
    expect((await desk.run('approve', machine.identity.id, ...expires)).code).toBe(0);
    target = join(web, 'ended');
    expect((await mirror()).code).toBe(0);
    // Its own clock only: nothing here sets one.
    // Not through faketime(1), which is another process than the one that is killed.
    const said = execFileSync('faketime', ['-f', '+2h', 'env'], { encoding: 'utf8' });
    const preload = /^LD_PRELOAD=.*$/m.exec(said)![0];
    const later = ['env', preload, 'FAKETIME=+2h', 'FAKETIME_DONT_FAKE_MONOTONIC=1'];
    const program = [...later, process.execPath, agentProgram()];
    const ended = await bootBy(program, machine, ['ended']);
    expect([ended.code, ended.stderr]).toEqual([
      null,
      expect.stringMatching(/ended .*\[expired\]/),
    ]);
    expect(machine.tree()['etc/motd']).toBeUndefined();
    expect(await boot(machine, 'ended')).toMatchObject({ code: 0 });
    machine.remove();
  });
});

/** A module with the modes of Linux's vfat: chmod(2) to any other than the mount's is EPERM. */
const WITHOUT_MODES = `data:text/javascript,${encodeURIComponent(`
  import promises from 'node:fs/promises';
  import { syncBuiltinESMExports } from 'node:module';
  const refuse = async () => {
    throw Object.assign(new Error('EPERM: operation not permitted, chmod'), { code: 'EPERM' });
  };
  promises.chmod = refuse;
  const { open } = promises;
  promises.open = async (...args) => Object.assign(await open(...args), { chmod: refuse });
  syncBuiltinESMExports();
`)}`;

/** A module that ends the process by SIGKILL before its n-th call that changes what a mirror holds. */
function killAtCall(n: number): string {
  return `data:text/javascript,${encodeURIComponent(`
    import promises from 'node:fs/promises';
    import { syncBuiltinESMExports } from 'node:module';
    let calls = 0;
    const due = () => {
      if (++calls === ${n}) process.kill(process.pid, 'SIGKILL');
    };
    const wrap = (object, name) => {
      const real = object[name];
      object[name] = function (...args) {
        due();
        return real.apply(this, args);
      };
    };
    for (const name of ['rename', 'mkdir']) wrap(promises, name);
    const { open } = promises;
    promises.open = async (path, flags, ...rest) => {
      if (flags !== 'wx') return open(path, flags, ...rest);
      due();
      const file = await open(path, flags, ...rest);
      for (const name of ['writeFile', 'chmod', 'sync']) wrap(file, name);
      return file;
    };
    syncBuiltinESMExports();
  `)}`;
}
