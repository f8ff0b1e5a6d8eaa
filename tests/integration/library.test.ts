import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../local-minio/server-process.ts';
import { installPacked } from '../support/packed.ts';

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
  });
  afterAll(() => {
    for (const child of running) child.kill();
    fs.rmSync(folder, { recursive: true });
  });

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
      expect(await (await fetch(new URL('/', publicUrl))).text()).toBe('the host');

      const agent = (...args: string[]): string =>
        bin('coatcheck-agent', [
          ...[
            '--site',
            'coatcheck-site/site.json',
            '--key',
            'node.key',
            '--state',
            'state',
            ...args,
          ],
        ]);
      fs.mkdirSync(join(folder, 'root', 'etc'), { recursive: true });
      fs.mkdirSync(join(folder, 'fresh'));
      fs.writeFileSync(join(folder, 'root', 'etc', 'hostname'), 'web1\n');
      bin('coatcheck-agent', ['key', 'make', 'file', 'node.key']);
      agent('--root', 'root', 'propose');

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
});
