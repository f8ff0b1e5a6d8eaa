import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { readKeyFile } from '../../agent/identity/keys/key-file.ts';
import { openKeyFile } from '../../cli/key-file.ts';
import { deriveIdentity } from '../../bundle/identity.ts';
import type { Identity } from '../../bundle/identity.ts';
import { approvedKey } from '../../protocol/keys.ts';
import type { ObjectStore } from '../../store/port.ts';
import { cliProgram, startServe } from '../support/cli.ts';
import type { Served } from '../support/cli.ts';
import { agentProgram } from '../support/machine.ts';
import { listen } from '../support/run.ts';
import type { Run } from '../support/run.ts';
import type { SecretScan } from './secret-scan.ts';
import { openTap } from './tap.ts';

/** Where the server of a whole run keeps its objects. */
export interface RunPlace {
  /** Of `serve` and `doctor`. */
  readonly args: readonly string[];
  /** What the operator of the store could do. */
  readonly store: (home: string) => ObjectStore;
}

export interface WholeRun {
  /** Everything that any process said, was called with, or had in its environment. */
  readonly said: readonly { readonly place: string; readonly text: string }[];
  /** What an administrator asked to be shown. */
  readonly shown: string;
  readonly store: ObjectStore;
}

/** Secrets as machines have them, each with a random part. */
function secretFiles(): Record<string, string> {
  const random = (bytes: number): string => randomBytes(bytes).toString('base64url');
  return {
    'etc/shadow': `root:$y$j9T$${random(16)}$${random(32)}:19000::::::\n`,
    'etc/ssh/ssh_host_ed25519_key': `-----BEGIN OPENSSH PRIVATE KEY-----\n${Buffer.concat([Buffer.from('openssh-key-v1\0'), randomBytes(40)]).toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`,
    'etc/sssd/sssd.conf': `[domain/lab]\nldap_default_authtok = ${random(16)}\n`,
    'etc/wireguard/wg0.conf': `[Interface]\nPrivateKey = ${randomBytes(32).toString('base64')}\n`,
    'etc/wpa_supplicant/lab.conf': `network={\n psk="${random(16)}"\n}\n`,
    'etc/krb5.keytab': `\x05\x02\0\0\0\x10${random(12)}`,
    'etc/ldap.secret': `${random(16)}\n`,
  };
}
/** The part of such a file that nobody may see: the longest. */
const heart = (text: string): string =>
  text.split(/[\s"$:=\0-\x1f]+/).reduce((a, b) => (b.length > a.length ? b : a));

/**
 * A site from its first command to the last: the real programs, on real files, with every secret
 * known to `scan`. Nothing but the outcome of each command is checked here.
 * @param folder empty; everything is below it
 */
export async function wholeRun(
  folder: string,
  place: RunPlace,
  scan: SecretScan,
): Promise<WholeRun> {
  const said: { place: string; text: string }[] = [];
  const at = (...names: string[]): string => join(folder, ...names);
  const write = (path: string, text: string | Uint8Array, mode = 0o600): string => {
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(path, text);
    fs.chmodSync(path, mode);
    return path;
  };
  const env = { PATH: process.env['PATH'] ?? '', TZ: 'UTC', TMPDIR: at('tmp'), HOME: at('tmp') };
  fs.mkdirSync(at('tmp'), { recursive: true });
  const watch = (what: string, { pid }: ChildProcess): void => {
    for (const name of ['cmdline', 'environ']) {
      said.push({
        place: `${name} of ${what}`,
        text: fs.readFileSync(`/proc/${pid}/${name}`, 'latin1'),
      });
    }
  };

  async function run(program: string, args: readonly string[], exits: number): Promise<Run> {
    const what = args.slice(0, 12).join(' ').replaceAll(folder, '');
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    // No umask helps them.
    const child = spawn(
      '/bin/sh',
      ['-c', 'umask 0; exec "$@"', 'sh', process.execPath, program, ...args],
      { env, stdio },
    );
    watch(what, child);
    const ended = await listen(child).done;
    if (ended.code !== exits) {
      throw new Error(`${what}: exit ${ended.code}, not ${exits}: ${ended.stderr}`);
    }
    return ended;
  }
  const tell = (what: string, { stdout, stderr }: Run): void => {
    said.push(
      { place: `stdout of ${what}`, text: stdout },
      { place: `stderr of ${what}`, text: stderr },
    );
  };
  const home = at('site');
  const tap = await openTap();
  /** `coatcheck` must end with `exits`. */
  const admin = async (exits: number, ...args: string[]): Promise<Run> => {
    const ended = await run(cliProgram(), ['--home', home, '--server', tap.url, ...args], exits);
    tell(args.join(' '), ended);
    return ended;
  };
  let root = at('root');
  const agent = async (exits: number, ...args: string[]): Promise<Run> => {
    const places = ['--root', root, '--key', at('key'), '--site', at('site/site.json')];
    const more = ['--state', at('state'), '--server', tap.url];
    const ended = await run(agentProgram(), [...places, ...more, ...args], exits);
    tell(args.join(' '), ended);
    return ended;
  };
  const plantKeys = (whose: string, keys: Identity, seed: Uint8Array): void => {
    scan.plant(`the seed of ${whose}`, seed);
    scan.plant(`the signing secret of ${whose}`, keys.signSecret);
    scan.plant(`the box secret of ${whose}`, keys.boxSecret);
    scan.plant(`the hedge of ${whose}`, keys.hedge);
  };
  let version = 0;
  const furnish = (): void => {
    version++;
    for (const [path, text] of Object.entries(secretFiles())) {
      write(join(root, path), text);
      scan.plant(`version ${version} of ${path}`, heart(text));
    }
    write(join(root, 'etc/hostname'), `lab-${version}\n`, 0o644);
  };

  // A site, one with a passphrase beside it, and the server.
  const passphrase = randomBytes(12).toString('base64url');
  scan.plant('the passphrase', passphrase);
  const withPassphrase = ['--passphrase-file', write(at('passphrase'), `${passphrase}\n`)];
  await admin(0, 'init', '--no-passphrase');
  await admin(0, '--home', at('site-2'), ...withPassphrase, 'init');
  const adminKey = fs.readFileSync(join(home, 'admin.key'));
  const adminSeed = (JSON.parse(adminKey.toString()) as { seed: string }).seed;
  const never = (): Promise<string> => Promise.reject(new Error('it has no passphrase'));
  const adminIdentity = await openKeyFile(adminKey, never, 'admin.key');
  plantKeys('the administrator', adminIdentity, Buffer.from(adminSeed, 'base64url'));
  const token = randomBytes(18).toString('base64url');
  scan.plant('the enrolment token', token);
  const tokenFile = ['--token-file', write(at('token'), `${token}\n`)];
  const server: Served = await startServe(['--home', home, 'serve', ...place.args, ...tokenFile], {
    env,
  });
  watch('serve', server.child);
  tap.target = server.url;
  const store = place.store(home);
  const secretsFile = join(home, 'store/secrets.json');
  if (fs.existsSync(secretsFile)) {
    const secrets = JSON.parse(fs.readFileSync(secretsFile, 'utf8')) as Record<string, string>;
    for (const name of ['download', 'upload', 'admin']) {
      scan.plant(`the ${name} secret`, Buffer.from(secrets[name]!, 'base64url'));
    }
  }

  let shown = '';
  try {
    // A machine, from its key to its first configuration.
    await agent(0, 'key', 'make', 'file', at('key'));
    const nodeSeed = readKeyFile(at('key'));
    const node = deriveIdentity(nodeSeed);
    plantKeys('the machine', node, nodeSeed);
    furnish();
    await agent(0, 'id', '--public');
    await agent(0, 'capture');
    await agent(0, '--json', 'capture');
    await agent(6, 'propose');
    await agent(
      6,
      'propose',
      '--token-file',
      write(at('other-token'), 'not the token of this site\n'),
    );
    await agent(0, 'propose', ...tokenFile);
    await agent(8, 'boot', '--once', ...tokenFile);
    for (const command of [['pending'], ['list'], ['show', node.id], ['diff', node.id]]) {
      await admin(0, ...command);
      await admin(0, '--json', ...command);
    }
    const asked = ['--home', home, '--server', tap.url, 'diff', node.id, '--show-secrets'];
    shown = (await run(cliProgram(), asked, 0)).stdout;
    await admin(0, 'approve', node.id, '--yes', '--reason', 'the first');
    root = at('root-2');
    fs.mkdirSync(root);
    await agent(0, 'boot', '--once');
    await agent(0, 'status');

    // An update, a refusal, and back.
    furnish();
    const { stdout: refused } = await agent(0, '--json', 'propose');
    await admin(0, 'diff', node.id, '--stat');
    const { digest } = JSON.parse(refused) as { digest: string };
    await admin(0, 'reject', node.id, digest, '--reason', 'not like this', '--yes');
    await agent(8, 'propose');
    furnish();
    await agent(0, 'propose');
    await admin(0, 'diff', node.id);
    await admin(0, '--json', 'approve', node.id, '--yes', '--expires', '30d');
    await agent(0, '--json', 'boot', '--once');
    const copy = write(
      at('copy'),
      (await store.get(approvedKey(node.id), { maxBytes: 2 ** 24 }))!.body,
    );
    await admin(0, 'rollback', node.id, '1', '--yes');
    await agent(0, 'boot', '--once');
    await agent(3, 'apply', copy); // it is older by now
    await admin(0, 'reconfigure', node.id, '--yes');
    await agent(8, 'boot', '--once');
    await admin(0, 'revoke', node.id, '--reason', 'stolen', '--yes');
    await agent(8, 'boot', '--once');
    await admin(0, 'history', node.id);
    await admin(0, 'repair', node.id);
    await admin(0, 'doctor', ...place.args);
    for (const command of ['inspect', 'verify']) await admin(0, 'bundle', command, copy);
    await admin(0, 'bundle', 'export', copy, at('export'));

    // What goes wrong on the way.
    const wrong = write(at('wrong'), 'not the passphrase\n');
    await admin(6, '--home', at('site-2'), '--passphrase-file', wrong, 'pending');
    await admin(6, '--home', at('site-2'), ...withPassphrase, 'pending'); // of another site
    await admin(7, '--server', 'http://127.0.0.1:9', 'pending');
    await agent(7, '--server', 'http://127.0.0.1:9', 'boot', '--once');
    fs.mkdirSync(at('damaged/store'), { recursive: true });
    fs.copyFileSync(join(home, 'site.json'), at('damaged/site.json'));
    for (const damage of [cut, flip, doubled]) {
      write(at('damaged/admin.key'), damage(adminKey.toString()));
      await admin(2, '--home', at('damaged'), 'pending');
      write(at('damaged/key'), damage(fs.readFileSync(at('key'), 'utf8')));
      await agent(2, '--key', at('damaged/key'), 'id');
      for (const [option, from] of [
        ['--credentials', place.args[place.args.indexOf('--credentials') + 1]],
        ['', secretsFile],
      ] as const) {
        if (from === undefined || !fs.existsSync(from)) continue;
        if (option !== '' && damage === flip) continue; // S3 keys are any text
        const text = damage(fs.readFileSync(from, 'utf8'));
        const bad = write(
          at(option === '' ? 'damaged/store/secrets.json' : 'damaged/s3.json'),
          text,
        );
        const args = place.args.map((arg) => (arg === from ? bad : arg));
        await admin(2, '--home', at('damaged'), 'serve', '--port', '0', ...args);
      }
    }
    fs.rmSync(at('damaged'), { recursive: true });
    for (const name of ['key', 'site/admin.key']) {
      fs.chmodSync(at(name), 0o644);
      await (name === 'key' ? agent(2, 'status') : admin(2, 'pending'));
      fs.chmodSync(at(name), 0o600);
    }
  } finally {
    tell('serve', await server.stop());
    await tap.close();
  }
  // What clients and server told each other: URLs and signatures are as good as keys for a while.
  for (const { url, headers, answer } of tap.captured) {
    const signature = headers['signature']?.replace(/^coatcheck=:|=*:$/g, '');
    if (signature !== undefined) scan.plant('the signature of a request', signature);
    for (const [, signed] of `${url} ${answer.toString()}`.matchAll(/Signature=([0-9a-f]{64})/g)) {
      scan.plant('the signature of a URL', signed!);
    }
  }
  return { said, shown, store };
}

const cut = (text: string): string => text.slice(0, -12);
/** One letter of the first long word. */
const flip = (text: string): string =>
  text.replace(/[\w-]{30,}/, (word) => `${word.slice(0, -3)}!${word.slice(-2)}`);
const doubled = (text: string): string => `${text}${text}`;
