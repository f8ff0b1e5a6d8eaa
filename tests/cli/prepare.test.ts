// @module-tag long
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { EXIT } from '../../protocol/errors.ts';
import { openDesk, refusal } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';

const work = fs.mkdtempSync(join(tmpdir(), 'coatcheck-prepare-'));
let desk: Desk;
let machine: Machine;
let keys = '';
beforeAll(async () => {
  desk = await openDesk();
  machine = makeMachine({ ...desk.site, servers: [desk.url] });
  keys = join(work, 'web1.keys');
  fs.writeFileSync(keys, (await machine.run('id', '--public')).stdout);
});
afterAll(async () => {
  machine.remove();
  await desk.close();
  fs.rmSync(work, { recursive: true, force: true });
});

/** A folder with these files. */
function folderOf(name: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    const place = join(work, name, path);
    fs.mkdirSync(dirname(place), { recursive: true });
    fs.writeFileSync(place, text, { mode: 0o664 });
  }
  return join(work, name);
}
const prepare = (folder: string, ...args: string[]) => {
  const words = nodeWords(machine.identity.id);
  return desk.run('prepare', keys, folder, '--words', words, '--yes', ...args);
};

it('takes regular files only, at places that a bundle may have, and names all that is none', async () => {
  const bad = folderOf('bad', { 'etc/motd': 'x\n' });
  fs.symlinkSync('/etc/passwd', join(bad, 'etc/passwd'));
  fs.symlinkSync('/etc', join(bad, 'all'));
  const linked = await prepare(bad);
  expect(refusal(linked)).toEqual([EXIT.usage, 'usage']);
  expect(linked.stderr).toContain('all is a link, etc/passwd is a link');
  const elsewhere = await prepare(folderOf('elsewhere', { 'usr/bin/ls': 'x' }));
  expect([elsewhere.code, elsewhere.stderr]).toEqual([
    EXIT.refused,
    expect.stringContaining('[path_refused]'),
  ]);
  expect(refusal(await prepare(join(work, 'none')))).toEqual([EXIT.usage, 'file_missing']);
});

it('wants the words of the machine, and keys that are its', async () => {
  const folder = folderOf('some', { 'etc/motd': 'x\n' });
  const unnamed = await desk.run('prepare', keys, folder, '--yes');
  expect([unnamed.code, unnamed.stderr]).toEqual([
    EXIT.usage,
    expect.stringContaining('named by its eight words'),
  ]);
  const other = makeMachine(desk.site);
  const mixed = join(work, 'mixed.keys');
  const text = (await other.run('id', '--public')).stdout;
  other.remove();
  fs.writeFileSync(mixed, `${machine.identity.id}\n${text.split('\n').slice(1).join('\n')}`);
  const wrong = await desk.run('prepare', mixed, folder, '--yes');
  expect(refusal(wrong)).toEqual([EXIT.usage, 'file_malformed']);
});

it('is what the machine applies at its first boot, without a proposal', async () => {
  const folder = folderOf('web1', {
    ...{ 'etc/hostname': 'web1\n', 'etc/motd': 'prepared\n', 'etc/ldap.secret': 'pass\n' },
  });
  const done = await prepare(folder, '--unseen', 'etc/ldap.secret', '--set', 'answer:ip=dhcp');
  expect(done.code).toBe(0);
  expect(done.stdout).toContain('host name  web1');
  expect((await machine.run('boot')).code).toBe(0);
  expect(machine.read('etc/motd')).toBe('prepared\n');
  const modes = ['etc/motd', 'etc/ldap.secret'].map(
    (path) => fs.statSync(machine.path(path)).mode & 0o777,
  );
  expect(modes).toEqual([0o644, 0o600]);
  expect(refusal(await prepare(folder))).toEqual([EXIT.conflict, 'in_force']);
  expect((await desk.run('set', 'swap=none', 'web1', '--yes')).code).toBe(0);
});
