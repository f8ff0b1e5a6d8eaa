import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../protocol/errors.ts';
import { cliProgram, openDesk, refusal, runCli, startCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeNode } from '../support/site.ts';
import { itOnSmallDisk } from '../support/small-disk.ts';

const NODE = 'a'.repeat(32);
const DIGEST = 'a'.repeat(64);

/** Every command that asks a server. */
const ONLINE: readonly string[][] = [
  ['pending'],
  ['list'],
  ['show', NODE],
  ['diff', NODE],
  ['approve', NODE, '--yes'],
  ['reject', NODE, DIGEST, '--reason', 'x', '--yes'],
  ['history', NODE],
  ['rollback', NODE, '1', '--yes'],
  ['reconfigure', NODE, '--yes'],
  ['revoke', NODE, '--reason', 'x', '--yes'],
  ['repair'],
];
/** And those that need the site only. */
const LOCAL: readonly string[][] = [['serve', '--port', '0'], ['doctor']];

let desk: Desk;
let folder: string;
beforeAll(async () => {
  folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-bad-'));
  desk = await openDesk();
});
afterAll(async () => {
  await desk.close();
  fs.rmSync(folder, { recursive: true });
});

const names = (commands: readonly string[][]) => commands.map((args) => [args[0]!, args] as const);

describe('without a site', () => {
  it.each(names([...ONLINE, ...LOCAL]))(
    '%s says that there is none',
    { tags: 'long' },
    async (_, args) => {
      const home = join(folder, 'nothing');
      expect(refusal(await runCli(['--home', home, ...args]))).toEqual([
        EXIT.usage,
        'file_missing',
      ]);
      expect(fs.existsSync(home)).toBe(false);
    },
  );

  it('a site file that an editor marked as UTF-8 is one, and UTF-16 is named', async () => {
    const home = fs.mkdtempSync(join(folder, 'marked-'));
    const text = fs.readFileSync(join(desk.home, 'site.json'), 'utf8');
    const key = fs.readFileSync(join(desk.home, 'admin.key'), 'utf8');
    const pending = () => runCli(['--home', home, '--server', desk.url, 'pending']);
    fs.writeFileSync(join(home, 'site.json'), `\uFEFF${text}`);
    fs.writeFileSync(join(home, 'admin.key'), `\uFEFF${key}`, { mode: 0o600 });
    expect((await pending()).code).toBe(0);
    fs.writeFileSync(join(home, 'site.json'), `\uFEFF${text}`, 'utf16le');
    const run = await pending();
    expect(refusal(run)).toEqual([EXIT.usage, 'file_malformed']);
    expect(run.stderr).toContain('UTF-16');
  });

  it('a site file that is none is refused', async () => {
    const home = fs.mkdtempSync(join(folder, 'broken-'));
    for (const text of ['', '{', '{"coatcheck":"site/1"}', '\xff']) {
      fs.writeFileSync(join(home, 'site.json'), text, 'latin1');
      const run = await runCli(['--home', home, 'pending']);
      expect(refusal(run)).toEqual([EXIT.usage, 'file_malformed']);
      expect(run.stderr).toContain(join(home, 'site.json'));
    }
  });
});

