import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedOfRun } from '../support/random.ts';
import { cutting } from './cut.ts';
import { openRack } from './lab.ts';
import type { Machine, Rack } from './lab.ts';
import { cli, must } from './programs.ts';

/** What needs systemd: swap is made by its manager, and a credential of the firmware is handed on by it. */
describe('swap on a marked disk, of a machine whose key is a credential of SMBIOS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'swap-'));
  const disk = join(folder, 'disk');
  const append = 'ip=dhcp coatcheck.key=credential swap=disk:/dev/disk/by-partlabel/COATCHECK-SWAP';
  const seed = seedOfRun();
  let rack: Rack | undefined;
  let node: string;
  let boot: () => Promise<Machine>;
  beforeAll(async () => {
    await must(['truncate', '--size=64M', disk]);
    const table = 'label: gpt\nstart=2048, size=60MiB, name=COATCHECK-SWAP\n';
    await must(['sh', '-c', `printf '${table}' | sfdisk --quiet "$0"`, disk]);
    const made = await cli('coatcheck-agent', ['--json', 'key', 'make', 'credential']);
    const { node: id, smbios } = JSON.parse(made) as { node: string; smbios: string };
    node = id;
    rack = await openRack('swap', { store: 'folder' });
    const args = [
      ...['-smbios', `type=11,value=${smbios}`],
      ...['-drive', `if=none,id=disk,format=raw,file=${disk}`],
      ...['-device', 'virtio-blk-pci,drive=disk'],
    ];
    boot = () => rack!.boot(16, { append, args, loaded: true });
  });
  afterAll(async () => {
    await rack?.close();
    rmSync(folder, { recursive: true });
  });

  it(`is made of no filesystem, and again after the power went while it was made (seed ${seed})`, async () => {
    const { coatcheck, proposal, report } = rack!;
    await must(['mkfs.ext4', '-q', '-F', '-E', `offset=${1024 * 1024}`, disk, '60M']);
    const before = digestOf(disk);
    const first = await boot();
    expect((await proposal()).node).toBe(node);
    await coatcheck('approve', node, '--yes');
    await first.line(/FAILED swap/);
    expect(first.said()).toMatch(/carries\s+ext4/);
    expect(await first.ssh('swapon --show')).toBe('');
    expect(digestOf(disk)).toBe(before);

    await first.ssh('wipefs --all --quiet /dev/vda1; sync');
    const cut = cutting(seed)(first, { kept: disk, within: 3000 });
    await first.ssh('coatcheck-agent start --no-network < /dev/null > /dev/null 2>&1 &');
    await cut;

    const second = await boot();
    await second.line(/applied decision 1/);
    await report(node);
    const show = 'swapon --show=NAME,TYPE,PRIO --noheadings';
    expect(await second.ssh(show)).toMatch(/^\/dev\/dm-0 +partition +10\n$/);
    const status = await second.ssh('cryptsetup status coatcheck-swap');
    expect(status).toMatch(/type: +PLAIN/);
    expect(status).toMatch(/cipher: +aes-xts-plain64/);
    expect(status).toMatch(/device: +\/dev\/vda1/);
    await second.stop();
  });
});

const digestOf = (file: string): string =>
  createHash('sha256').update(readFileSync(file)).digest('hex');
