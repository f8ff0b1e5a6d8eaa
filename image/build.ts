import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pemOfPcrKey } from '../cli/image/sign-policies.ts';
import { parseCa } from '../net/certificates.ts';
import { fail } from '../protocol/errors.ts';
import { pcrKeysOf } from '../protocol/measured.ts';
import { parseSite } from '../protocol/site.ts';
import { makeBusyboxRoot } from './busybox.ts';
import { grub, ipxe, pxelinux, sealedArguments } from './boot-files.ts';
import { takeLoaders } from './loaders.ts';
import type { ImageOptions } from './options.ts';
import { makeIso, pack } from './pack.ts';
import { userland } from './packages.ts';
import { makeRoot } from './root.ts';
import { makeUki } from './uki.ts';
import type { Say } from '../files/run-program.ts';

/** What of an image is there, in its folder; `SHA256SUMS` is over these. */
const PARTS = [
  'vmlinuz',
  'initrd.img',
  'boot.ipxe',
  'pxelinux.cfg/default',
  'packages.txt',
  'image.json',
];
const ISO = 'coatcheck.iso';
/** The same where one file has it all. */
const PARTS_OF_UKI = ['coatcheck.unsigned.efi', 'packages.txt', 'image.json'];

/**
 * Builds an image into `options.out`. It is there as a whole, or what was there before is.
 * @throws usage where this is not root, or where something else is at `out`; file_malformed for the site;
 *   probe_failed with what a program said
 */
export async function buildImage(options: ImageOptions, say: Say): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw fail('usage', 'an image has files of root in it: run this as root (sudo npm run image)');
  }
  checkOut(options.out);
  parseSite(await readFile(options.site, 'utf8'), parseCa);
  const archive = await userland(options, say);
  await mkdir(dirname(options.out), { recursive: true });
  const work = await mkdtemp(`${options.out}.building-`);
  // Whoever serves it to machines need not be root.
  await chmod(work, 0o755);
  try {
    say('putting the agent and the site in');
    const make = options.flavour === 'busybox' ? makeBusyboxRoot : makeRoot;
    const kernel = await make(archive, join(work, 'root'), options, say);
    await describe(work, kernel, options);
    say('packing the root');
    await pack(join(work, 'root'), join(work, 'initrd.img'), options);
    if (options.uki) await putTogether(work, options);
    await rm(join(work, 'root'), { recursive: true });
    if (options.iso) {
      say('making the ISO');
      await writeFile(join(work, 'grub.cfg'), grub(options.append));
      await makeIso(work, join(work, ISO), options);
      await rm(join(work, 'grub.cfg'));
    }
    if (options.uki) await writeSums(work, PARTS_OF_UKI);
    else {
      const loaders = await takeLoaders('/', work, say);
      await writeSums(work, [...PARTS, ...loaders, ...(options.iso ? [ISO] : [])]);
    }
    await rm(options.out, { recursive: true, force: true });
    await rename(work, options.out);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Nothing but an image is replaced. */
function checkOut(out: string): void {
  if (existsSync(out) && !existsSync(join(out, 'image.json'))) {
    throw fail(
      'usage',
      `--out: ${out} is there, and is no image: give another folder, or remove it`,
    );
  }
}

async function describe(work: string, kernel: string, options: ImageOptions): Promise<void> {
  const { version, date, append, uki } = options;
  const image = {
    ...{ version, date: new Date(date * 1000).toISOString(), kernel },
    ...(uki && { commandLine: sealedArguments(append) }),
  };
  await writeFile(join(work, 'image.json'), `${JSON.stringify(image, undefined, 2)}\n`);
  if (uki) return;
  await writeFile(join(work, 'boot.ipxe'), ipxe(append));
  await mkdir(join(work, 'pxelinux.cfg'));
  await writeFile(join(work, 'pxelinux.cfg', 'default'), pxelinux(append));
}

/** One file of what is in the folder: its kernel and its initramfs would be refused with other arguments, and go. */
async function putTogether(work: string, { append, date }: ImageOptions): Promise<void> {
  const built = ['stub', 'vmlinuz', 'initrd.img'].map((name) => join(work, name));
  const [stub, kernel, initrd] = built as [string, string, string];
  const release = join(work, 'root/usr/lib/os-release');
  // The one that is in the image: whoever signs it looks whether it is the site's then.
  const site = await readFile(join(work, 'root/etc/coatcheck/site.json'), 'utf8');
  const [key] = pcrKeysOf(parseSite(site, parseCa));
  const parts = {
    ...{ stub, kernel, initrd, release, commandLine: sealedArguments(append), date },
    ...(key !== undefined && { pcrKey: pemOfPcrKey(key) }),
  };
  await makeUki(parts, join(work, 'coatcheck.unsigned.efi'));
  for (const path of built) await rm(path);
}

/** In the form of sha256sum(1). */
async function writeSums(folder: string, names: readonly string[]): Promise<void> {
  const lines = names.map(async (name) => {
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(folder, name)), hash);
    return `${hash.digest('hex')}  ${name}\n`;
  });
  await writeFile(join(folder, 'SHA256SUMS'), (await Promise.all(lines)).join(''));
}
