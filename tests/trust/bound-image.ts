import * as fs from 'node:fs';
import { join } from 'node:path';
import { sealedArguments } from '../../image/boot-files.ts';
import { makeUki } from '../../image/uki.ts';
import { pemOfPcrKey } from '../../cli/image/sign-policies.ts';
import { parseCa } from '../../net/certificates.ts';
import { pcrKeysOf } from '../../protocol/measured.ts';
import { parseSite } from '../../protocol/site.ts';
import { EMULATED, signedImage } from '../pxe/image.ts';
import type { TestImage } from '../pxe/image.ts';
import { makeOverlay } from '../pxe/overlay.ts';
import type { Files } from '../pxe/overlay.ts';
import { cli, must } from '../pxe/programs.ts';

/** A signed image whose machines have key and memory in their TPM. */
export interface BoundImage {
  /** The signed file */
  readonly signed: string;
  /** The same as a disc */
  readonly iso: string;
  /** What is in it */
  readonly parts: { readonly kernel: string; readonly initrd: string };
  readonly commandLine: string;
}

/**
 * Makes one of the parts of the tests' signed image, for the site as it is now: another command line, and what lies over its root.
 * @param home the administrator's folder
 * @param folder of what is made, under `name`
 * @param options.sign more arguments of `coatcheck image sign`
 */
export async function makeBoundImage(
  home: string,
  folder: string,
  name: string,
  options: {
    readonly files?: Files;
    readonly append?: string;
    readonly sign?: readonly string[];
  } = {},
): Promise<BoundImage> {
  const { files = {}, append = 'hostname=bound', sign = [] } = options;
  const image = await signedImage((line) => void process.stderr.write(`${line}\n`));
  const at = (file: string): string => join(folder, `${name}.${file}`);
  const commandLine = sealedArguments(
    `ip=dhcp coatcheck.key=tpm coatcheck.memory=tpm ${append} ${EMULATED}`.replace(/ +/g, ' '),
  );
  const { stub, kernel, initrd, release } = await partsOf(image, at);
  const about = JSON.parse(fs.readFileSync(join(image.folder, 'image.json'), 'utf8')) as object;
  const site = fs.readFileSync(join(home, 'site.json'), 'utf8');
  const pcrKey = pemOfPcrKey(pcrKeysOf(parseSite(site, parseCa))[0]!);
  await makeOverlay(
    {
      'usr/lib/coatcheck/image.json': JSON.stringify({ ...about, commandLine }),
      'etc/coatcheck/site.json': site,
      ...files,
    },
    at('more'),
  );
  const padded = 'truncate --size=%4 "$0" && cat "$1" >> "$0"';
  await must(['sh', '-c', padded, initrd, at('more')]);
  const unsigned = at('unsigned.efi');
  const parts = { stub, kernel, initrd, release, commandLine, pcrKey, date: image.date };
  await makeUki(parts, unsigned);
  const [signed, iso] = [at('efi'), at('iso')];
  const to = [unsigned, signed, '--iso', iso, ...sign];
  await cli('coatcheck', ['--home', home, 'image', 'sign', ...to]);
  return { signed, iso, parts: { kernel, initrd }, commandLine };
}

async function partsOf({ folder }: TestImage, at: (file: string) => string) {
  const whole = join(folder, 'coatcheck.unsigned.efi');
  const [stub, kernel, initrd, release] = [at('stub'), at('linux'), at('initrd'), at('osrel')];
  const sections = [`.linux=${kernel}`, `.initrd=${initrd}`, `.osrel=${release}`];
  const dumped = sections.flatMap((section) => ['--dump-section', section]);
  await must(['objcopy', ...dumped, whole, at('copy')]);
  const ours = ['.osrel', '.cmdline', '.linux', '.initrd', '.pcrpkey'];
  await must(['objcopy', ...ours.map((name) => `--remove-section=${name}`), whole, stub]);
  return { stub, kernel, initrd, release };
}
