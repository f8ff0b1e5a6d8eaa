import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plugged } from './devices.ts';
import { smallImage } from './image.ts';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';
import { cli, must } from './programs.ts';

describe('6: a key on a USB stick', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sticks-'));
  const [stick, other] = [join(folder, 'stick'), join(folder, 'other')];
  const boot = { append: 'ip=dhcp coatcheck.key=usb', loaded: true } as const;
  // Says once the configuration is there whether the stick could be pulled out.
  const mounted = `#!/bin/sh\necho "vfat: $(grep -c ' vfat ' /proc/mounts)" > /dev/console\n`;
  const files = { 'etc/init.d/S90mounted': { text: mounted, mode: 0o755 } };
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
    rack = await openRack('usb', { image: smallImage, store: 'folder' });
  });
  afterAll(async () => {
    await rack?.close();
    rmSync(folder, { recursive: true });
  });

  it('is that of the machine that it is plugged into', async () => {
    const machine = await rack!.boot(6, { ...boot, files, args: plugged(stick) });
    const { node } = await rack!.proposal();
    expect(node).toBe(id);
    await rack!.coatcheck('approve', node, '--yes');
    await rack!.report(node);
    await machine.line(/^vfat: 0$/);
    await machine.stop();
  });

  it('is refused where there are two', async () => {
    const machine = await rack!.boot(6, { ...boot, args: plugged(stick, other) });
    await machine.line(/\/dev\/sd\w+ and \/dev\/sd\w+/);
    expect(machine.said()).not.toMatch(/applied decision|login:/);
    await machine.stop();
  });
});
