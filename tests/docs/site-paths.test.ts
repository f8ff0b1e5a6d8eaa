import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRestartMap } from '../../agent/systemd/restart-map.ts';
import { withRoot } from '../../agent/tree/folder.ts';
import { EXIT } from '../../protocol/errors.ts';
import { faultOfSitePath } from '../../protocol/paths.ts';
import type { SitePath } from '../../protocol/paths.ts';
import { parseSite } from '../../protocol/site.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';

const page = fs.readFileSync('docs/site-paths.md', 'utf8');
const block = (name: string): string =>
  new RegExp(`^\`\`\`json ${name}\\n([^\`]*)\`\`\`$`, 'm').exec(page)![1]!;
const listOf = (name: string): readonly SitePath[] => JSON.parse(block(name)) as SitePath[];

const KEY =
  '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n';
const DATABASE = 'DbdHost=head\nStoragePass=a-secret-psk\n';
const WIRED = 'etc/NetworkManager/system-connections/Wired connection 1.nmconnection';
const OTHERS = {
  [WIRED]: '[connection]\nid=Wired connection 1\ntype=ethernet\n',
  'etc/NetworkManager/system-connections/Проводное соединение 1.nmconnection':
    '[connection]\nid=Проводное соединение 1\n[wifi-security]\npsk=a-secret-psk\n',
};

/** A path of each pattern, as a machine may have it. */
const sample = (pattern: string): string =>
  pattern
    .replace('libvirt-*', 'libvirt-spice')
    .replace('**', 'nets/ovirtmgmt')
    .replaceAll('*', 'site one');

let desk: Desk;
const machines: Machine[] = [];
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(async () => {
  for (const machine of machines) machine.remove();
  await desk.close();
});

/** The machine of an image with this list. */
function machineOf(paths: readonly SitePath[]): Machine {
  const { paths: _, ...site } = desk.site;
  const machine = makeMachine({
    ...{ ...site, servers: [desk.url] },
    ...(paths.length > 0 && { paths }),
  });
  machines.push(machine);
  return machine;
}

