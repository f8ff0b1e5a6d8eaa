import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NodeId } from '../../bundle/identity.ts';
import { nodeWords } from '../../bundle/words.ts';
import { EXIT } from '../../protocol/errors.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';

let lab: Lab;
let machine: Machine;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());
beforeEach(() => {
  machine = makeMachine(lab.site);
});
afterEach(() => machine.remove());

/** One line on stderr, and the code in it. */
function refusal({ code, stderr, stdout }: Run): [number | null, string | undefined] {
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^coatcheck: .+ \[[a-z_0-9]+\]\n$/);
  return [code, /\[([a-z_0-9]+)\]\n$/.exec(stderr)?.[1]];
}

describe('the command line of the agent', () => {
  it('prints help and version on stdout, and nothing else', async () => {
    for (const args of [['--help'], ['boot', '--help'], ['key', 'make', 'file', '--help']]) {
      const { code, stdout, stderr } = await machine.run(...args);
      expect([code, stderr]).toEqual([EXIT.ok, '']);
      expect(stdout).toContain('Usage: coatcheck-agent');
    }
    expect((await machine.run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [],
    ['nonsense'],
    ['boot', '--wait', 'soon'],
    ['boot', '--nonsense'],
    ['apply'],
    ['propose', '--after'],
    ['key', 'make', 'file'],
  ])('refuses wrong arguments in one line: %s', async (...args) => {
    expect(refusal(await machine.run(...args))).toEqual([EXIT.usage, 'usage']);
  });

  it('says which file is missing, malformed or open to others', async () => {
    expect(refusal(await machine.run('apply', machine.path('absent')))).toEqual([
      EXIT.usage,
      'file_missing',
    ]);
    expect(refusal(await machine.run('--key', machine.path('absent'), 'id'))).toEqual([
      EXIT.usage,
      'file_missing',
    ]);
    expect(refusal(await machine.run('--root', machine.path('absent'), 'capture'))).toEqual([
      EXIT.usage,
      'file_missing',
    ]);
    for (const malformed of ['<html>', Buffer.from([0xff, 0xfe])]) {
      fs.writeFileSync(machine.path('site'), malformed);
      const noSite = await machine.run('--site', machine.path('site'), 'status');
      expect(refusal(noSite)).toEqual([EXIT.usage, 'file_malformed']);
      expect(noSite.stderr).toContain(machine.path('site'));
    }
    fs.chmodSync(machine.path('etc/coatcheck/key'), 0o644);
    expect(refusal(await machine.run('id'))).toEqual([EXIT.usage, 'file_unsafe']);
  });

  it('says how to name the files that it misses', async () => {
    const [site, key] = [machine.path('no.site'), machine.path('no.key')];
    const noSite = await machine.run('--site', site, 'boot', '--once');
    expect(refusal(noSite)).toEqual([EXIT.usage, 'file_missing']);
    expect(noSite.stderr).toContain(`${site} does not exist: copy the site.json that`);
    expect(noSite.stderr).toContain('or name it with --site');
    for (const command of ['boot', 'id']) {
      const noKey = await machine.run('--key', key, command);
      expect(refusal(noKey)).toEqual([EXIT.usage, 'file_missing']);
      expect(noKey.stderr).toContain(`${key} does not exist: name it with --key, or make one with`);
    }
  });

  it('refuses a frame that is none', async () => {
    for (const bytes of [new Uint8Array(), Buffer.from('<html>'), Buffer.alloc(2 ** 20)]) {
      fs.writeFileSync(machine.path('copy'), bytes);
      const { code } = await machine.run('apply', machine.path('copy'));
      expect(code).toBe(EXIT.refused);
    }
  });

  it('gives its errors as JSON too', async () => {
    const { code, stderr } = await machine.run('--json', 'apply', machine.path('absent'));
    expect(code).toBe(EXIT.usage);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'file_missing' } });
  });

  it('has its notes in the one document on stderr, with the error or without one', async () => {
    machine.write('etc/motd', 'x\n');
    const captured = await machine.run('--json', 'capture');
    const everything = expect.stringContaining('everything is taken') as string;
    expect(JSON.parse(captured.stderr)).toEqual({
      warnings: expect.arrayContaining([everything]) as string[],
    });
    const boot = await machine.run(
      '--json',
      'boot',
      '--wait',
      '1',
      '--server',
      'http://127.0.0.1:1',
    );
    expect(JSON.parse(boot.stderr)).toMatchObject({
      error: { code: 'server_unreachable' },
      warnings: expect.arrayContaining([expect.any(String) as string]) as string[],
    });
    expect((await machine.run('--json', 'status')).stderr).toBe('');
  });

  it('refuses an empty option as a folder that nobody named', async () => {
    const { code, stderr } = await machine.run('--state=', 'status');
    expect([code, stderr]).toEqual([EXIT.usage, expect.stringContaining("'--state' is empty")]);
  });

  it('needs a server from somewhere', async () => {
    const lonely = makeMachine({ ...lab.site, servers: [] });
    expect(refusal(await lonely.run('boot', '--once'))).toEqual([EXIT.usage, 'usage']);
    lonely.remove();
  });

  it('ends with 130 at Ctrl-C while it waits, and leaves nothing half-written', async () => {
    machine.write('etc/hostname', 'x\n');
    const command = [process.execPath, agentProgram()];
    const { child, done } = machine.start(command, ['--root', machine.root, 'boot']);
    await new Promise<void>((resolve) => {
      child.stderr!.on('data', (text: string) => {
        if (text.includes('waits for an administrator')) resolve();
      });
    });
    child.kill('SIGINT');
    const { code, stderr } = await done;
    expect(code).toBe(EXIT.interrupted);
    expect(stderr).toMatch(/coatcheck: .* \[interrupted\]\n$/);
    expect(fs.existsSync(machine.path('var'))).toBe(false);
  });

  it('ends quietly when its reader has seen enough', async () => {
    const shell = `"$0" "$@" | head -c 1`;
    const args = ['-c', shell, process.execPath, agentProgram(), '--root', '/', 'capture'];
    const { code, stderr } = await machine.start(['bash'], args).done;
    expect(code).toBe(0);
    expect(stderr).not.toContain('EPIPE');
  });
});

