// @module-tag long
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deriveIdentity, ZERO_DIGEST } from '../../bundle/index.ts';
import type { Statement } from '../../bundle/index.ts';
import { keptAt } from '../../cli/keeper/ask.ts';
import { encodeFrame } from '../../cli/keeper/frames.ts';
import { keep } from '../../cli/keeper/keep.ts';
import type { Keeper, Keeping } from '../../cli/keeper/keep.ts';
import { EXIT } from '../../protocol/errors.ts';
import { cliProgram, openDesk, refusal, runCli, startCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { itWith } from '../support/components.ts';
import type { Run } from '../support/run.ts';
import { makeNode } from '../support/site.ts';
import { mountSmallExt4 } from '../support/small-disk.ts';
import { openScreen } from '../support/tmux.ts';

const PASSPHRASE = 'a good long one of theirs';
/** Short: the path of a socket has little room. */
const folder = fs.mkdtempSync(join(tmpdir(), 'unlock-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

describe('a key that is unlocked', () => {
  let desk: Desk;
  let runtime: string;
  beforeAll(async () => {
    desk = await openDesk();
    runtime = join(folder, 'run');
    fs.mkdirSync(runtime, { mode: 0o700 });
    fs.writeFileSync(join(folder, 'new'), PASSPHRASE, { mode: 0o600 });
    await desk.json('key', 'passphrase', '--new-passphrase-file', join(folder, 'new'));
  });
  afterAll(() => desk.close());
  afterEach(() => run({}, 'lock'));

  const run = (env: Record<string, string>, ...args: string[]): Promise<Run> =>
    runCli(['--home', desk.home, '--server', desk.url, ...args], {
      env: { XDG_RUNTIME_DIR: runtime, ...env },
    });
  const unlock = (...args: string[]): Promise<Run> =>
    run({ COATCHECK_PASSPHRASE: PASSPHRASE }, 'unlock', ...args);
  const sockets = (): string[] => fs.readdirSync(join(runtime, 'coatcheck'));
  const status = async (): Promise<{ pid: number; until: number; asks: boolean }> =>
    JSON.parse((await run({}, '--json', 'unlock', '--status')).stdout) as {
      pid: number;
      until: number;
      asks: boolean;
    };

  it('approves without its passphrase, and the command says so; locked it does no more', async () => {
    const node = makeNode('unlocked');
    await desk.propose(node, {});
    expect(refusal(await run({}, 'pending'))).toEqual([EXIT.usage, 'usage']);
    const { code, stdout } = await unlock('--for', '8h');
    expect([code, stdout]).toEqual([0, expect.stringContaining('unlocked until ')]);
    const approved = await run({}, 'approve', node.id, '--yes');
    expect(approved.code).toBe(0);
    expect(approved.stderr).toContain('with the key that is unlocked until ');
    expect((await run({}, 'status')).stdout).toContain('in-force');
    const { until, asks } = await status();
    expect([until > Date.now() / 1000 + 7 * 3600, asks]).toEqual([true, false]);
    expect((await run({}, 'lock')).stdout).toBe('locked\n');
    expect((await run({}, 'lock')).stdout).toBe('the key was locked\n');
    expect(refusal(await run({}, 'unlock', '--status'))).toEqual([EXIT.notFound, 'not_found']);
    expect(refusal(await run({}, 'pending'))).toEqual([EXIT.usage, 'usage']);
    expect(sockets()).toEqual([]);
  });

  it('revokes nothing and makes no keyset by itself: for that the passphrase is wanted', async () => {
    const node = makeNode('to be revoked');
    await desk.propose(node, {});
    await unlock();
    expect((await run({}, 'approve', node.id, '--yes')).code).toBe(0);
    const revoke = ['revoke', node.id, '--reason', 'gone', '--yes'];
    const refused = await run({}, ...revoke);
    expect(refused.code).toBe(EXIT.usage);
    expect(refused.stderr).toContain('its passphrase, for this command');
    expect((await run({ COATCHECK_PASSPHRASE: PASSPHRASE }, ...revoke)).code).toBe(0);
  });

  it('is a socket for its user alone', async () => {
    await unlock();
    expect(fs.statSync(join(runtime, 'coatcheck')).mode & 0o777).toBe(0o700);
    const [name] = sockets();
    const stat = fs.statSync(join(runtime, 'coatcheck', name!));
    expect([sockets().length, stat.mode & 0o777, stat.isSocket()]).toEqual([1, 0o600, true]);
  });

  it('has no core dump, no environment and no argument that tells of it', async () => {
    await unlock();
    const { pid } = await status();
    expect(fs.readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/core file size +0 +0/);
    expect(fs.readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain(PASSPHRASE);
    expect(fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/coatcheck-keeper\.mjs\0$/);
  });

  it('is unlocked once: of two at once one says that it is already', async () => {
    const runs = await Promise.all([unlock(), unlock()]);
    expect(runs.map(({ code }) => code).sort()).toEqual([0, EXIT.conflict]);
    expect(refusal(await unlock())).toEqual([EXIT.conflict, 'in_use']);
    expect(sockets()).toHaveLength(1);
  });

  it('killed leaves a socket that stops nobody', async () => {
    await unlock();
    const { pid } = await status();
    process.kill(pid, 'SIGKILL');
    while (fs.existsSync(`/proc/${pid}`) && !isZombie(pid)) await pause();
    expect(sockets()).toHaveLength(1);
    expect(refusal(await run({}, 'unlock', '--status'))).toEqual([EXIT.notFound, 'not_found']);
    expect(refusal(await run({}, 'pending'))).toEqual([EXIT.usage, 'usage']);
    expect((await unlock()).code).toBe(0);
    process.kill((await status()).pid, 'SIGTERM');
    while (sockets().length > 0) await pause();
  });

  it('ends by itself', async () => {
    expect((await unlock('--for', '1s')).code).toBe(0);
    while (sockets().length > 0) await pause();
    for (const time of ['0m', '25h', '1d', 'x', '1.5h']) {
      expect([time, ...refusal(await unlock('--for', time))]).toEqual([time, EXIT.usage, 'usage']);
    }
  });

  it('is beside the key where the system has no place for it, or an unsafe one', async () => {
    for (const [env, mode] of [[{ XDG_RUNTIME_DIR: '' }], [{}, 0o755]] as const) {
      fs.chmodSync(runtime, mode ?? 0o700);
      const passphrase = { ...env, COATCHECK_PASSPHRASE: PASSPHRASE };
      expect((await run(passphrase, 'unlock')).code).toBe(0);
      expect(fs.readdirSync(join(desk.home, 'unlocked'))).toHaveLength(1);
      expect((await run(env, 'pending')).code).toBe(0);
      expect((await run(env, 'lock')).stdout).toBe('locked\n');
    }
    fs.chmodSync(runtime, 0o700);
    fs.chmodSync(join(desk.home, 'unlocked'), 0o755);
    const none = { XDG_RUNTIME_DIR: '', COATCHECK_PASSPHRASE: PASSPHRASE };
    expect(refusal(await run(none, 'unlock'))).toEqual([EXIT.usage, 'file_unsafe']);
    const warned = await run(none, 'pending');
    expect([warned.code, warned.stderr]).toEqual([0, expect.stringContaining('is not used: ')]);
  });

  it('has no place below a folder with a long name, and only unlock says so', async () => {
    const long = join(folder, 'x'.repeat(100));
    fs.cpSync(desk.home, long, { recursive: true, filter: (path) => !/store|unlocked/.test(path) });
    const env = { XDG_RUNTIME_DIR: '', COATCHECK_PASSPHRASE: PASSPHRASE };
    const at = (...args: string[]): Promise<Run> =>
      runCli(['--home', long, '--server', desk.url, ...args], { env });
    expect(refusal(await at('unlock'))).toEqual([EXIT.usage, 'usage']);
    expect((await at('pending')).stderr).not.toContain('warning');
  });

  itWith('terminal', 'asks at its own terminal, with --here', async () => {
    const nodes = ['one', 'two'].map((name) => makeNode(`asked ${name}`));
    for (const node of nodes) await desk.propose(node, {});
    const env = ['env', `XDG_RUNTIME_DIR=${runtime}`, `COATCHECK_PASSPHRASE=${PASSPHRASE}`];
    const command = [process.execPath, cliProgram(), '--home', desk.home, 'unlock', '--here'];
    const screen = await openScreen([...env, 'TERM=xterm', ...command], {
      rows: 40,
      term: 'xterm',
    });
    try {
      await screen.until('Ctrl-C locks it');
      const ids = nodes.map(({ id }) => id);
      for (const id of ids) expect((await run({}, 'approve', id, '--yes')).code).toBe(0);
      await screen.until('signed approve');
      for (const [key, exit] of [
        ['n', EXIT.declined],
        ['y', 0],
      ] as const) {
        const args = ['revoke', ...ids, '--reason', 'x', '--yes', '--expect', '2'];
        const { done } = await startCli(['--home', desk.home, '--server', desk.url, ...args], {
          env: { XDG_RUNTIME_DIR: runtime },
        });
        await screen.until('Revoke 2 nodes: ');
        await new Promise((resolve) => setTimeout(resolve, 500));
        screen.type(key);
        expect((await done).code).toBe(exit);
      }
      screen.type('\x03');
      await screen.until('locked\n');
    } finally {
      screen.close();
    }
  });
});

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
const isZombie = (pid: number): boolean =>
  /^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));

describe('who asks it', () => {
  const identity = deriveIdentity(new Uint8Array(32).fill(7));
  const site = new Uint8Array(16).fill(3);
  const node = makeNode('asked about');
  let keeper: Keeper;
  let keeping: Keeping;
  let number = 0;
  afterEach(() => keeper.lock());
  const start = async (more: Partial<Keeping> = {}): Promise<string> => {
    const at = join(folder, String(number++));
    const until = Math.floor(Date.now() / 1000) + 60;
    keeping = { identity, site, place: { folder: at, path: join(at, 's') }, until, ...more };
    keeper = await keep(keeping);
    return keeping.place.path;
  };
  const connected = (path: string): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = createConnection(path, () => {
        resolve(socket);
      }).on('error', reject);
    });
  /** Until it is closed. */
  const heard = (socket: Socket): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString('latin1')));
      socket
        .on('error', () => undefined)
        .on('close', () => {
          resolve(text);
        });
    });
  const statement = (more: Partial<Statement> = {}): Statement => ({
    ...{
      type: 'approve',
      keysetVersion: 1,
      site,
      node: node.id,
      digest: new Uint8Array(32).fill(1),
    },
    ...{ prev: ZERO_DIGEST, seq: 1, issued: Math.floor(Date.now() / 1000), reason: '', ...more },
  });

  it.each([
    ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['no JSON', Buffer.from([0, 0, 0, 2, 0x7b, 0x7b])],
    ['the length of a gigabyte', Buffer.from([0x40, 0, 0, 0])],
  ])('is closed on for %s, and the others are answered', async (_, bytes) => {
    const path = await start();
    const socket = await connected(path);
    socket.write(bytes);
    expect(await heard(socket)).toContain('bad_request');
    const kept = await keptAt(path);
    expect(kept?.hello.pid).toBe(process.pid);
    kept?.close();
  });

  it('is closed on for a gigabyte, of which little is read', async () => {
    const path = await start();
    const socket = await connected(path);
    const closed = heard(socket);
    const megabyte = Buffer.alloc(1024 * 1024, 'x');
    let sent = 0;
    while (!socket.destroyed && sent < 1024) {
      sent++;
      await new Promise<void>((resolve) => {
        if (socket.write(megabyte)) resolve();
        else
          socket.once('drain', resolve).once('close', () => {
            resolve();
          });
      });
    }
    await closed;
    expect(sent).toBeLessThan(16);
  });

  it('is closed on for half a message', async () => {
    const socket = await connected(await start());
    socket.write(Buffer.from([0, 0, 0, 9, 0x7b]));
    expect(await heard(socket)).toMatch(/bad_request|^.{4}\{"prove":"[0-9a-f]+"\}$/s);
  });

  it('is refused who makes no file there, and what none of its calls is', async () => {
    const path = await start();
    const stranger = await connected(path);
    stranger.write(encodeFrame({ proved: true }));
    stranger.write(encodeFrame({ call: 'hello' }));
    const said = await heard(stranger);
    expect(said).toContain('not_an_admin');
    expect(said).not.toContain('signKey');
    expect(fs.readdirSync(keeping.place.folder)).toEqual(['s']);
  });

  it('has what it is asked for signed as it reads it, of its site and of these days alone', async () => {
    const path = await start();
    const { ports, close } = (await keptAt(path))!;
    const { sign, open } = ports;
    const signed = await sign.statement(statement(), 0);
    expect(signed.statement).toEqual(statement());
    const other = new Uint8Array(16).fill(4);
    await expect(sign.statement(statement({ site: other }), 0)).rejects.toMatchObject({
      code: 'wrong_site',
    });
    await expect(sign.statement(statement({ issued: 1 }), 0)).rejects.toMatchObject({
      code: 'bad_time',
    });
    await expect(sign.statement(statement({ seq: 0 }), 0)).rejects.toMatchObject({
      code: 'bad_sequence',
    });
    await expect(
      sign.statement(statement({ type: 'revoke', digest: ZERO_DIGEST }), 0),
    ).rejects.toMatchObject({ code: 'declined' });
    const issued = Math.floor(Date.now() / 1000);
    const read = {
      site,
      keyset: new Uint8Array(32).fill(1),
      signKey: node.signKey,
      name: 'nagios',
    };
    await expect(
      sign.capability({ ...read, issued, expires: issued + 60 }, 0),
    ).rejects.toMatchObject({ code: 'declined' });
    const url = { host: 'x', pathname: '/v1/site', search: '' };
    const request = { method: 'GET', url, site, created: Math.floor(Date.now() / 1000) };
    expect(Object.keys(await sign.request(request))).toContain('signature');
    await expect(sign.request({ ...request, site: other })).rejects.toMatchObject({
      code: 'wrong_site',
    });
    await expect(sign.request({ ...request, created: 1 })).rejects.toMatchObject({
      code: 'bad_time',
    });
    const sealed = { bytes: new Uint8Array(64) };
    await expect(open.bundle(sealed as never)).rejects.toMatchObject({ code: 'bad_magic' });
    await expect(open.report(sealed as never)).rejects.toMatchObject({ code: 'bad_magic' });
    const node2 = { signKey: node.signKey, boxKey: node.boxKey };
    const manifest = { node: node2, base: ZERO_DIGEST, metadata: {}, files: [] };
    expect(await sign.bundle(manifest as never, [node.boxKey, identity.boxKey])).toBeInstanceOf(
      Uint8Array,
    );
    close();
  });

  it('is told that it was locked, in the middle', async () => {
    const path = await start();
    const { ports } = (await keptAt(path))!;
    keeper.lock();
    await expect(ports.sign.statement(statement(), 0)).rejects.toMatchObject({
      code: 'step_failed',
    });
    expect(await keptAt(path)).toBeUndefined();
  });

  it('is asked about a batch once, and refused what a person refuses', async () => {
    const questions: string[] = [];
    const path = await start({
      ask: async (question) => {
        questions.push(question);
        if (questions.length > 1) throw new Error('no');
      },
    });
    const { ports, close } = (await keptAt(path))!;
    const revoke = statement({ type: 'revoke', digest: ZERO_DIGEST });
    await ports.sign.announce!({ statements: [revoke] });
    await ports.sign.statement(revoke, 0);
    await ports.sign.statement({ ...revoke, seq: 2 }, 0);
    expect(questions).toEqual([`Revoke 1 node: ${node.id}?`]);
    const another = { ...revoke, node: makeNode('another').id };
    await expect(ports.sign.statement(another, 0)).rejects.toThrow();
    expect(questions).toHaveLength(2);
    close();
  });

  it('needs room for a name, and says so', async (context) => {
    const disk = mountSmallExt4(32);
    if ('missing' in disk) {
      context.skip(disk.missing);
      return;
    }
    try {
      await start();
      for (let i = 0; ; i++) {
        try {
          fs.writeFileSync(join(disk.path, `${i}`), '');
        } catch {
          break;
        }
      }
      const place = { folder: join(disk.path, 'x'), path: join(disk.path, 'x', 's') };
      await expect(keep({ ...keeping, place })).rejects.toMatchObject({ code: 'disk_full' });
      fs.rmSync(join(disk.path, '0'));
      await expect(keep({ ...keeping, place })).rejects.toMatchObject({ code: 'disk_full' });
      expect(fs.readdirSync(place.folder)).toEqual([]);
    } finally {
      disk.unmount();
    }
  });

  it('is not another user', async (context) => {
    if (process.getuid?.() !== 0) context.skip('only root becomes another user');
    const path = await start();
    const nobody = (script: string): Promise<string> =>
      new Promise((resolve) => {
        const child = spawn('setpriv', [
          ...['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', script],
        ]);
        let text = '';
        child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
        child.on('close', () => {
          resolve(text);
        });
      });
    const asking = `const s = require('net').connect(${JSON.stringify(path)});
      s.on('error', (e) => console.log(e.code)); s.on('data', () => {});
      s.on('connect', () => console.log('connected')); s.on('close', () => process.exit());
      s.write(Buffer.from('${encodeFrame({ proved: true }).toString('hex')}', 'hex'));`;
    expect(await nobody(asking)).toBe('EACCES\n');
    // Even where the modes are wrong, what it makes there is not ours.
    fs.chmodSync(folder, 0o755);
    fs.chmodSync(keeping.place.folder, 0o755);
    fs.chmodSync(path, 0o666);
    const told = await nobody(asking.replace('() => {}', '(d) => console.log(d.toString())'));
    expect(told).toContain('connected');
    expect(told).toContain('not_an_admin');
    fs.chmodSync(folder, 0o700);
  });
});
