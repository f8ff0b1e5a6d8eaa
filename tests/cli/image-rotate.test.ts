// @module-tag long
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nameInSite } from '../../cli/commands/image-keys.ts';
import { homeAt } from '../../cli/home.ts';
import { openPcrKey, pcrKeysIn } from '../../cli/image/pcr-keys.ts';
import { parseCa } from '../../net/certificates.ts';
import { EXIT } from '../../protocol/errors.ts';
import { keyId, pcrKeysOf, shortKeyId } from '../../protocol/measured.ts';
import { formatSite, parseSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import { signSuccession } from '../../protocol/succession.ts';
import { openDesk, refusal } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeNode, SETTINGS } from '../support/site.ts';

describeWith('secureboot', 'another key for policies', () => {
  let desk: Desk;
  let folder: string;
  beforeAll(async () => {
    desk = await openDesk();
    folder = join(desk.home, 'image-keys');
  });
  afterAll(() => desk.close());
  const site = (): Site =>
    parseSite(fs.readFileSync(join(desk.home, 'site.json'), 'utf8'), parseCa);
  const keys = (...args: string[]) => desk.run('image', 'keys', ...args);

  it('goes beside the one before, which goes once no machine has a configuration by it', async () => {
    expect(refusal(await keys('--rotate'))).toEqual([EXIT.usage, 'usage']);
    expect((await keys('--no-passphrase')).code).toBe(0);
    expect(refusal(await keys('--end-rotation'))).toEqual([EXIT.usage, 'usage']);
    const [old] = pcrKeysOf(site());
    const made = await keys('--rotate', '--no-passphrase');
    expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining(keyId(old!)) as string });
    const [key, before, ...more] = pcrKeysOf(site());
    expect([keyId(before!), more]).toEqual([keyId(old!), []]);
    expect(keyId(key!)).not.toBe(keyId(old!));
    // An image is signed by both, the new one first.
    const found = await pcrKeysIn(folder, site());
    expect(found.map((file) => keyId(file.key))).toEqual([keyId(key!), keyId(old!)]);
    for (const file of found) expect(await openPcrKey(file, async () => '')).toBeDefined();
    const third = await keys('--rotate', '--no-passphrase');
    expect([refusal(third), third.stderr]).toEqual([
      [EXIT.usage, 'usage'],
      expect.stringContaining('--end-rotation first'),
    ]);
    expect(pcrKeysOf(site()).map(keyId)).toEqual([key!, old!].map(keyId));

    const [machine, moved] = [makeNode('by the old key'), makeNode('by the new key')];
    const about = { hostname: 'gx1', keySource: 'tpm', pcrKey: shortKeyId(old!) };
    await desk.propose(machine, { metadata: { ...SETTINGS, ...about } });
    expect((await desk.run('approve', machine.id, '--yes')).code).toBe(0);
    const early = await keys('--end-rotation');
    expect([refusal(early), early.stderr]).toEqual([
      [EXIT.conflict, 'in_force'],
      expect.stringMatching(/1 machine has a configuration in force by the key before: gx1\./),
    ]);
    expect(refusal(await keys('--end-rotation', '--leave-behind', '2'))[1]).toBe('in_force');
    expect(pcrKeysOf(site())).toHaveLength(2);

    const succeeds = signSuccession(site().id, machine, moved.id);
    const claim = { keySource: 'tpm', pcrKey: shortKeyId(key!), succeeds };
    await desk.propose(moved, { files: {}, metadata: claim });
    const transfer = await desk.run('transfer', '--successors', '--yes', '--expect', '1');
    expect(transfer.code).toBe(0);
    const files = fs.readdirSync(folder).filter((name) => name.startsWith('PCR'));
    const ended = await keys('--end-rotation');
    expect([ended.code, ended.stderr]).toEqual([0, expect.not.stringContaining('left behind')]);
    expect(pcrKeysOf(site()).map(keyId)).toEqual([keyId(key!)]);
    const left = fs.readdirSync(folder).filter((name) => name.startsWith('PCR'));
    expect(files.filter((name) => !left.includes(name))).toEqual(['PCR.key', 'PCR.pem']);
    expect((await pcrKeysIn(folder, site())).map((file) => keyId(file.key))).toEqual([keyId(key!)]);
    // And again, from the key that has no other name.
    expect((await keys('--rotate', '--no-passphrase')).code).toBe(0);
    expect(pcrKeysOf(site()).map(keyId)[1]).toBe(keyId(key!));
    // A file that cannot be removed: the key is still named, so that the same command goes on.
    const [stuck, aside] = [join(folder, `PCR-${shortKeyId(key!)}.key`), join(folder, 'aside')];
    fs.renameSync(stuck, aside);
    fs.mkdirSync(stuck);
    expect((await keys('--end-rotation', '--leave-behind', '1')).code).not.toBe(0);
    expect(pcrKeysOf(site())).toHaveLength(2);
    fs.rmdirSync(stuck);
    fs.renameSync(aside, stuck);
    const given = await keys('--end-rotation', '--leave-behind', '1');
    expect([given.code, given.stderr]).toEqual([0, expect.stringContaining('left behind: gx1')]);
    expect(fs.existsSync(stuck)).toBe(false);
  });

  it('is named in the site.json that is there then, and not beside a key that came meanwhile', async () => {
    const home = homeAt(desk.home);
    const early = site();
    const [key] = pcrKeysOf(early);
    const other = 'http://another.example:8420';
    fs.writeFileSync(join(desk.home, 'site.json'), formatSite({ ...early, servers: [other] }));
    await nameInSite(home, early, key!);
    expect(site()).toEqual({ ...early, servers: [other] });
    await expect(nameInSite(home, { ...early, pcrKeys: [] }, key!)).rejects.toMatchObject({
      code: 'in_use',
    });
    expect(site()).toEqual({ ...early, servers: [other] });
  });
});