describe('key and id', () => {
  it('makes a key once, and says whose it is', async () => {
    const path = machine.path('new.key');
    const made = await machine.json('key', 'make', 'file', path);
    expect(refusal(await machine.run('key', 'make', 'file', path))).toEqual([
      EXIT.usage,
      'file_exists',
    ]);
    const node = made['node'] as NodeId;
    const known = { node, words: nodeWords(node), keySource: 'file' };
    expect(await machine.json('--key', path, 'id')).toEqual(known);
    const { stdout, stderr } = await machine.run('--key', path, 'id', '--public');
    expect(stderr).toBe(`${nodeWords(node)}\n`);
    expect(stdout).toMatch(/^[a-z2-7]{32}\nsign [\w-]{43}\nbox {2}[\w-]{43}\n$/);
    expect(stdout).not.toContain(fs.readFileSync(path, 'utf8').split(' ')[3]);
  });
});

describe('key make', () => {
  it('credential prints a key that is kept nowhere, as systemd hands it over', async () => {
    const made = await machine.json('key', 'make', 'credential');
    expect(machine.read('etc/coatcheck/key')).not.toBe(made['credential']);
    const [name, value] = (made['smbios'] as string).split('=', 2) as [string, string];
    expect(name).toBe('io.systemd.credential.binary:coatcheck.seed');
    const handed = Buffer.from(value, 'base64').toString();
    expect(handed).toBe(made['credential']);
    machine.write('credentials/coatcheck.seed', handed, 0o400);
    const env = [`CREDENTIALS_DIRECTORY=${machine.path('credentials')}`];
    const command = ['env', ...env, process.execPath, agentProgram()];
    const id = await machine.start(command, ['--key', 'credential', 'id']).done;
    expect(id.stdout.trim()).toBe(made['node']);
    const { stdout, stderr } = await machine.run('key', 'make', 'credential');
    expect(stdout).toMatch(/^coatcheck key 1\nseed .*\nsum .*\n$/);
    expect(stderr).not.toContain(/seed (.*)/.exec(stdout)![1]);
  });

  it('image makes one key once, which is no key of a machine', async () => {
    const path = machine.path('image-key');
    expect((await machine.run('key', 'make', 'image', path)).code).toBe(0);
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
    expect(refusal(await machine.run('key', 'make', 'image', path))[1]).toBe('file_exists');
    expect(refusal(await machine.run('--key', path, 'id'))[1]).toBe('file_malformed');
  });

  it('usb writes to no file and to no device that is not named for it', async () => {
    machine.write('stick', 'x');
    for (const device of [machine.path('stick'), '/dev/null']) {
      const run = await machine.run('key', 'make', 'usb', device, '--erase');
      expect(refusal(run)[1]).toMatch(/^(file_unsafe|device_failed)$/);
    }
    expect(machine.read('stick')).toBe('x');
  });
});

describe('capture', () => {
  it('shows what would be proposed, what was left out and why, and no contents', async () => {
    machine.write('etc/hostname', 'the-content\n');
    machine.write('etc/ld.so.cache', 'x');
    machine.write('etc/unlisted', 'x');
    const { code, stdout, stderr } = await machine.run('capture');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^0644 \S+:\S+ +12 data +etc\/hostname\n$/);
    expect(stderr).toContain('left out etc/ld.so.cache: a cache');
    expect(stderr).toContain('left out 3 files: not on the list');
    expect(stdout + stderr).not.toContain('the-content');
    expect(await machine.json('capture')).toMatchObject({
      files: [{ path: 'etc/hostname', executes: 'no', secret: false, mode: '0644', size: 12 }],
      skipped: expect.arrayContaining([{ path: 'etc/ld.so.cache', reason: 'a cache' }]) as unknown,
    });
  });
});

