import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { runHooks } from '../../agent/ready/hooks.ts';
import { describeWith, itWith } from '../support/components.ts';
import { startForeman } from '../support/foreman.ts';
import type { Foreman } from '../support/foreman.ts';
import { serveHttp } from '../support/http-servers.ts';
import type { TestServer } from '../support/http-servers.ts';
import { listen } from '../support/run.ts';
import type { Run } from '../support/run.ts';
import { withTemporaryFolder } from '../support/temporary-folder.ts';

/** The executables of packaging/ready.d, in the shells that small machines have. */

const ABOUT = {
  COATCHECK_NODE: 'o5uv7tidtt22pyfjvlq4b4tonv3b5p2d',
  COATCHECK_SEQ: '7',
  COATCHECK_STATEMENT: 'ab'.repeat(32),
  COATCHECK_APPROVED: 'yes',
};
const SECRET = 'eyJhbGciOiJIUzI1NiJ9.s3cret.word_-';

let folder: string;
let root: string;
let bin: string;
withTemporaryFolder('ready-d', (made) => (folder = made));
beforeEach(() => {
  root = fs.mkdtempSync(join(folder, 'root-'));
  bin = join(root, 'bin');
  fs.mkdirSync(bin);
  program('hostname', '[ "$1" = -f ] && echo node1.example.com');
  // How long is waited is not what these tests are about.
  program('sleep', ':');
});

function program(name: string, text: string): void {
  fs.writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

/** @param settings lines of /etc/default/coatcheck-NAME */
function configure(name: string, settings: readonly string[], secret?: string, mode = 0o600): void {
  for (const place of ['etc/default', 'etc/ssl/private']) {
    fs.mkdirSync(join(root, place), { recursive: true });
  }
  fs.writeFileSync(join(root, 'etc/default', `coatcheck-${name}`), `${settings.join('\n')}\n`);
  if (secret === undefined) return;
  const path = join(root, 'etc/ssl/private', `coatcheck-${name}.secret`);
  fs.writeFileSync(path, `${secret}\n`);
  fs.chmodSync(path, mode);
}

const SHELLS: readonly (readonly [string, readonly string[]])[] = [
  ['dash', ['dash']],
  ['busybox', ['busybox', 'ash']],
];

/** As the agent runs it, below another root. */
function run(
  shell: readonly string[],
  name: string,
  env: Record<string, string> = {},
): Promise<Run> {
  const [command, ...args] = [...shell, resolve('packaging/ready.d', name), root];
  const path = `${bin}:${process.env['PATH'] ?? ''}`;
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...ABOUT, TMPDIR: root, PATH: path, ...env },
  });
  return listen(child).done;
}

/** Processes whose command line or environment has a word in it. */
function whoShows(word: string): string[] {
  return fs.readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return [];
    try {
      const all = ['cmdline', 'environ'].map((of) =>
        fs.readFileSync(`/proc/${pid}/${of}`, 'latin1'),
      );
      return all.some((text) => text.includes(word)) ? [all.join(' ')] : [];
    } catch {
      return []; // gone, or another user's
    }
  });
}

/** What is left in the folder for temporary files. */
const leftovers = (): string[] => fs.readdirSync(root).filter((name) => name.startsWith('tmp.'));