describe('the admin key', () => {
  const copy = (): string => {
    const home = fs.mkdtempSync(join(folder, 'home-'));
    for (const name of ['site.json', 'admin.key']) {
      fs.copyFileSync(join(desk.home, name), join(home, name));
      fs.chmodSync(join(home, name), 0o600);
    }
    return home;
  };
  const pending = (home: string, env: Record<string, string> = {}) =>
    runCli(['--home', home, '--server', desk.url, 'pending'], { env });

  it('must be there', async () => {
    const home = copy();
    fs.rmSync(join(home, 'admin.key'));
    expect(refusal(await pending(home))).toEqual([EXIT.usage, 'file_missing']);
  });
  it('must be readable by its owner only', async () => {
    const home = copy();
    fs.chmodSync(join(home, 'admin.key'), 0o644);
    expect(refusal(await pending(home))).toEqual([EXIT.usage, 'file_unsafe']);
  });
  it('must be whole', async () => {
    const home = copy();
    fs.truncateSync(join(home, 'admin.key'), 40);
    expect(refusal(await pending(home))).toEqual([EXIT.usage, 'file_malformed']);
  });
  it('must be of this site', async () => {
    const home = copy();
    const other = join(folder, 'other-site');
    await runCli(['--home', other, 'init', '--no-passphrase']);
    fs.copyFileSync(join(other, 'admin.key'), join(home, 'admin.key'));
    expect(refusal(await pending(home))).toEqual([EXIT.denied, 'not_an_admin']);
    expect(refusal(await pending(other))).toEqual([EXIT.denied, 'wrong_site']);
  });
  it('opens with its passphrase only', async () => {
    const home = join(folder, 'sealed');
    const right = { COATCHECK_PASSPHRASE: 'the right one' };
    await runCli(['--home', home, 'init'], { env: right });
    const wrong = await pending(home, { COATCHECK_PASSPHRASE: 'wrong' });
    expect(refusal(wrong)).toEqual([EXIT.denied, 'wrong_passphrase']);
    expect(wrong.stderr).toContain(join(home, 'admin.key'));
    expect(refusal(await pending(home, { COATCHECK_PASSPHRASE: '' }))[1]).toBe('weak_secret');
    expect(refusal(await pending(home))).toEqual([EXIT.usage, 'usage']);
    // Opened, it meets the next obstacle.
    expect(refusal(await pending(home, right))).toEqual([EXIT.denied, 'wrong_site']);
  });
});

