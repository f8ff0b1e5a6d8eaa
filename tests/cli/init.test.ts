import { once } from 'node:events';
import * as fs from 'node:fs';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startServer } from '../../functions/serve/server.ts';
import { openFolder } from '../../functions/stores/folder.ts';
import { EXIT } from '../../protocol/errors.ts';
import { parseCa } from '../../net/certificates.ts';
import { parseSite } from '../../protocol/site.ts';
import { makeAuthority } from '../support/certificates.ts';
import type { Authority } from '../support/certificates.ts';
import { itWith } from '../support/components.ts';
import { refusal, runCli } from '../support/cli.ts';
import type { Run } from '../support/run.ts';
import { itOnSmallDisk } from '../support/small-disk.ts';

let folder: string;
let home: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-init-'));
  home = join(folder, 'site');
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const init = (args: readonly string[] = [], env: Record<string, string> = {}) =>
  runCli(['--home', home, 'init', ...args], { env });
const site = () => parseSite(fs.readFileSync(join(home, 'site.json'), 'utf8'), parseCa);

describe('init', () => {
  it('takes the address of a server with a slash behind it', async () => {
    await runCli([
      '--home',
      home,
      '--server',
      'http://cfg.example:8420/',
      'init',
      '--no-passphrase',
    ]);
    expect(site().servers).toEqual(['http://cfg.example:8420']);
  });

  it('makes a site and a sealed key that only its owner can read', async () => {
    const made = await init(['--name', 'grid', '--admin-name', 'ada'], {
      COATCHECK_PASSPHRASE: 'a good long one',
    });
    expect(made.code).toBe(0);
    expect(fs.readdirSync(home).sort()).toEqual(['admin.key', 'site.json']);
    expect(fs.statSync(join(home, 'admin.key')).mode & 0o777).toBe(0o600);
    const key = fs.readFileSync(join(home, 'admin.key'), 'utf8');
    expect(JSON.parse(key)).toMatchObject({ seed: { kdf: 'scrypt' } });
    const { name, approval, servers, pinned } = site();
    expect({ name, approval, servers }).toEqual({
      ...{ name: 'grid', approval: 'required', servers: ['http://127.0.0.1:8420'] },
    });
    expect(pinned.keyset).toMatchObject({ version: 1, threshold: 1, keys: [{ name: 'ada' }] });
    expect(made.stdout + made.stderr).not.toContain('a good long one');
  });

  it('names an administrator of whom the system knows no name', async () => {
    const nobody = `
      import os from 'node:os';
      import { syncBuiltinESMExports } from 'node:module';
      os.userInfo = () => { throw new Error('uv_os_get_passwd returned ENOENT'); };
      syncBuiltinESMExports();`;
    const preload = `data:text/javascript,${encodeURIComponent(nobody)}`;
    const made = await init(['--no-passphrase'], { NODE_OPTIONS: `--import ${preload}` });
    expect(made.code, made.stderr).toBe(0);
    expect(site().pinned.keyset.keys[0]!.name).toMatch(/^admin@/);
  });

  it('takes the passphrase from a file that only its owner can read', async () => {
    const file = join(folder, 'passphrase');
    fs.writeFileSync(file, 'one from a file\n', { mode: 0o644 });
    const args = ['--passphrase-file', file, '--home', home];
    expect(refusal(await runCli([...args, 'init']))).toEqual([EXIT.usage, 'file_unsafe']);
    fs.chmodSync(file, 0o600);
    expect((await runCli([...args, 'init'])).code).toBe(0);
  });

  it('makes two sites that have nothing in common', async () => {
    await init(['--no-passphrase']);
    const first = site();
    home = join(folder, 'other');
    await init(['--no-passphrase']);
    expect(site().id).not.toEqual(first.id);
    expect(site().pinned.keyset.keys[0]!.signKey).not.toEqual(first.pinned.keyset.keys[0]!.signKey);
  });

  it('says what approval none means', async () => {
    const made = await init(['--no-passphrase', '--approval', 'none']);
    expect(made.stderr).toContain('nobody looks at it');
    expect(site().approval).toBe('none');
  });

  itWith(
    'openssl',
    'writes a CA into the site, which the command then believes over TLS, and nobody else',
    async () => {
      const [ours, theirs] = ['ours', 'theirs'].map((name) => makeAuthority(join(folder, name)));
      await init(['--no-passphrase', '--ca', ours!.caFile]);
      expect(site().ca).toBe(ours!.ca);
      const server = await startServer({
        ...{ site: site(), store: await openFolder(join(folder, 'store'), { create: true }) },
        ...{ host: '127.0.0.1', port: 0, publicUrl: 'https://127.0.0.1' },
      });
      const pending = async (authority: Authority): Promise<Run> => {
        const tls = createServer(authority.issue('IP:127.0.0.1'), (near) =>
          near.pipe(connect(server.port, '127.0.0.1')).pipe(near),
        );
        await once(tls.listen(0, '127.0.0.1'), 'listening');
        const { port } = tls.address() as AddressInfo;
        const run = await runCli([
          '--home',
          home,
          '--server',
          `https://127.0.0.1:${port}`,
          'pending',
        ]);
        tls.close();
        return run;
      };
      // Whose signatures are checked for another port than this one: the connection itself was believed.
      expect(refusal(await pending(ours!))[1]).toBe('signature_invalid');
      const refused = await pending(theirs!);
      expect(refusal(refused)[1]).toBe('server_unreachable');
      expect(refused.stderr).toContain('certificate');
      await server.close();
    },
  );

  it('takes no CA that is none', async () => {
    const file = join(folder, 'ca.pem');
    fs.writeFileSync(file, 'hello');
    const made = await init(['--no-passphrase', '--ca', file]);
    expect(refusal(made)).toEqual([EXIT.usage, 'file_malformed']);
    expect(made.stderr).toContain(`${file}: there is no PEM certificate`);
    expect(refusal(await init(['--no-passphrase', '--ca', join(folder, 'none')]))[1]).toBe(
      'file_missing',
    );
    expect(fs.existsSync(home)).toBe(false);
  });

  it('writes the address of a server below a path, without a slash at its end', async () => {
    expect((await init(['--no-passphrase', '--server', 'https://x.example/y/'])).code).toBe(0);
    expect(site().servers).toEqual(['https://x.example/y']);
  });

  it('never overwrites a site', async () => {
    await init(['--no-passphrase']);
    const before = fs.readFileSync(join(home, 'admin.key'), 'utf8');
    expect(refusal(await init(['--no-passphrase']))).toEqual([EXIT.usage, 'file_exists']);
    fs.rmSync(join(home, 'site.json'));
    expect(refusal(await init(['--no-passphrase']))).toEqual([EXIT.usage, 'file_exists']);
    expect(fs.readFileSync(join(home, 'admin.key'), 'utf8')).toBe(before);
  });

  it.each<[string, string[], Record<string, string>, string]>([
    ['an empty passphrase', [], { COATCHECK_PASSPHRASE: '' }, 'weak_secret'],
    ['a short passphrase', [], { COATCHECK_PASSPHRASE: 'x'.repeat(11) }, 'weak_secret'],
    ['no passphrase where nobody can be asked', [], {}, 'usage'],
    ['an unknown policy', ['--no-passphrase', '--approval', 'maybe'], {}, 'usage'],
    ['a site name of control characters', ['--no-passphrase', '--name', '\x1b[2J'], {}, 'usage'],
    [
      'an admin name that is too long',
      ['--no-passphrase', '--admin-name', 'x'.repeat(33)],
      {},
      'usage',
    ],
    ['a server with a query', ['--no-passphrase', '--server', 'http://x/y?z'], {}, 'usage'],
    ['an unknown option', ['--frobnicate'], {}, 'usage'],
  ])('refuses %s, and makes nothing', async (_, args, env, code) => {
    const [exit, given] = refusal(await init(args, env));
    expect([exit, given]).toEqual([EXIT.usage, code]);
    expect(fs.existsSync(home)).toBe(false);
  });

  itOnSmallDisk('8k', 'leaves nothing on a full disk', async (disk) => {
    fs.writeFileSync(join(disk.path, 'full'), Buffer.alloc(4096));
    home = join(disk.path, 'site');
    expect(refusal(await init(['--no-passphrase']))).toEqual([EXIT.failed, 'disk_full']);
    expect(fs.readdirSync(disk.path)).toEqual(['full']);
  });
});
