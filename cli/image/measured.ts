import { sha256 } from '#platform';
import { fail } from '../../protocol/errors.ts';
import { SECURE_BOOT } from '../../protocol/measured.ts';
import { authorityOf, extended, SEPARATOR } from '../../protocol/measured-events.ts';
import type { MeasuredEvent } from '../../protocol/measured-events.ts';
import { sectionsOf } from './sections.ts';
import type { EnrolledLists } from './signature-lists.ts';

/**
 * What a TPM holds once an image was started: foreseen, from what is started and from what its firmware has. Each
 * register is the SHA-256 of what it was and of what is measured into it, again and again (TPM 2.0 Library part 1, 11.4.7).
 */

/** EFI_GLOBAL_VARIABLE and EFI_IMAGE_SECURITY_DATABASE_GUID (UEFI 2.10, 3.3, 32.4.1), as memory has them. */
const GLOBAL = Buffer.from('61dfe48bca93d211aa0d00e098032b8c', 'hex');
const DATABASE = Buffer.from('cbb219d73a3d9645a3bcdad00e67656f', 'hex');
/**
 * What goes into PCR 7 where Secure Boot is on, and started a program that one certificate in db signed (TCG PC Client Platform
 * Firmware Profile, 3.3.4.8): the settings of Secure Boot, a separator, and the entry of db by which it was believed. It is
 * named as the agent names what is in a machine's event log.
 * @param authority EFI_SIGNATURE_DATA (`authorityIn`)
 */
export function secureBootEvents(
  { PK, KEK, db, dbx }: EnrolledLists,
  authority: Uint8Array,
): MeasuredEvent[] {
  const measured: [name: string, data: Uint8Array][] = [
    ['SecureBoot', variable(GLOBAL, 'SecureBoot', Uint8Array.of(1))],
    ['PK', variable(GLOBAL, 'PK', PK)],
    ['KEK', variable(GLOBAL, 'KEK', KEK)],
    ['db', variable(DATABASE, 'db', db)],
    ['dbx', variable(DATABASE, 'dbx', dbx)],
    [SEPARATOR, new Uint8Array(4)],
    [authorityOf('db'), variable(DATABASE, 'db', authority)],
  ];
  return measured.map(([name, data]) => ({
    ...{ register: SECURE_BOOT, name },
    digest: sha256(data),
  }));
}

/** UEFI_VARIABLE_DATA (the same profile, 10.2.6). */
function variable(namespace: Uint8Array, name: string, data: Uint8Array): Buffer {
  const lengths = Buffer.alloc(16);
  lengths.writeBigUInt64LE(BigInt(name.length));
  lengths.writeBigUInt64LE(BigInt(data.length), 8);
  return Buffer.concat([namespace, lengths, Buffer.from(name, 'utf16le'), data]);
}

/** What each version of systemd's stub measures, in its order (`src/fundamental/uki.h` of it); signatures of policies are not. */
const MEASURED: Readonly<Record<string, readonly string[]>> = {
  252: ['.linux', '.osrel', '.cmdline', '.initrd', '.splash', '.dtb', '.pcrpkey'],
  257: [
    ...['.linux', '.osrel', '.cmdline', '.initrd', '.ucode', '.splash', '.dtb', '.uname', '.sbat'],
    '.pcrpkey',
  ],
};

/**
 * PCR 11 once systemd's stub has started what lies in one file with it: of each part the name and the content.
 * @returns 32 bytes
 * @throws as {@link measuredOf}
 */
export const imageRegister = (image: Buffer, path: string): Uint8Array =>
  extended(measuredOf(image, path).map((part) => sha256(part)));

/**
 * What the stub measures into PCR 11, in its order.
 * @param image a unified kernel image, signed or not
 * @param path of it, for messages
 * @throws file_malformed for another program, or a stub of a version that nobody here looked at
 */
export function measuredOf(image: Buffer, path: string): Uint8Array[] {
  const parts = sectionsOf(image, path);
  const version = /systemd-stub (\d+)/.exec(
    parts.get('.sdmagic')?.content.toString('latin1') ?? '',
  )?.[1];
  if (version === undefined || !parts.has('.linux')) {
    throw fail('file_malformed', `${path} is no image that npm run image -- --uki made`);
  }
  const names = MEASURED[version];
  if (names === undefined) {
    const known = Object.keys(MEASURED).join(' and ');
    throw fail(
      'file_malformed',
      `the stub of ${path} is of systemd ${version}: known is what ${known} measure`,
    );
  }
  return names.flatMap((name) => {
    const part = parts.get(name);
    return part === undefined ? [] : [Buffer.from(`${name}\0`), part.content];
  });
}