async function serving(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; close: () => void }> {
  const server: Server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

describe('a server that is none', { tags: 'long' }, () => {
  it.each(names(ONLINE))('%s says that nothing answers', async (_, args) => {
    const { url, close } = await serving(() => undefined);
    close();
    const run = await runCli(['--home', desk.home, '--server', url, ...args]);
    expect(refusal(run)).toEqual([EXIT.unavailable, 'server_unreachable']);
  });

  it.each<[string, number, string]>([
    ['a page with status 200', 200, '<!doctype html><title>Welcome</title>'],
    ['an error page', 404, '<html>Not here</html>'],
    ['nothing', 200, ''],
    ['other JSON', 200, '{"hello":"world"}'],
    ['an unknown error', 400, '{"error":{"code":"teapot","message":"\\u001b[2J","details":{}}}'],
  ])('%s is called garbage', async (_, status, body) => {
    const { url, close } = await serving((request, response) => {
      request.resume();
      response.writeHead(status, { 'content-type': 'text/html' }).end(body);
    });
    try {
      for (const args of [['pending'], ['--json', 'list']]) {
        const run = await runCli(['--home', desk.home, '--server', url, ...args]);
        expect(run.code).toBe(EXIT.unavailable);
        expect(run.stderr).toContain('server_garbage');
        expect(run.stdout).toBe('');
      }
    } finally {
      close();
    }
  });

  /** Answers as the site's own server would, but for what `admin` makes of its other routes. */
  const lying = (admin: (request: IncomingMessage) => unknown) =>
    serving((request, response) => {
      request.resume();
      const { site, keyset } = JSON.parse(
        fs.readFileSync(join(desk.home, 'site.json'), 'utf8'),
      ) as Record<string, string>;
      const about = { site, name: '', approval: 'required', maxBundleBytes: 1, chain: keyset };
      const answer = request.url === '/v1/site' ? { ...about, now: 1 } : admin(request);
      response.end(JSON.stringify(answer));
    });

  it('cannot drive the terminal by what it says that it repaired', async () => {
    const { url, close } = await lying(() => ({
      published: true,
      junk: [{ slot: 1, code: '\u001b[2J' }],
      cleaned: ['\u202e\nx'],
      written: [],
    }));
    const run = await runCli(['--home', desk.home, '--server', url, 'repair', NODE]);
    close();
    expect(run.stdout).toMatch(/^[\x20-\x7e]+\n$/);
    expect(run.stdout).toContain('<U+202E><U+000A>x');
  });

  it.each<[string, unknown]>([
    [
      'a time that no calendar has',
      { objects: [{ key: `pending/${NODE}/${DIGEST}`, size: 1, modified: 1e15 }] },
    ],
    ['a listing without an end', { objects: [], next: 'pending/a' }],
  ])('%s is called garbage', async (_, answer) => {
    const { url, close } = await lying(() => answer);
    const run = await runCli(['--home', desk.home, '--server', url, 'pending']);
    close();
    expect(refusal(run)).toEqual([EXIT.unavailable, 'server_garbage']);
  });

  it.each(['not a url', 'ftp://127.0.0.1', 'http://127.0.0.1/path?query', 'http://u:p@127.0.0.1'])(
    '%s is no address of a server',
    async (server) => {
      const run = await runCli(['--home', desk.home, '--server', server, 'pending']);
      expect(refusal(run)).toEqual([EXIT.usage, 'usage']);
    },
  );
});

describe('arguments', () => {
  it.each<[string, string[], number, string]>([
    ['an unknown command', ['frobnicate'], EXIT.usage, 'usage'],
    ['an unknown option', ['pending', '--frobnicate'], EXIT.usage, 'usage'],
    ['a missing argument', ['approve'], EXIT.usage, 'usage'],
    ['one argument too many', ['pending', 'x'], EXIT.usage, 'usage'],
    ['a node id with another alphabet', ['history', '../../etc'], EXIT.notFound, 'not_found'],
    [
      'an expiry in the past',
      ['approve', NODE, '--expires', '2001-01-01'],
      EXIT.notFound,
      'not_found',
    ],
    ['--rebase and --anyway', ['approve', NODE, '--rebase', '--anyway'], EXIT.usage, 'usage'],
    ['a port that is none', ['serve', '--port', '99999'], EXIT.usage, 'usage'],
    ['a bucket without credentials', ['serve', '--store', 's3://bucket'], EXIT.usage, 'usage'],
    [
      'credentials that are not there',
      ['doctor', '--store', 's3://bucket', '--credentials', '/nowhere'],
      EXIT.usage,
      'file_missing',
    ],
    [
      'a store that is not there',
      ['doctor', '--store', '/nowhere'],
      EXIT.unavailable,
      'no_such_bucket',
    ],
  ])('%s', async (_, args, exit, code) => {
    expect(refusal(await desk.run(...args))).toEqual([exit, code]);
  });

  it('without a command it says how it is used', async () => {
    const run = await runCli([]);
    expect(run.code).toBe(EXIT.usage);
    expect(run.stderr).toContain('Usage: coatcheck');
  });

  it('--help and --version succeed', async () => {
    expect((await runCli(['--help'])).code).toBe(0);
    expect((await runCli(['approve', '--help'])).stdout).toContain('--rebase');
    expect((await runCli(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('a server may be named with a slash behind it', async () => {
    const run = await runCli(['--home', desk.home, '--server', `${desk.url}/`, 'pending']);
    expect(run.code).toBe(0);
  });

  it('an error with --json is a document on stderr', async () => {
    const run = await desk.run('--json', 'history', 'zzz');
    expect(run.stdout).toBe('');
    expect(JSON.parse(run.stderr)).toMatchObject({ error: { code: 'not_found' } });
    const nothing = await runCli(['--json', 'bundle']);
    expect(JSON.parse(nothing.stderr)).toMatchObject({ error: { code: 'usage' } });
  });
});

describe('full disks and closed pipes', () => {
  const fullDevice = fs.existsSync('/dev/full');

  it.runIf(fullDevice)('a result that cannot be written is an error', async () => {
    const run = await runCli(['--home', desk.home, '--server', desk.url, '--json', 'list'], {
      stdout: '/dev/full',
    });
    expect(run.code).toBe(EXIT.failed);
    expect(JSON.parse(run.stderr)).toMatchObject({ error: { code: 'disk_full' } });
  });

  it('a reader that has seen enough is none', async () => {
    const { child, done } = await startCli(['--help']);
    child.stdout!.destroy();
    expect((await done).code).toBe(0);
  });

  itOnSmallDisk('16k', 'a memory that cannot be written leaves the old one whole', async (disk) => {
    const home = join(disk.path, 'home');
    fs.mkdirSync(home);
    for (const name of ['site.json', 'admin.key']) {
      fs.copyFileSync(join(desk.home, name), join(home, name));
      fs.chmodSync(join(home, name), 0o600);
    }
    const { deriveIdentity } = await import('../../bundle/index.ts');
    const node = deriveIdentity(new Uint8Array(32).fill(5));
    await desk.propose(node, {});
    await desk.json('approve', node.id, '--yes');
    fs.writeFileSync(join(disk.path, 'full'), Buffer.alloc(8192));
    const before = fs.readdirSync(home).sort();
    const run = await runCli(['--home', home, '--server', desk.url, 'history', node.id]);
    expect(refusal(run)).toEqual([EXIT.failed, 'disk_full']);
    expect(fs.readdirSync(home).sort()).toEqual(before);
  });

  itOnSmallDisk('64k', 'a store on a full disk refuses, and says so', async (disk) => {
    const store = join(disk.path, 'store');
    const args = ['--home', desk.home, 'serve', '--port', '0', '--store', store];
    const { child, said, done } = await startCli(args);
    while (!said.stdout.includes('\n')) await new Promise((r) => setTimeout(r, 20));
    fs.writeFileSync(join(disk.path, 'full'), Buffer.alloc(40_960));
    child.kill('SIGINT');
    await done;
    const run = await runCli(['--home', desk.home, 'doctor', '--store', store]);
    expect(run.code).toBe(EXIT.failed);
    expect(run.stdout).toContain('FAIL');
  });
});

describe('at a terminal', () => {
  beforeEach((context) => {
    const reason = 'the program `script` is not installed (util-linux): nothing to type at';
    if (!fs.existsSync('/usr/bin/script')) context.skip(reason);
  });

  it('Ctrl-C at a prompt leaves nothing', async () => {
    const home = join(folder, 'asked');
    const program = cliProgram();
    const typed = await atTerminal(
      `${process.execPath} ${program} --home ${home} init`,
      /Choose a passphrase/,
      '\x03',
    );
    expect(typed).toContain('[interrupted]');
    expect(fs.existsSync(home)).toBe(false);
  });

  it.each([
    ['No', 'n', 'declined'],
    ['Ctrl-C', '\x03', 'interrupted'],
  ])('%s at a question signs nothing, and has a code of its own', async (_, keys, code) => {
    const node = makeNode(`asked about, and the answer is ${code}`);
    await desk.propose(node, {});
    const command = `${process.execPath} ${cliProgram()} --home ${desk.home} --server ${desk.url}`;
    const shown = await atTerminal(`${command} approve ${node.id}`, /Approve this for/, keys);
    expect(shown).toContain(`[${code}]`);
    expect(await desk.json('history', node.id)).toMatchObject({ entries: [] });
  });

  it('a passphrase that is typed twice makes a site, and never appears', async () => {
    const home = join(folder, 'typed');
    const command = `${process.execPath} ${cliProgram()} --home ${home} init`;
    const shown = await atTerminal(
      command,
      /◆.{1,8}(Choose a passphrase|The same)/,
      'a long swordfish\r',
    );
    expect(shown).toContain('made site');
    expect(shown).not.toContain('swordfish');
    const env = { COATCHECK_PASSPHRASE: 'a long swordfish' };
    const run = await runCli(['--home', home, '--server', desk.url, 'list'], { env });
    expect(refusal(run)[1]).toBe('wrong_site');
  });
});

/** Runs a command at a pseudo-terminal and types `keys` whenever a new prompt matches. */
async function atTerminal(command: string, prompt: RegExp, keys: string): Promise<string> {
  const child = spawn('script', ['-qec', `stty cols 100 rows 30; ${command}`, '/dev/null'], {
    env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let shown = '';
  let answered = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    const rest = shown.slice(answered);
    const match = prompt.exec(rest);
    if (match === null) return;
    answered += match.index + match[0].length;
    setTimeout(() => child.stdin.write(keys), 300);
  });
  await new Promise((resolve) => child.once('close', resolve));
  return shown;
}
