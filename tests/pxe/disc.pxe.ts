import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { grub } from '../../image/boot-files.ts';
import { readOptions } from '../../image/options.ts';
import { makeIso } from '../../image/pack.ts';
import { makeVariables, uefi } from './devices.ts';
import { smallImage } from './image.ts';
import { configured, openRack } from './lab.ts';
import type { Rack } from './lab.ts';

/** Nobody on the network tells it anything: there is no DHCP server, and no DNS. */
const STATIC =
  'ip=10.77.0.40 netmask=255.255.255.0 coatcheck.server=http://10.77.0.1:8420 coatcheck.key=image';

describe('8: the same image from a disc and from a stick', () => {
  const folder = mkdtempSync(join(tmpdir(), 'disc-'));
  const iso = join(folder, 'coatcheck.iso');
  const variables = join(folder, 'OVMF_VARS_4M.fd');
  let rack: Rack | undefined;
  let node: string | undefined;
  beforeAll(async () => {
    const image = await smallImage((line) => process.stderr.write(`${line}\n`));
    for (const name of ['vmlinuz', 'initrd.img']) {
      copyFileSync(resolve(image.folder, name), join(folder, name));
    }
    writeFileSync(join(folder, 'grub.cfg'), grub(STATIC));
    await makeIso(folder, iso, readOptions(image.args, {}, image.date)!);
    makeVariables(variables);
    rack = await openRack('disc', { image: smallImage, store: 'folder', dnsmasq: [] });
  });
  afterAll(async () => {
    await rack?.close();
    rmSync(folder, { recursive: true });
  });

  const disc = ['-cdrom', iso];
  const stick = [
    ...['-device', 'qemu-xhci', '-drive', `if=none,id=stick,format=raw,file=${iso}`],
    ...['-device', 'usb-storage,drive=stick,bootindex=1'],
  ];
  it.each([
    ['a disc under BIOS', disc],
    ['a stick under BIOS', stick],
    ['a disc under UEFI', [...uefi(variables), ...disc]],
    ['a stick under UEFI', [...uefi(variables), ...stick]],
  ])('boots from %s, at an address of its own', async (_, args) => {
    const machine = await rack!.boot(8, { args, local: true });
    node = await configured(rack!, machine, node);
  });
});
