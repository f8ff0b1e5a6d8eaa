import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signedImage } from '../pxe/image.ts';
import { configured, openRack } from '../pxe/lab.ts';
import type { Rack } from '../pxe/lab.ts';
import { must } from '../pxe/programs.ts';
import { disc, enrol, secureFirmware, stick, without } from './firmware.ts';

/** The boot server's own file, with the signed image in the place of a loader. */
const CONF = readFileSync('image/boot-server/dnsmasq.conf', 'utf8').replaceAll(
  'ipxe.efi',
  'coatcheck.efi',
);
/** Of QEMU's serial number of the machine: one node, however it boots. */
const MACHINE = 31;

describe('a signed image, under Secure Boot with our keys alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'signed-'));
  const [bootServer, enrolled, iso] = ['dnsmasq.conf', 'enrolled.fd', 'coatcheck.iso'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  let rack: Rack | undefined;
  let node: string | undefined;
  beforeAll(async () => {
    const image = await signedImage((line) => process.stderr.write(`${line}\n`));
    await enrol(image.home, enrolled);
    copyFileSync(join(image.folder, 'coatcheck.iso'), iso);
    writeFileSync(bootServer, CONF);
    rack = await openRack('signed', { image: signedImage, store: 'folder', bootServer });
  });
  afterAll(async () => {
    await rack?.close();
    rmSync(folder, { recursive: true });
  });

  /** The firmware of a machine that nobody has booted yet. */
  function firmware(): string[] {
    const variables = join(folder, 'variables.fd');
    copyFileSync(enrolled, variables);
    return secureFirmware(variables);
  }

  it.each([
    ['a stick', 'local', stick(iso)],
    ['a disc', 'local', disc(iso)],
    ['TFTP', 'bare', without('IPv6')],
    ['HTTP', 'bare', without('IPv6', 'IPv4PXE')],
  ] as const)('boots from %s, and gets its configuration', async (_, way, args) => {
    const boot = { append: '', args: [...firmware(), ...args], [way]: true };
    const machine = await rack!.boot(MACHINE, boot);
    await machine.line(/secureboot: Secure boot enabled/i);
    node = await configured(rack!, machine, node);
  });

  it('refuses a credential that lies beside it', async () => {
    const file = readFileSync(iso);
    // Where the disc has its FAT, whose first sector says so.
    const fat = `${iso}@@${file.indexOf('MTOO') - 3}`;
    writeFileSync(join(folder, 'x.cred'), 'nobody signed this');
    await must(['mmd', '-i', fat, '::/EFI/BOOT/BOOTX64.EFI.extra.d']);
    const to = '::/EFI/BOOT/BOOTX64.EFI.extra.d/x.cred';
    await must(['mcopy', '-i', fat, join(folder, 'x.cred'), to]);
    const boot = { append: '', args: [...firmware(), ...stick(iso)], local: true } as const;
    const machine = await rack!.boot(MACHINE, boot);
    await machine.line(/"credentials\/x\.cred" lay beside the image/);
    expect(machine.said()).not.toMatch(/applied decision|login:/);
    await machine.stop();
  });
});