describe.each(['ovirt', 'slurm'])('the list for %s', (name) => {
  const paths = listOf(name);
  const samples = paths.map(({ pattern, secret = false }) => ({ path: sample(pattern), secret }));

  it('is of patterns that a site may have', () => {
    expect(paths.map(({ pattern }) => faultOfSitePath(pattern))).toEqual(
      paths.map(() => undefined),
    );
  });

  it(
    'goes from one root to another: capture, propose, review, approve, apply',
    { tags: 'long' },
    async () => {
      const siteFile = join(desk.home, 'site.json');
      const before = fs.readFileSync(siteFile, 'utf8');
      const machine = machineOf(paths);
      for (const { path } of samples) {
        const isKey = /key\.pem$|private\//.test(path);
        const content = isKey ? KEY : `content of ${path}\n`;
        machine.write(path, path.endsWith('dbd.conf') ? DATABASE : content, 0o600);
      }
      for (const [path, content] of Object.entries(OTHERS)) machine.write(path, content, 0o600);
      const wanted = [...samples.map(({ path }) => path), ...Object.keys(OTHERS)].sort();

      const captured = await machine.json('capture');
      const files = captured['files'] as { path: string; executes: string; secret: boolean }[];
      expect(files.map(({ path }) => path).sort()).toEqual(wanted);
      for (const { path, secret } of samples) {
        expect([path, files.find((file) => file.path === path)!.secret]).toEqual([path, secret]);
      }
      expect(files.filter(({ executes }) => executes === 'no')).toEqual([]);
      const { digest } = (await machine.json('propose')) as { digest: string };

      // The administrator's site.json has no list yet.
      const early = await desk.run(
        'approve',
        machine.identity.id,
        digest,
        '--yes',
        '--show-secrets',
      );
      expect(early.code).toBe(EXIT.refused);
      expect(early.stderr).toMatch(/take the site\.json of that image.*\[path_refused\]\n$/);

      for (const { pattern, secret } of paths) {
        await desk.json('site', 'add-path', pattern, ...(secret === true ? ['--secret'] : []));
      }
      // A list that has grown since knows the list of an older image.
      await desk.json('site', 'add-path', 'etc/later/**');
      try {
        expect(parseSite(fs.readFileSync(siteFile, 'utf8'), () => undefined).paths).toEqual([
          ...paths,
          { pattern: 'etc/later/**' },
        ]);
        const shown = await desk.run('diff', machine.identity.id, digest);
        for (const { path, secret } of samples) {
          if (secret) expect(shown.stdout).not.toContain(`content of ${path}`);
          else expect(shown.stdout).toContain(`content of ${path}`);
        }
        if (name === 'slurm') expect(shown.stdout).toContain('| +DbdHost=head\n| +StoragePass=***');
        expect(shown.stdout).not.toContain('MC4CAQAwBQYDK2Vw');
        expect(shown.stdout).not.toContain('a-secret-psk');
        expect(shown.stdout).toContain(`+ "${WIRED}"`);
        expect(shown.stdout).toContain('\\u041f\\u0440\\u043e');
        expect(shown.stdout).not.toContain('NOT ALLOWED');

        const approved = await desk.run(
          ...['approve', machine.identity.id, digest, '--yes', '--show-secrets'],
        );
        expect([approved.code, approved.stderr]).toEqual([0, expect.stringContaining('may name')]);
      } finally {
        fs.writeFileSync(siteFile, before);
      }
      const rebooted = machine.reboot();
      machines.push(rebooted);
      const booted = await rebooted.run('boot');
      expect([booted.code, booted.stderr]).toEqual([0, expect.any(String)]);
      expect(rebooted.tree()).toEqual(machine.tree());
    },
  );

  it('has a restart map that the agent takes', () => {
    const machine = machineOf([]);
    const path = machine.path('etc/coatcheck/restart.json');
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(path, block(`${name}-restart`));
    expect(Object.keys(withRoot(machine.root, readRestartMap).restart).length).toBeGreaterThan(1);
  });
});

describe("a machine's list", () => {
  it('is what its image has: a longer one of an administrator brings nothing into it', async () => {
    const machine = machineOf([]);
    machine.write('etc/hostname', 'a\n');
    machine.write('etc/vdsm/vdsm.conf', 'x\n');
    expect((await machine.run('capture')).stdout).not.toContain('vdsm');
    const digest = await desk.propose(machine.identity, {
      files: { 'etc/vdsm/vdsm.conf': 'x\n' },
    });
    const siteFile = join(desk.home, 'site.json');
    const before = fs.readFileSync(siteFile, 'utf8');
    await desk.json('site', 'add-path', 'etc/vdsm/**');
    const refused = await desk.run('approve', machine.identity.id, digest, '--yes');
    fs.writeFileSync(siteFile, before);
    expect(refused.code).toBe(EXIT.refused);
    expect(refused.stdout).toContain('NOT ALLOWED');
    expect(refused.stderr).toMatch(
      /etc\/vdsm\/vdsm\.conf: neither the built-in .*path_refused\]\n$/,
    );
  });

  it('is lengthened by what a site may have, or not at all', async () => {
    const siteFile = join(desk.home, 'site.json');
    const before = fs.readFileSync(siteFile, 'utf8');
    for (const pattern of ['usr/bin/x', 'etc/coatcheck/key', 'etc/**/x', '/etc/x']) {
      const refused = await desk.run('site', 'add-path', 'etc/good', pattern);
      expect([refused.code, refused.stderr]).toEqual([
        EXIT.usage,
        expect.stringContaining(`${pattern.includes('*') ? `"${pattern}"` : pattern}: `),
      ]);
    }
    expect(fs.readFileSync(siteFile, 'utf8')).toBe(before);
    expect((await desk.run('site', 'paths')).stdout).toBe('');
  });
});
