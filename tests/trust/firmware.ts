import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { guidOf } from '../../cli/image/image-keys.ts';
import { parseCa } from '../../net/certificates.ts';
import { parseSite } from '../../protocol/site.ts';
import { must } from '../pxe/programs.ts';

/** Where Debian's package ovmf has UEFI for QEMU. */
export const OVMF = '/usr/share/OVMF';
/** What `pip install virt-firmware` has: it writes the variables of a firmware. */
const VARIABLES = 'virt-fw-vars';

/** What a firmware holds beside the three certificates. */
export interface Enrolled {
  /** SHA-256 of a program that it is to refuse (Authenticode), hex */
  readonly refused?: string;
  /** Path of a certificate whose key it believes as well, PEM: it comes first */
  readonly believed?: string;
}

/**
 * Makes the variables of a firmware that enforces Secure Boot with the keys of a site, and no other.
 * @param home the administrator's folder
 * @param file that is made
 */
export async function enrol(
  home: string,
  file: string,
  { refused, believed }: Enrolled = {},
): Promise<void> {
  const owner = guidOf(parseSite(readFileSync(join(home, 'site.json'), 'utf8'), parseCa).id);
  const certificate = (name: string): string => join(home, 'image-keys', `${name}.crt`);
  await must([
    ...[VARIABLES, '--loglevel', 'ERROR', '-i', join(OVMF, 'OVMF_VARS_4M.fd'), '-o', file],
    ...['--set-pk', owner, certificate('PK'), '--add-kek', owner, certificate('KEK')],
    ...(believed === undefined ? [] : ['--add-db', owner, believed]),
    ...['--add-db', owner, certificate('db'), '--sb'],
    ...(refused === undefined ? [] : ['--add-dbx-hash', owner, refused]),
  ]);
}

/** QEMU's arguments that give a machine UEFI which keeps its variables from all but itself. */
export const secureFirmware = (variables: string): string[] => [
  ...['-machine', 'smm=on', '-global', 'ICH9-LPC.disable_s3=1'],
  ...['-global', 'driver=cfi.pflash01,property=secure,value=on'],
  ...[
    '-drive',
    `if=pflash,format=raw,unit=0,readonly=on,file=${join(OVMF, 'OVMF_CODE_4M.secboot.fd')}`,
  ],
  ...['-drive', `if=pflash,format=raw,unit=1,file=${variables}`],
  // Last: the processors of `max` make the firmware, and the kernel, do more.
  ...['-cpu', 'qemu64,+rdrand'],
];

/** Has it not look for ways to boot that it would try for minutes: `IPv6`, `IPv4PXE`. */
export const without = (...what: string[]): string[] =>
  what.flatMap((one) => ['-fw_cfg', `name=opt/org.tianocore/${one}Support,string=n`]);

/** Has it believe these authorities of HTTPS alone. @param list of certificates, as cert-to-efi-sig-list makes it */
export const believes = (list: string): string[] => [
  ...['-fw_cfg', `name=etc/edk2/https/cacerts,file=${list}`],
];

/** A stick in a USB port. */
export const stick = (file: string): string[] => [
  ...['-device', 'qemu-xhci', '-drive', `if=none,id=stick,format=raw,readonly=on,file=${file}`],
  ...['-device', 'usb-storage,drive=stick,bootindex=1'],
];

/** A disc in a drive. */
export const disc = (file: string): string[] => [
  ...['-drive', `if=none,id=disc,format=raw,readonly=on,media=cdrom,file=${file}`],
  ...['-device', 'ide-cd,drive=disc,bus=ide.0,bootindex=1'],
];