describe("what a pattern of a site's own finds", () => {
  it(
    'is counted where it is too much for a bundle, what runs named first, and all of it in JSON',
    { tags: 'long' },
    async () => {
      const big = makeMachine({ ...lab.site, paths: [{ pattern: 'opt/**' }] });
      try {
        for (let i = 0; i < 1_300; i++) big.write(`opt/a/${String(i).padStart(4, '0')}`, 'x');
        big.write('opt/z/post.sh', 'x');
        const { code, stderr } = await big.run('capture');
        expect(code).toBe(0);
        const full = 'one file too many: a bundle is full';
        const lines = stderr.split('\n').filter((line) => line.includes(full));
        expect(lines).toHaveLength(51);
        expect(lines[0]).toBe(`left out opt/z/post.sh: ${full}`);
        expect(lines[1]).toBe(`left out opt/a/1024: ${full}`);
        expect(lines.at(-1)).toBe(
          `left out 227 more, of which 0 run by their place: ${full} (coatcheck-agent --json capture lists them)`,
        );
        const { skipped } = (await big.json('capture')) as { skipped: { reason: string }[] };
        expect(skipped.filter(({ reason }) => reason === full)).toHaveLength(277);
      } finally {
        big.remove();
      }
    },
  );
});

describe('propose', () => {
  it('proposes what was changed of the configuration in force, its settings kept, and nothing else', async () => {
    machine.write('etc/hostname', 'a\n');
    machine.write('etc/motd', 'hello\n');
    const { digest } = await machine.json('propose');
    await lab.approve(machine.identity, digest as string);
    await machine.json('boot');
    machine.write('etc/issue', 'of the image\n');
    expect(await machine.json('propose')).toEqual({ state: 'unchanged' });
    const again = await machine.run('propose');
    expect(again.stderr).toContain(
      'not in force here, and not proposed: etc/issue (--add etc/issue takes one)',
    );
    const missing = await machine.run('propose', '--add', '/etc/hosts');
    expect(refusal(missing)).toEqual([EXIT.usage, 'file_missing']);
    machine.write('etc/motd', 'changed\n');
    const added = await machine.json('propose', '--add', '/etc/issue');
    expect(added).toMatchObject({ state: 'proposed', fileCount: 3 });
    expect((await machine.run('propose', '--add', '/etc/issue')).stderr).not.toContain(
      'not in force',
    );
  });
});

describe('status', () => {
  it('says what changed since it was applied', async () => {
    expect(await machine.json('status')).toMatchObject({ drift: [] });
    for (const name of ['hostname', 'hosts', 'motd', 'issue']) machine.write(`etc/${name}`, 'x\n');
    const { digest } = await machine.json('propose');
    await lab.approve(machine.identity, digest as string);
    await machine.json('boot');
    machine.write('etc/hostname', 'y\n');
    fs.chmodSync(machine.path('etc/motd'), 0o600);
    fs.rmSync(machine.path('etc/hosts'));
    const { stdout } = await machine.run('status');
    expect(stdout).toMatch(/applied {2}decision 1 [0-9a-f]{64}/);
    expect(stdout).toContain('changed  etc/hostname\nmissing  etc/hosts\nchanged  etc/motd\n');
    expect(stdout).not.toContain('etc/issue');
    expect(stdout).toContain('memory   file: decision 1');
  });
});

describe('what others can see', () => {
  it('holds no content of a file and no seed, in output or in files open to others', async () => {
    const secret = 'correct horse battery staple';
    machine.write('etc/ssh/ssh_host_ed25519_key', `${secret}\n`, 0o600);
    machine.write('etc/shadow', `root:${secret}:1::::::\n`, 0o600);
    const output: string[] = [];
    const keep = async (run: Promise<Run>): Promise<Run> => {
      const { stdout, stderr } = await run;
      output.push(stdout, stderr);
      return run;
    };
    await keep(machine.run('capture'));
    const { stdout } = await keep(machine.run('--json', 'propose'));
    const { digest } = JSON.parse(stdout) as { digest: string };
    await lab.approve(machine.identity, digest);
    const target = machine.reboot();
    await keep(target.run('boot'));
    await keep(target.run('status'));
    await keep(target.run('--json', 'id', '--public'));
    expect(target.read('etc/shadow')).toContain(secret);
    const seed = /seed ([\w-]+)/.exec(target.read('etc/coatcheck/key'))![1]!;
    for (const text of output) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(seed);
    }
    for (const path of fs.readdirSync(target.root, { recursive: true, encoding: 'utf8' })) {
      const stat = fs.lstatSync(join(target.root, path));
      if (!stat.isFile() || (stat.mode & 0o044) === 0) continue;
      const text = target.read(path);
      expect(text, path).not.toContain(secret);
      expect(text, path).not.toContain(seed);
    }
    target.remove();
  });
});
