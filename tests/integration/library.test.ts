import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { scryptSync } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../local-minio/server-process.ts';
import { installPacked } from '../support/packed.ts';

const ENGINE = 'examples/engine/engine.ts';

/** The blocks of docs/library.md that are files: by name. */
function blocksOf(markdown: string): [name: string, text: string][] {
  return [...markdown.matchAll(/^```ts (\S+)\n(.*?)^```$/gms)].map(([, name, text]) => [
    name!,
    text!,
  ]);
}

describe('docs/library.md', { tags: 'long' }, () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-library-'));
  const run = (command: string, args: string[], env = {}): string =>
    execFileSync(command, args, {
      ...{ cwd: folder, encoding: 'utf8', stdio: 'pipe', env: { ...process.env, ...env } },
    });
  const bin = (name: string, args: string[], env = {}): string =>
    run(join(folder, 'node_modules', '.bin', name), args, env);
  const running: ChildProcess[] = [];

  beforeAll(() => {
    const types = ['@types/express', '@types/node', 'typescript'];
    installPacked(folder, ['express', ...types, 'hono', '@hono/node-server']);
    for (const [name, text] of blocksOf(fs.readFileSync('docs/library.md', 'utf8'))) {
      fs.writeFileSync(join(folder, name), text);
    }
    fs.copyFileSync(ENGINE, join(folder, 'engine.ts'));
  });
  afterAll(() => {
    for (const child of running) child.kill();
    fs.rmSync(folder, { recursive: true });
  });

  /** A new site, and a program with its server in it. */
  async function startHost(host: string, publicUrl: string): Promise<ChildProcess> {
    for (const name of ['store', 'coatcheck-site', 'root', 'fresh', 'state', 'node.key']) {
      fs.rmSync(join(folder, name), { recursive: true, force: true });
    }
    bin('coatcheck', ['--server', publicUrl, 'init', '--no-passphrase']);
    const server = spawn(process.execPath, [join('out', `${host}.js`)], {
      ...{ cwd: folder, env: { ...process.env, PUBLIC_URL: publicUrl }, stdio: 'inherit' },
    });
    running.push(server);
    while (!(await fetch(`${publicUrl}/v1/health`).catch(() => ({ ok: false }))).ok) {
      expect(server.exitCode).toBe(null);
      await sleep(50);
    }
    return server;
  }

  const agent = (...args: string[]): string =>
    bin('coatcheck-agent', [
      ...['--site', 'coatcheck-site/site.json', '--key', 'node.key', '--state', 'state'],
      ...args,
    ]);
  /** A machine makes its configuration. */
  function proposes(): void {
    fs.mkdirSync(join(folder, 'root', 'etc'), { recursive: true });
    fs.mkdirSync(join(folder, 'fresh'));
    fs.writeFileSync(join(folder, 'root', 'etc', 'hostname'), 'web1\n');
    bin('coatcheck-agent', ['key', 'make', 'file', 'node.key']);
    agent('--root', 'root', 'propose');
  }

  it.each(['nodenext', 'bundler'])(
    'is of programs that the compiler takes, strictly, by %s',
    (moduleResolution) => {
      const compilerOptions = {
        ...{ target: 'es2023', module: moduleResolution === 'bundler' ? 'esnext' : 'nodenext' },
        ...{ moduleResolution, strict: true, types: ['node'], outDir: 'out' },
        ...{
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          skipLibCheck: false,
        },
      };
      const file = join(folder, `tsconfig.${moduleResolution}.json`);
      fs.writeFileSync(file, JSON.stringify({ compilerOptions, include: ['*.ts'] }));
      bin('tsc', ['-p', file]);
    },
  );

  it.each(['hono-host', 'express-host'])(
    'is of programs of which %s boots a node below a path, once it is approved',
    async (host) => {
      const publicUrl = `http://127.0.0.1:${await freePort()}/coatcheck`;
      const server = await startHost(host, publicUrl);
      expect(await (await fetch(new URL('/', publicUrl))).text()).toBe('the host');
      proposes();

      const { seed } = JSON.parse(
        fs.readFileSync(join(folder, 'coatcheck-site', 'admin.key'), 'utf8'),
      ) as { seed: string };
      const said = run(process.execPath, [join('out', 'approve.js')], {
        ADMIN_SEED: Buffer.from(seed, 'base64url').toString('hex'),
      });
      expect(said).toBe('added etc/hostname\napproved, decision 1\n');

      agent('--root', 'fresh', 'boot', '--once');
      expect(fs.readFileSync(join(folder, 'fresh', 'etc', 'hostname'), 'utf8')).toBe('web1\n');
      server.kill();
      await once(server, 'exit');
    },
  );

  it('has an engine beside it with users of its own, who decide on its page', async () => {
    expect(fs.readFileSync(ENGINE, 'utf8').split('\n').length).toBeLessThan(200);
    const salt = Buffer.from('salt of the test');
    const user = (role: string, password: string) => ({
      ...{ role, salt: salt.toString('hex') },
      hash: scryptSync(password, salt, 32).toString('hex'),
    });
    const users = { ada: user('operator', 'pass:ada'), bob: user('viewer', 'pass:bob') };
    fs.writeFileSync(join(folder, 'users.json'), JSON.stringify(users));
    const publicUrl = `http://127.0.0.1:${await freePort()}/coatcheck`;
    const { origin } = new URL(publicUrl);
    const server = await startHost('engine', publicUrl);
    proposes();

    const as = (name: string, password = `pass:${name}`) => ({
      authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
    });
    const get = async (path: string, headers = as('ada')): Promise<[number, string]> => {
      const answer = await fetch(`${origin}${path}`, { headers });
      return [answer.status, await answer.text()];
    };
    const decide = async (
      verdict: string,
      ticket: string,
      headers: Record<string, string> = { ...as('ada'), origin },
    ): Promise<[number, string]> => {
      const body = new URLSearchParams({ verdict, ticket });
      const answer = await fetch(`${origin}/decide`, { method: 'POST', headers, body });
      return [answer.status, await answer.text()];
    };
    const look = async (headers = as('ada')): Promise<string> => {
      const [, list] = await get('/', headers);
      const [, link] = /href="(\/nodes\/[^"]+)"/.exec(list)!;
      const [, text] = await get(link!, headers);
      expect(text).toContain('added etc/hostname');
      expect(text).toContain('+web1');
      return /name="ticket" value="([^"]+)"/.exec(text)![1]!;
    };

    for (const wrong of [{}, as('ada', 'pass:bob'), as('eve', 'pass:ada')]) {
      expect((await fetch(origin, { headers: wrong })).status).toBe(401);
    }
    const [, first] = await get('/');
    expect(first).toContain('says that it is web1');
    const [, node = ''] = /href="\/nodes\/([a-z2-7]{32})\//.exec(first)!;
    // Who may look, another site's form, what was shown to somebody else, and what was used up.
    expect((await decide('approve', await look(as('bob')), { ...as('bob'), origin }))[0]).toBe(403);
    const ticket = await look();
    expect(
      (await decide('approve', ticket, { ...as('ada'), origin: 'https://evil.example' }))[0],
    ).toBe(403);
    expect((await decide('approve', await look(as('bob'))))[0]).toBe(409);
    const refused = await decide('reject', await look());
    expect(refused).toEqual([200, 'reject: decision 1\n']);
    // What was on the page before: somebody was quicker.
    expect((await decide('approve', ticket))[0]).toBe(409);
    expect((await decide('approve', ticket))[1]).toContain('not what was shown');

    fs.writeFileSync(join(folder, 'root', 'etc', 'motd'), '<b>second</b>\n');
    agent('--root', 'root', 'propose');
    expect(await decide('approve', await look())).toEqual([200, 'approve: decision 2\n']);
    expect(bin('coatcheck', ['--server', publicUrl, 'history', node])).toContain(
      'by ada, in the engine',
    );
    agent('--root', 'fresh', 'boot', '--once');
    expect(fs.readFileSync(join(folder, 'fresh', 'etc', 'motd'), 'utf8')).toBe('<b>second</b>\n');
    server.kill();
    await once(server, 'exit');
  });
});
