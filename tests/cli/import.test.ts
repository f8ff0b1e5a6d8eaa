// @module-tag long
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { EXIT } from '../../protocol/errors.ts';
import { openDesk, refusal } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';

const work = fs.mkdtempSync(join(tmpdir(), 'coatcheck-import-'));
const at = (name: string): string => join(work, name);
let desk: Desk;
let machine: Machine;
beforeAll(async () => {
  desk = await openDesk();
  machine = makeMachine({ ...desk.site, servers: [desk.url] });
});
afterAll(async () => {
  machine.remove();
  await desk.close();
  fs.rmSync(work, { recursive: true, force: true });
});

const USER_DATA = `#cloud-config
write_files:
- path: /etc/hostname
  content: web1
- path: /etc/motd
  owner: ada:ada
  permissions: '0600'
  content: |
    imported
- path: /etc/ldap.secret
  permissions: 0600
  content: pass
- path: /etc/coatcheck/ready.d/10-say
  permissions: '0755'
  content: "#!/bin/sh\\n"
`;

it('makes of user data what a machine applies at its first boot', async () => {
  fs.writeFileSync(at('user-data'), USER_DATA);
  const done = await desk.run('import', at('user-data'), at('web1'));
  expect([done.code, done.stdout]).toEqual([0, `4 files written to ${at('web1')}\n`]);
  expect(done.stderr).toContain('0600 ada:ada becomes 0644 root:root: etc/motd');
  fs.writeFileSync(at('web1.keys'), (await machine.run('id', '--public')).stdout);
  const prepared = await desk.run(
    ...['prepare', at('web1.keys'), at('web1'), '--words', nodeWords(machine.identity.id)],
    ...['--unseen', 'etc/ldap.secret', '--set', 'answer:ip=dhcp', '--yes'],
  );
  expect([prepared.code, prepared.stdout]).toEqual([0, expect.stringContaining('web1')]);
  expect((await machine.run('boot')).code).toBe(0);
  const modes = ['etc/motd', 'etc/ldap.secret', 'etc/coatcheck/ready.d/10-say'].map(
    (path) => fs.statSync(machine.path(path)).mode & 0o777,
  );
  expect([machine.read('etc/motd'), modes]).toEqual(['imported\n', [0o644, 0o600, 0o755]]);
});

it.each(['gnu', 'pax', 'ustar'])('takes what tar itself makes: %s', async (format) => {
  const tree = at(`tree-${format}`);
  const long = `etc/systemd/system/${'n'.repeat(110)}.service`;
  for (const [path, text] of [
    ['etc/motd', 'x\n'],
    ...(format === 'ustar' ? [] : [[long, '[Unit]\n']]),
  ] as [string, string][]) {
    fs.mkdirSync(join(tree, path, '..'), { recursive: true, mode: 0o755 });
    fs.writeFileSync(join(tree, path), text, { mode: 0o644 });
  }
  const tar = at(`${format}.tgz`);
  execFileSync('tar', [
    '-C',
    tree,
    `--format=${format}`,
    '--owner=0',
    '--group=0',
    '-czf',
    tar,
    '.',
  ]);
  const done = await desk.run('--json', 'import', tar, at(format));
  expect([done.code, JSON.parse(done.stdout)]).toEqual([
    0,
    {
      folder: at(format),
      files: expect.arrayContaining(
        format === 'ustar' ? ['etc/motd'] : ['etc/motd', long],
      ) as unknown,
      notKept: [],
    },
  ]);
  expect(fs.readFileSync(join(at(format), 'etc/motd'), 'utf8')).toBe('x\n');
});

it('leaves nothing where it refuses, and what was there as it was', async () => {
  fs.writeFileSync(at('bad'), `${USER_DATA}runcmd: [reboot]\n`);
  const bad = await desk.run('import', at('bad'), at('none'));
  expect(refusal(bad)).toEqual([EXIT.usage, 'usage']);
  expect(bad.stderr).toContain('runcmd: a bundle has no commands');
  expect(fs.readdirSync(work).filter((name) => name.startsWith('none'))).toEqual([]);
  fs.mkdirSync(at('full'));
  fs.writeFileSync(join(at('full'), 'x'), '');
  fs.writeFileSync(at('good'), USER_DATA);
  expect(refusal(await desk.run('import', at('good'), at('full')))).toEqual([
    EXIT.usage,
    'file_exists',
  ]);
  expect(fs.readdirSync(at('full'))).toEqual(['x']);
  expect(refusal(await desk.run('import', at('missing'), at('none')))).toEqual([
    EXIT.usage,
    'file_missing',
  ]);
  expect(refusal(await desk.run('import', work, at('none')))[0]).toBe(EXIT.usage);
});