for (const [name, shell] of SHELLS)
  describeWith('small-shells', `webhook, in ${name}`, () => {
    let server: TestServer;
    let answers: number[];
    let heard: { body: unknown; headers: Record<string, unknown> }[];
    let shown: string[];
    beforeAll(async () => {
      server = await serveHttp((request, response) => {
        let body = '';
        request.setEncoding('utf8').on('data', (text: string) => (body += text));
        request.on('end', () => {
          shown.push(...whoShows('s3cret'));
          heard.push({ body: JSON.parse(body) as unknown, headers: request.headers });
          response.writeHead(answers.shift() ?? 204).end();
        });
      });
    });
    afterAll(() => server.close());
    beforeEach(() => ([answers, heard, shown] = [[], [], []]));

    it('posts what the machine is and runs, its secret seen by nobody', async () => {
      configure('webhook', [`url=${server.url}/s3cret/path`], SECRET);
      const { code, stdout, stderr } = await run(shell, 'webhook');
      expect([code, stdout, stderr]).toEqual([0, 'told of decision 7\n', '']);
      expect(heard[0]!.body).toEqual({
        ...{ event: 'ready', node: ABOUT.COATCHECK_NODE, hostname: 'node1.example.com', seq: 7 },
        ...{ statement: ABOUT.COATCHECK_STATEMENT, approved: true },
      });
      expect(heard[0]!.headers).toMatchObject({
        authorization: `Bearer ${SECRET}`,
        'idempotency-key': ABOUT.COATCHECK_STATEMENT,
        'content-type': 'application/json',
      });
      expect(shown).toEqual([]);
      expect(leftovers()).toEqual([]);
    });

    it('is the same after each boot, and after each try', async () => {
      configure('webhook', [`url=${server.url}`]);
      answers = [503, 429, 204];
      expect((await run(shell, 'webhook')).code).toBe(0);
      expect((await run(shell, 'webhook')).code).toBe(0);
      expect(heard).toHaveLength(4);
      const same = heard.map(({ body, headers }) => [body, headers['idempotency-key']]);
      for (const one of same) expect(one).toEqual(same[0]);
    });

    it('fails where it told nobody', async () => {
      configure('webhook', [`url=${server.url}`], SECRET);
      answers = [403];
      const refused = await run(shell, 'webhook');
      expect([refused.code, refused.stderr, heard.length]).toEqual([
        1,
        'webhook: the answer was 403\n',
        1,
      ]);
      configure('webhook', ['url=http://127.0.0.1:1/x'], SECRET);
      const alone = await run(shell, 'webhook');
      expect([alone.code, alone.stderr]).toEqual([1, expect.stringMatching(/nobody answered\n$/)]);
      expect(alone.stderr).not.toContain('s3cret');
    });

    it.each([
      ['no file of settings', undefined, 0o600, 'is not there'],
      ['no URL', ['url=mailto:x'], 0o600, 'is an http or https URL'],
      ['a secret that others may read', ['url=http://127.0.0.1:1'], 0o640, 'chmod 0600'],
    ])('refuses %s', async (_, settings, mode, says) => {
      if (settings !== undefined) configure('webhook', settings, SECRET, mode);
      const { code, stderr } = await run(shell, 'webhook');
      expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
    });

    it('runs no word of its settings', async () => {
      configure('webhook', ['url=http://127.0.0.1:1/$(touch owned)`touch owned`";touch owned;"']);
      expect((await run(shell, 'webhook')).code).toBe(1);
      expect(fs.existsSync(join(root, 'owned'))).toBe(false);
      expect(fs.existsSync('owned')).toBe(false);
    });
  });

itWith('small-shells', 'a file of two lines in ready.d runs one of them', async (context) => {
  if (process.getuid?.() !== 0) context.skip('only what belongs to root is run');
  const heard: string[] = [];
  const server = await serveHttp((request, response) => {
    heard.push(request.url!);
    response.end();
  });
  configure('webhook', [`url=${server.url}/ready`]);
  const place = join(root, 'etc/coatcheck/ready.d');
  fs.mkdirSync(place, { recursive: true });
  const script = resolve('packaging/ready.d/webhook');
  fs.writeFileSync(join(place, '50-webhook'), `#!/bin/sh\nexec ${script} ${root}\n`, {
    mode: 0o755,
  });
  const path = `${bin}:${process.env['PATH'] ?? ''}`;
  const done = await runHooks(root, { note: () => undefined }, { ...ABOUT, PATH: path });
  await server.close();
  expect([done, heard]).toEqual([{ done: ['ready.d/50-webhook'], failed: [] }, ['/ready']]);
});

