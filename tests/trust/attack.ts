import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '#platform';
import { toHex } from '../../bundle/bytes.ts';
import { measuredOf } from '../../cli/image/measured.ts';
import { makeVariables } from '../pxe/devices.ts';
import { makeOverlay } from '../pxe/overlay.ts';
import type { Files } from '../pxe/overlay.ts';
import { must } from '../pxe/programs.ts';
import type { BoundImage } from './bound-image.ts';
import { OVMF } from './firmware.ts';

/** Starts the agent, as the image does. */
export const AGENT = 'until /usr/lib/coatcheck/initramfs/until-applied /; do sleep 30; done';

/**
 * In the place of what starts the agent: extends PCR 11 as systemd's stub would have, has the image say that
 * its command line is the one that was given, and then does something else.
 * @param digests SHA-256 of each that is measured, hex
 * @param then lines of a shell
 */
const measuring = (digests: readonly string[], then: string): string => `#!/bin/sh
node -e '
  const device = require("fs").openSync("/dev/tpmrm0", "r+");
  for (const digest of "${digests.join(' ')}".split(" ")) {
    const extend = "80020000004100000182" + "0000000b" + "00000009" + "400000090000000000" + "00000001000b" + digest;
    require("fs").writeSync(device, Buffer.from(extend, "hex"));
    const answer = Buffer.alloc(64);
    require("fs").readSync(device, answer, 0, 64, null);
    if (answer.readUInt32BE(6) !== 0) throw new Error(answer.toString("hex"));
  }
  const image = "/usr/lib/coatcheck/image.json";
  const about = JSON.parse(require("fs").readFileSync(image));
  about.commandLine = require("fs").readFileSync("/proc/cmdline", "latin1").trim();
  require("fs").writeFileSync(image, JSON.stringify(about));
'
echo "PCR 11 is $(cat /sys/class/tpm/tpm0/pcr-sha256/11)."
${then}
`;

/**
 * QEMU's arguments that start an image where Secure Boot is off, by a plain kernel that measures the same into PCR 11, and has
 * what is signed about it.
 * @param folder of what is made
 * @param then what is done once that is measured, lines of a shell
 * @param files over its root
 */
export async function replaying(
  image: BoundImage,
  folder: string,
  then: string,
  files: Files = {},
): Promise<string[]> {
  const { signed } = image;
  const at = (name: string): string => join(folder, name);
  const digests = measuredOf(readFileSync(signed), signed).map((part) => toHex(sha256(part)));
  await must(['objcopy', '--dump-section', `.pcrsig=${at('pcrsig')}`, signed, at('copy')]);
  makeVariables(at('variables.fd'));
  const over = {
    ...files,
    'etc/init.d/configuration': { text: measuring(digests, then), mode: 0o755 },
    '.extra/tpm2-pcr-signature.json': readFileSync(at('pcrsig'), 'utf8'),
  };
  return await withoutStub(image, over, { folder, variables: at('variables.fd') });
}

/**
 * QEMU's arguments that start an image's kernel and initramfs, which are no secret, without the image's stub: what whoever has
 * the boot network does where Secure Boot is off.
 * @param files over its root
 * @param variables of a firmware without Secure Boot
 */
async function withoutStub(
  { parts, commandLine }: BoundImage,
  files: Files,
  { folder, variables }: { readonly folder: string; readonly variables: string },
): Promise<string[]> {
  const [more, initrd] = [join(folder, 'attack.more'), join(folder, 'attack.initrd')];
  await makeOverlay(files, more);
  const padded = 'cat "$1" > "$0" && truncate --size=%4 "$0" && cat "$2" >> "$0"';
  await must(['sh', '-c', padded, initrd, parts.initrd, more]);
  const code = join(OVMF, 'OVMF_CODE_4M.fd');
  return [
    ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${code}`],
    ...['-drive', `if=pflash,format=raw,unit=1,file=${variables}`],
    ...['-cpu', 'qemu64,+rdrand', '-kernel', parts.kernel, '-initrd', initrd],
    ...['-append', commandLine],
  ];
}
