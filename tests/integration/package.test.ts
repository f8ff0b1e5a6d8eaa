// @module-tag long
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** What `npm pack --json` says of the tarball that it made. */
interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

describe('the npm package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-package-'));
  let packed: Packed;

  const run = (command: string, ...args: string[]): string =>
    execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  const installed = (name: string, ...args: string[]): string =>
    run(join(folder, 'node_modules', '.bin', name), ...args);

  beforeAll(() => {
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
    const json = execFileSync('npm', pack, { encoding: 'utf8', stdio: 'pipe' });
    [packed] = JSON.parse(json) as [Packed];
    run('npm', 'init', '--yes');
    run('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', packed.filename);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('holds the two commands, what keeps a key, what the page wants, the functions of AWS, the units of both, what npm wants, modules with their types, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);
    const parts = paths.filter((path) => /^dist\/coatcheck-[\w-]+-[0-9A-Z]{8}\.mjs$/.test(path));
    const modules = paths.filter((path) => path.startsWith('dist/lib/'));
    const sources = modules.map((path) =>
      path.replace(/^dist\/lib\/(.*?)(?:\.d\.ts|\.js)$/, '$1.ts'),
    );
    expect(sources.filter((path) => path.endsWith('.test.ts') || !existsSync(path))).toEqual([]);
    parts.push(...modules);
    expect(paths.filter((path) => !parts.includes(path)).toSorted()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      ...['agent.service', 'boot.target', 'failed.service', 'generator', 'ready.target'].map(
        (name) => `agent/units/coatcheck-${name}`,
      ),
      ...['service', 'timer'].map((type) => `agent/units/coatcheck-refresh.${type}`),
      ...['log.js', 'page.js', 'style.css', 'times.js', 'wall.js'].map(
        (name) => `dist/assets/${name}`,
      ),
      'dist/coatcheck-agent.mjs',
      'dist/coatcheck-keeper.mjs',
      'dist/coatcheck.mjs',
      ...['admin', 'doctor', 'download', 'upload'].map(
        (name) => `dist/functions/${name}/index.mjs`,
      ),
      ...['coatcheck-agent', 'coatcheck'].map((name) => `docs/man/${name}.1`),
      'package.json',
      ...['service', 'socket', 'sysusers'].map((type) => `packaging/server/coatcheck.${type}`),
    ]);
  });

  it.each([
    ['publint', ['--strict']],
    ['attw', ['--profile', 'esm-only']],
  ])('is one that %s has nothing to say of', (command, args) => {
    const tarball = join(folder, packed.filename);
    execFileSync(join('node_modules', '.bin', command), [tarball, ...args], { stdio: 'pipe' });
  });

  it('runs in an empty folder: makes a site, and the key of a machine', () => {
    expect(installed('coatcheck', '--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(installed('coatcheck-agent', '--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(installed('coatcheck', 'init', '--no-passphrase')).toContain('made site');
    expect(installed('coatcheck-agent', 'key', 'make', 'file', 'node.key')).toMatch(
      /^[a-z2-7]{32}\n$/,
    );
  });

  it('serves there', async () => {
    const server = spawn(join(folder, 'node_modules', '.bin', 'coatcheck'), ['serve', '--port=0'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(server.stdout, 'data')) as [Buffer];
      const url = /http:\S+/.exec(line.toString())![0];
      const health = await fetch(`${url}/v1/health`);
      expect(await health.json()).toMatchObject({ ok: true });
    } finally {
      server.kill('SIGTERM');
      await once(server, 'exit');
    }
  });
});