for (const [name, shell] of SHELLS)
  describeWith('small-shells', `foreman, in ${name}`, () => {
    let foreman: Foreman;
    /** What the host's script left. */
    const ran = (): string => fs.readFileSync(join(root, 'ran'), 'utf8');
    beforeAll(async () => {
      foreman = await startForeman({
        token: SECRET,
        script: (host) => `#!/bin/sh\n# ${SECRET}\necho "configured ${host}" >> "$TMPDIR/ran"\n`,
      });
    });
    afterAll(() => foreman.close());
    beforeEach(() => {
      foreman.hosts.clear();
      foreman.complaints.length = 0;
      configure('foreman', [`url=${foreman.url}/`, 'organization_id=1', 'location_id=2'], SECRET);
    });

    it('registers one host, however often it boots, and runs its script', async () => {
      const shown: string[] = [];
      foreman.onAsked = () => shown.push(...whoShows('s3cret'));
      for (let boot = 1; boot <= 2; boot++) {
        const { code, stdout, stderr } = await run(shell, 'foreman');
        expect([code, stdout, stderr]).toEqual([0, 'registered as node1.example.com\n', '']);
      }
      foreman.onAsked = () => undefined;
      expect([...foreman.hosts]).toEqual([
        [
          'node1.example.com',
          {
            params: {
              ...{ 'host[build]': 'false', 'host[managed]': 'false' },
              ...{ 'host[organization_id]': '1', 'host[location_id]': '2' },
            },
            times: 2,
          },
        ],
      ]);
      expect(ran()).toBe('configured node1.example.com\n'.repeat(2));
      expect([foreman.complaints, shown, leftovers()]).toEqual([[], [], []]);
    });

    it('sends all that it is told, and refuses what is no number', async () => {
      const more = ['hostgroup_id=3', 'operatingsystem_id=4', 'setup_remote_execution=true'];
      configure('foreman', [`url=${foreman.url}`, ...more], SECRET);
      expect((await run(shell, 'foreman')).code).toBe(0);
      expect(foreman.complaints).toEqual([]);
      expect(foreman.hosts.get('node1.example.com')!.params).toMatchObject({
        ...{ 'host[hostgroup_id]': '3', 'host[operatingsystem_id]': '4' },
        setup_remote_execution: 'true',
      });
      configure('foreman', [`url=${foreman.url}`, 'hostgroup_id=3&host[build]=true'], SECRET);
      expect((await run(shell, 'foreman')).stderr).toContain('hostgroup_id= in');
    });

    it('asks again where an answer was lost, and half a script is never run', async () => {
      foreman.instead.push('lost');
      expect((await run(shell, 'foreman')).code).toBe(0);
      expect(foreman.hosts.size).toBe(1);
      fs.rmSync(join(root, 'ran'));
      foreman.instead.push('cut', 'cut');
      const cut = await run(shell, 'foreman');
      expect([cut.code, fs.existsSync(join(root, 'ran'))]).toEqual([1, false]);
    });

    it.each([
      [[404], 'ERROR: not now'],
      [[503, 503], 'registered nothing (status 503)'],
      [['page' as const], 'is no script'],
    ])('fails, and runs nothing, at %j', async (instead, says) => {
      foreman.instead.push(...instead);
      const { code, stderr } = await run(shell, 'foreman');
      expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
      expect(fs.existsSync(join(root, 'ran'))).toBe(false);
    });

    it('fails with a token that has ended, and never says it', async () => {
      configure('foreman', [`url=${foreman.url}`], 'eyJ.s3cret-of-old.x');
      const { code, stderr } = await run(shell, 'foreman');
      expect([code, stderr]).toEqual([1, expect.stringContaining('(401)')]);
      expect(stderr).not.toContain('s3cret');
      expect(foreman.hosts.size).toBe(0);
    });

    it('fails where the script of the host does', async () => {
      program('sh', 'exit 3');
      const { code, stderr } = await run(shell, 'foreman');
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining('its script ended with status 3'),
      ]);
    });

    it('sends nothing to what is no https URL', async () => {
      configure('foreman', ['url=http://foreman.example.com'], SECRET);
      expect((await run(shell, 'foreman')).stderr).toContain('is an https URL');
    });

    it('wants a name with a domain', async () => {
      program('hostname', 'echo node1');
      expect((await run(shell, 'foreman')).stderr).toContain('node1 has no domain');
    });
  });

