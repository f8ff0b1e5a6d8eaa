import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../files/run-program.ts';
import { notFinished } from '../../files/unfinished.ts';
import { renameFile } from '../../files/write.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import type { ImageKey } from './image-keys.ts';
import { addSections } from './sections.ts';

/** A section that an image is given before it is signed. */
export interface Added {
  readonly name: string;
  readonly content: string;
  /** Looks at the signed program, before it has its name. @throws what is wrong with it */
  readonly check: (signed: Buffer) => void;
}

/**
 * Signs an EFI program for Secure Boot, and makes a disc of it where one is wanted. What is written is there whole or
 * not at all, and verifies.
 * @param image path of what is signed, which has no signature yet
 * @param to paths of what is made, in folders that are there; what is there is replaced
 * @param add looks at the image, once it is known to have no signature, and says what is added to a copy of it
 * @throws file_malformed for what is no EFI program, or is signed already; probe_failed where sbsigntool or what the
 *   disc is made with is missing
 */
export async function signImage(
  image: string,
  { key, certificate }: ImageKey,
  to: { readonly signed: string; readonly iso?: string },
  add: (program: Buffer) => Added | undefined,
): Promise<void> {
  await besides(to.signed, async (work) => {
    const [crt, signed] = [join(work, 'db.crt'), join(work, 'signed.efi')];
    await writeFile(crt, certificate);
    await demandUnsigned(image);
    const added = add(await readFile(image));
    const whole = added === undefined ? image : await withSection(image, added, work);
    await run('sbsign', ['--key', '/dev/stdin', '--cert', crt, '--output', signed, whole], {
      input: key,
    });
    await verifySigned(signed, crt);
    added?.check(await readFile(signed));
    if (to.iso === undefined) return renameFile(signed, to.signed);
    // It may be in another file system.
    const disc = to.iso;
    return besides(disc, async (place) => {
      const iso = join(place, 'iso');
      await makeDisc(signed, iso, place);
      await renameFile(signed, to.signed);
      await renameFile(iso, disc);
    });
  });
}

/**
 * Makes what {@link signImage} signs, for whoever signs it by other means.
 * @param to that is made, in a folder that is there; what is there is replaced
 * @throws as signImage
 */
export async function addToImage(
  image: string,
  to: string,
  add: (program: Buffer) => Added,
): Promise<void> {
  await besides(to, async (work) => {
    await demandUnsigned(image);
    const added = add(await readFile(image));
    const whole = await withSection(image, added, work);
    added.check(await readFile(whole));
    await renameFile(whole, to);
  });
}

/** @param act is given a folder beside `path`, which is gone afterwards */
async function besides(path: string, act: (work: string) => Promise<void>): Promise<void> {
  const work = await mkdtemp(join(dirname(path), '.coatcheck-sign-'));
  const done = notFinished(work);
  try {
    await act(work);
  } finally {
    await rm(work, { recursive: true, force: true });
    done();
  }
}

async function withSection(image: string, { name, content }: Added, work: string): Promise<string> {
  const [part, whole] = [join(work, 'section'), join(work, 'unsigned.efi')];
  await writeFile(part, content);
  await addSections(image, [[name, part]], whole);
  return whole;
}

/** A second signature beside another would let the same file start wherever either is believed. */
async function demandUnsigned(image: string): Promise<void> {
  const listed = await run('sbverify', ['--list', image]).catch((error: unknown) => {
    if (hasCode(error, 'probe_failed') && /No signature table present/.test(String(error))) {
      return undefined;
    }
    if (/Can't open image/.test(String(error))) {
      throw fail('file_malformed', `${image} is no EFI program`, { cause: error });
    }
    throw error;
  });
  if (listed === undefined) return;
  if (!/^signature \d/m.test(listed)) return;
  throw fail('file_malformed', `${image} is signed already: sign what npm run image -- --uki made`);
}

/**
 * That a signature over all of a file is by the key of a certificate.
 * @param certificate path, PEM
 * @throws does_not_verify; probe_failed where sbverify is missing
 */
export async function verifySigned(file: string, certificate: string): Promise<void> {
  try {
    await run('sbverify', ['--cert', certificate, file]);
  } catch (error) {
    if (/ ended with 1:/.test(String(error))) {
      throw fail('does_not_verify', `${file} is not signed by the key of ${certificate}`, {
        cause: error,
      });
    }
    throw error;
  }
}

/** What UEFI starts from a medium without being told a name (UEFI 2.10, 3.5.1.1). */
const REMOVABLE = '::/EFI/BOOT/BOOTX64.EFI';
const SECTOR = 512;
/** Of a FAT: its tables and folders, at most this part of it and this much beside. */
const OVERHEAD = { part: 1.01, bytes: 2 ** 20 };

/**
 * Makes a disc that UEFI boots from a drive and, written to it as it is, from a stick.
 * @param program path of what is started
 * @param iso that is made
 * @param work a folder for what is not needed any more
 * @throws probe_failed where mtools or xorriso is missing
 */
export async function makeDisc(program: string, iso: string, work: string): Promise<void> {
  const fat = join(work, 'efi.img');
  const { size } = await stat(program);
  const sectors = Math.ceil((size * OVERHEAD.part + OVERHEAD.bytes) / SECTOR);
  await writeFile(fat, '');
  await truncate(fat, sectors * SECTOR);
  // mtools ask nobody, and read no settings of a user.
  const env = { MTOOLSRC: '/dev/null', MTOOLS_SKIP_CHECK: '1' };
  await run('mformat', ['-i', fat, '-T', `${sectors}`, '-N', '00000000', '::'], { env });
  await run('mmd', ['-i', fat, '::/EFI', '::/EFI/BOOT'], { env });
  await run('mcopy', ['-i', fat, program, REMOVABLE], { env });
  await run('xorriso', [
    ...['-as', 'mkisofs', '-quiet', '-o', iso, '-V', 'SIGNED_COATCHECK', '-e', 'efi.img'],
    ...['-no-emul-boot', '-isohybrid-gpt-basdat', '-graft-points', `/efi.img=${fat}`],
  ]);
}
