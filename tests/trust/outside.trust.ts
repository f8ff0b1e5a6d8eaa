import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uefi } from '../pxe/devices.ts';
import { signedImage } from '../pxe/image.ts';
import { openRack } from '../pxe/lab.ts';
import type { Machine, Rack } from '../pxe/lab.ts';
import { must } from '../pxe/programs.ts';
import { enrol, secureFirmware, stick, without } from './firmware.ts';

/** What the stub of Debian 13 appends to the command line, from a hypervisor. */
const FROM_SMBIOS = ['-smbios', 'type=11,value=io.systemd.stub.kernel-cmdline-extra=rescue'];
const MACHINE = 34;
const BESIDE = '::/EFI/BOOT/BOOTX64.EFI.extra.d';

describe('a signed image takes no', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outside-'));
  const at = (name: string): string => join(folder, name);
  let rack: Rack | undefined;
  let iso: string;
  beforeAll(async () => {
    const image = await signedImage((line) => process.stderr.write(`${line}\n`));
    iso = join(image.folder, 'coatcheck.iso');
    await enrol(image.home, at('enrolled.fd'));
    rack = await openRack('outside', { image: signedImage, store: 'folder' });
  });
  afterAll(async () => {
    await rack?.close();
    rmSync(folder, { recursive: true });
  });

  /** Switches on a machine under Secure Boot with a stick in it. */
  async function boot(disc: string, ...more: string[]): Promise<Machine> {
    copyFileSync(at('enrolled.fd'), at('variables.fd'));
    const args = [...secureFirmware(at('variables.fd')), ...stick(disc), ...more];
    return rack!.boot(MACHINE, { append: '', args, local: true });
  }

  /** @param why lines of what the agent says, of which the console has 80 columns */
  async function refuses(machine: Machine, ...why: RegExp[]): Promise<void> {
    for (const line of why) await machine.line(line);
    await machine.line(/nothing else is started/);
    expect(machine.said()).not.toMatch(/^asking|applied decision|login:|BusyBox v/m);
    await machine.stop();
  }
  const OTHER_LINE = /the command line is not the one that this image is signed with/;

  it('arguments from SMBIOS', async () => {
    await refuses(await boot(iso, ...FROM_SMBIOS), OTHER_LINE, /"rescue"/, /\[bad_argument\]/);
  });

  it('arguments of a boot entry, where Secure Boot is off', async () => {
    copyFileSync('/usr/share/OVMF/OVMF_VARS_4M.fd', at('open.fd'));
    const args = [...uefi(at('open.fd')), ...without('IPv6')];
    const script = '#!ipxe\nchain coatcheck.efi console=ttyS0,115200 rescue\n';
    const machine = await rack!.boot(MACHINE, { append: '', args, script });
    await refuses(machine, OTHER_LINE, /"rescue"/, /\[bad_argument\]/);
  });

  it.each([
    ['credential', `${BESIDE}/x.cred`, /"credentials\/x\.cred" lay beside the image/],
    ['extension', `${BESIDE}/x.raw`, /"sysext\/x\.raw" lay beside the image/],
    [
      'credential for all images of a stick',
      '::/loader/credentials/x.cred',
      /"global_credentials\/x\.cred" lay beside the image/,
    ],
  ])('%s that lies beside it', async (_, name, why) => {
    copyFileSync(iso, at('iso'));
    const file = readFileSync(iso);
    // Where the disc has its FAT, whose first sector says so.
    const fat = `${at('iso')}@@${file.indexOf('MTOO') - 3}`;
    writeFileSync(at('unsigned'), 'nobody signed this');
    const folders = name.startsWith(BESIDE) ? [BESIDE] : ['::/loader', '::/loader/credentials'];
    await must(['mmd', '-i', fat, ...folders]);
    await must(['mcopy', '-i', fat, at('unsigned'), name]);
    await refuses(await boot(at('iso')), why);
  });
});