/** ipa-client-install as it was recorded (tests/support/freeipa.sh): no FreeIPA runs here. */
for (const [name, shell] of SHELLS)
  describeWith(
    'small-shells',
    `freeipa, by what ipa-client-install was recorded to do, in ${name}`,
    () => {
      let realm: string;
      const enrol = (): Promise<Run> =>
        run(shell, 'freeipa', { REALM: realm, ETC: join(root, 'etc'), LOOK_FOR: SECRET });
      const version = (): number =>
        fs.readFileSync(join(realm, 'enrolled.node1.example.com'), 'utf8').split('\n').length - 1;
      /** The machine without a disk starts again. @param bundle what its configuration has of FreeIPA */
      function reboot(bundle: Record<string, string> = {}): void {
        fs.rmSync(join(root, 'etc/ipa'), { recursive: true, force: true });
        fs.rmSync(join(root, 'etc/krb5.keytab'), { force: true });
        for (const [path, text] of Object.entries(bundle)) {
          fs.mkdirSync(join(root, path, '..'), { recursive: true });
          fs.writeFileSync(join(root, path), text);
        }
      }
      beforeEach(() => {
        realm = join(root, 'realm');
        fs.mkdirSync(realm);
        fs.copyFileSync('tests/support/freeipa.sh', join(bin, 'ipa-client-install'));
        fs.chmodSync(join(bin, 'ipa-client-install'), 0o755);
        // kinit -k -t KEYTAB -c CACHE PRINCIPAL: good with the newest version of the host's keys.
        program(
          'kinit',
          '[ "$1 $2 $4 $6" = "-k -t -c host/node1.example.com" ] && [ "$(cat "$3")" = "$(wc -l <"$REALM/enrolled.node1.example.com")" ]',
        );
      });

      it('enrols the same host at each boot by an account that may, whose password nobody sees', async () => {
        configure('freeipa', ['domain=ipa.test', 'principal=enroller', 'mkhomedir=yes'], SECRET);
        fs.writeFileSync(join(realm, 'password.enroller'), SECRET);
        for (let boot = 1; boot <= 2; boot++) {
          const { code, stdout } = await enrol();
          expect([code, stdout]).toEqual([
            0,
            expect.stringMatching(/node1\.example\.com is enrolled now\n$/),
          ]);
          expect(version()).toBe(boot);
          reboot();
        }
        expect(fs.readFileSync(join(realm, 'seen'), 'utf8')).toBe('');
        const [called] = fs.readFileSync(join(realm, 'called'), 'utf8').split('\n');
        expect(called).toBe(
          '--unattended --no-ntp --hostname node1.example.com --domain ipa.test --mkhomedir --principal enroller --force-join',
        );
      });

      it('enrols once by a one-time password; what came of it, in the bundle, is enough from then on', async () => {
        configure('freeipa', ['domain=ipa.test', 'server=ipa.ipa.test', 'realm=IPA.TEST'], SECRET);
        fs.writeFileSync(join(realm, 'otp.node1.example.com'), SECRET);
        expect((await enrol()).code).toBe(0);
        const proposed = Object.fromEntries(
          ['etc/krb5.keytab', 'etc/ipa/default.conf'].map((path) => [
            path,
            fs.readFileSync(join(root, path), 'utf8'),
          ]),
        );
        reboot();
        // It hands this one on by arguments, and has no other way: it is spent by then.
        expect(fs.readFileSync(join(realm, 'seen'), 'utf8')).not.toBe('');
        const spent = await enrol();
        expect([spent.code, spent.stderr]).toEqual([1, expect.stringContaining('good once')]);
        expect(spent.stderr).not.toContain(SECRET);
        reboot(proposed);
        const later = await enrol();
        expect([later.code, later.stdout]).toEqual([0, 'node1.example.com is enrolled\n']);
        expect(version()).toBe(1);
      });

      it('says that a keytab is void, and enrols nothing over it', async () => {
        configure('freeipa', ['domain=ipa.test', 'principal=enroller'], SECRET);
        fs.writeFileSync(join(realm, 'password.enroller'), SECRET);
        fs.writeFileSync(join(realm, 'enrolled.node1.example.com'), 'x\nx\n');
        reboot({ 'etc/krb5.keytab': '1\n', 'etc/ipa/default.conf': '[global]\n' });
        const { code, stderr } = await enrol();
        expect([code, stderr]).toEqual([1, expect.stringContaining('is not taken')]);
        expect(version()).toBe(2);
      });

      it.each([
        [['domain=ipa.test'], undefined, 'has no password'],
        [['x=y'], SECRET, 'is the domain of FreeIPA'],
        [['domain=ipa.test', 'principal=enroller'], 'wrong', 'ended with status 1'],
      ])('fails with %j', async (settings, secret, says) => {
        configure('freeipa', settings, secret);
        const { code, stderr } = await enrol();
        expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
        expect(fs.existsSync(join(realm, 'enrolled.node1.example.com'))).toBe(false);
      });

      it('fails in an image that is a client and has no keytab', async () => {
        configure('freeipa', ['domain=ipa.test'], SECRET);
        reboot({ 'etc/ipa/default.conf': '[global]\n' });
        const { code, stderr } = await enrol();
        expect([code, stderr]).toEqual([1, expect.stringContaining('without a keytab')]);
      });
    },
  );
