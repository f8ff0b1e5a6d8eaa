import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plugged } from './devices.ts';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';
import { cli, must } from './programs.ts';

describe('6: a key on a USB stick', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sticks-'));
  const [stick, other] = [join(folder, 'stick'), join(folder, 'other')];
  const append = 'ip=dhcp coatcheck.key=usb';
  let rack: Rack | undefined;
  let id: string;
  beforeAll(async () => {
    for (const file of [stick, other]) {
      await must(['truncate', '--size=16M', file]);
      await must(['mkfs.vfat', '-n', 'COATCHECK', file]);
    }
    // What docs/keys.md has, but for the mount: mtools writes where no kernel knows vfat.
    const key = join(folder, 'coatcheck.key');
    await cli('coatcheck-agent', ['key', 'make', 'file', key]);
    id = (await cli('coatcheck-agent', ['--key', key, 'id'])).trim();
    await must(['mcopy', '-i', stick, key, '::coatcheck.key']);
    rack = await openRack('usb', { store: 'folder' });
  });
  afterAll(async () => {
    await rack?.close();
    rmSync(folder, { recursive: true });
  });

  it('is that of the machine that it is plugged into', async () => {
    const machine = await rack!.boot(6, { append, args: plugged(stick) });
    const { node } = await rack!.proposal();
    expect(node).toBe(id);
    await rack!.coatcheck('approve', node, '--yes');
    await rack!.report(node);
    expect(await machine.ssh('grep -c " vfat " /proc/self/mounts || true')).toBe('0\n');
    await machine.stop();
  });

  it('is refused where there are two', async () => {
    const machine = await rack!.boot(6, { append, args: plugged(stick, other) });
    await machine.line(/\/dev\/sd\w+ and \/dev\/sd\w+/);
    expect(machine.said()).not.toMatch(/applied decision|login:/);
    await machine.stop();
  });
});
