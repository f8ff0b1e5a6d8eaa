// @module-tag long
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildServerDeb } from '../../packaging/deb/server.ts';
import { formatSite } from '../../protocol/site.ts';
import { buildStandalone } from '../../scripts/commands.ts';
import { describeWith } from '../support/components.ts';
import { until } from '../support/network.ts';
import { listen } from '../support/run.ts';
import { makeSite } from '../support/site.ts';

const DATE = 1_700_000_000;
const program = fs.mkdtempSync(join('node_modules', '.cache-standalone-'));
beforeAll(() => buildStandalone(program));
afterAll(() => fs.rmSync(program, { recursive: true }));

describeWith('dpkg', "the server's Debian package", () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-server-deb-'));
  const root = join(folder, 'root');
  let deb: string;
  const made = (out: string): Promise<string> =>
    buildServerDeb({ program, out: join(folder, out), date: DATE });
  const dpkg = (...args: string[]): string => execFileSync('dpkg-deb', args, { encoding: 'utf8' });

  beforeAll(async () => {
    deb = await made('one');
    dpkg('--extract', deb, root);
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it('is the same bytes from the same inputs', async () => {
    expect(fs.readFileSync(await made('two')).equals(fs.readFileSync(deb))).toBe(true);
  });

  it('has files of root that nobody else may write, the units, and one file that is the administrator’s', () => {
    const lines = dpkg('--contents', deb).trimEnd().split('\n');
    for (const line of lines)
      expect(line).toMatch(/^(drwxr-xr-x|-rw.r-.r-.|lrwxrwxrwx) root\/root /);
    const paths = lines.map((line) => line.replace(/ -> .*/, '').replace(/^.* \.\//, ''));
    expect(paths.filter((path) => path.startsWith('etc/') && !path.endsWith('/'))).toEqual([
      'etc/default/coatcheck',
    ]);
    expect(paths).toContain('etc/coatcheck/');
    for (const unit of ['coatcheck.service', 'coatcheck.socket']) {
      expect(paths).toContain(`usr/lib/systemd/system/${unit}`);
    }
    const depends = dpkg('--field', deb, 'Depends').trim();
    const { engines } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as {
      engines: { node: string };
    };
    expect(depends).toBe(`nodejs (>= ${engines.node.replace('>=', '')})`);
  });

  it('names a license of each library that is in it', () => {
    const text = fs.readFileSync(join(root, 'usr/share/doc/coatcheck/copyright'), 'utf8');
    const licenses = [
      ...text.matchAll(
        /^Files: node_modules\/(.*)\/\*\nCopyright: .+\n(?: +.+\n)*License: (.*)$/gm,
      ),
    ];
    const named = licenses.map(([, name]) => name);
    expect(named).toEqual(expect.arrayContaining(['@aws-sdk/client-s3', 'hono', 'yaml']));
    expect(named).toHaveLength(text.match(/^Files: node_modules/gm)!.length);
    // Whose terms a binary package may be given on under.
    const known = /^(MIT|Apache-2\.0|ISC|0BSD|BlueOak-1\.0\.0|BSD-[23]-Clause|Unlicense|MPL-2\.0)$/;
    for (const [, name, license] of licenses)
      expect([name, license]).toEqual([name, expect.stringMatching(known)]);
  });

  it('serves with nothing but Node beside it: a folder, and a bucket’s client', async () => {
    const home = join(folder, 'home');
    fs.mkdirSync(home);
    fs.writeFileSync(join(home, 'site.json'), formatSite(makeSite().site));
    const installed = join(root, 'usr/bin/coatcheck');
    const child = spawn(installed, ['--home', home, 'serve', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { said, done } = listen(child);
    await until(() => said.stdout.includes('\n') || child.exitCode !== null);
    const url = /http:\S+/.exec(said.stdout)![0];
    expect((await fetch(`${url}/v1/ready`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await done).toMatchObject({ code: 0 });

    // The S3 client loads, and asks: there is nobody at port 9.
    const keys = (n: number) => ({
      accessKeyId: `key${n}`,
      secretAccessKey: randomBytes(20).toString('hex'),
    });
    const file = join(home, 's3.json');
    const three = { download: keys(1), upload: keys(2), admin: keys(3) };
    fs.writeFileSync(file, JSON.stringify(three), { mode: 0o600 });
    const place = ['s3://config', '--endpoint', 'http://127.0.0.1:9', '--credentials', file];
    const asked = spawnSync(installed, ['--home', home, 'store', 'verify', ...place], {
      encoding: 'utf8',
    });
    expect(asked.stderr).toContain('[store_unavailable]');
  });
});

describeWith('systemd', "the server's Debian package on a machine", () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-server-root-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it('is installed, and goes, by its own scripts, and keeps what the administrator wrote', async () => {
    const deb = await buildServerDeb({ program, out: folder, date: DATE });
    const root = join(folder, 'root');
    for (const place of ['var/lib/dpkg/info', 'var/lib/dpkg/updates', 'etc']) {
      fs.mkdirSync(join(root, place), { recursive: true });
    }
    fs.writeFileSync(join(root, 'var/lib/dpkg/status'), '');
    // Without a chroot there is neither a shell nor Node in there: its scripts go by DPKG_ROOT.
    const force = ['script-chrootless', 'depends'].map((what) => `--force-${what}`);
    const dpkg = (...args: string[]) =>
      spawnSync('dpkg', [`--root=${root}`, ...force, ...args], { encoding: 'utf8' });
    expect(dpkg('--install', deb)).toMatchObject({ status: 0 });
    expect(fs.readFileSync(join(root, 'etc/passwd'), 'utf8')).toMatch(/^coatcheck:/m);
    const settings = join(root, 'etc/default/coatcheck');
    fs.appendFileSync(settings, 'OPTIONS=--host 10.0.0.2\n');
    expect(dpkg('--install', deb)).toMatchObject({ status: 0 });
    expect(fs.readFileSync(settings, 'utf8')).toContain('10.0.0.2');
    expect(dpkg('--remove', 'coatcheck')).toMatchObject({ status: 0 });
    expect(fs.existsSync(settings)).toBe(true);
    expect(fs.existsSync(join(root, 'usr/bin/coatcheck'))).toBe(false);
    expect(dpkg('--purge', 'coatcheck')).toMatchObject({ status: 0 });
    expect(fs.existsSync(settings)).toBe(false);
  });
});
