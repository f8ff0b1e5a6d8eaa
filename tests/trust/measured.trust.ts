import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseEventLog } from '../../agent/identity/tpm/event-log.ts';
import { toHex } from '../../bundle/index.ts';
import { makeDisc } from '../../cli/image/sign-image.ts';
import { SECURE_BOOT, REGISTERS } from '../../protocol/measured.ts';
import { encodeEvents, MAX_EVENTS_BYTES, replayed } from '../../protocol/measured-events.ts';
import { startChip } from '../pxe/devices.ts';
import type { Chip } from '../pxe/devices.ts';
import { startGuest } from '../pxe/guest.ts';
import type { Guest } from '../pxe/guest.ts';
import { signedImage } from '../pxe/image.ts';
import type { TestImage } from '../pxe/image.ts';
import { cli } from '../pxe/programs.ts';
import { disc, enrol, secureFirmware } from './firmware.ts';
import { MARK } from './guest/orders.ts';
import { withoutDbx, writeLists } from './lists.ts';
import { signSmall } from './parts.ts';
import { saidOn, secondLine } from './programs.ts';

/** Of this machine's Debian, which may be older than the image's. */
const OUR_STUB = '/usr/lib/systemd/boot/efi/linuxx64.efi.stub';
/** Says what the TPM holds, and on the second line by which log, and nothing else. */
const INIT = `#!/bin/busybox sh
export PATH=/bin
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
busybox mount -t securityfs securityfs /sys/kernel/security
log=$(busybox base64 -w 0 /sys/kernel/security/tpm0/binary_bios_measurements)
printf '\\n${MARK}%s\\n' "$log" > /dev/ttyS1
for pcr in 7 11 12 13; do
  read value < /sys/class/tpm/tpm0/pcr-sha256/$pcr
  echo "PCR $pcr is $value."
done
busybox poweroff -f
`;

describe('a TPM under a firmware with our keys alone', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'measured-'));
  const at = (...names: string[]): string => join(folder, ...names);
  const logs = join('test-results', 'trust');
  let image: TestImage;
  let guest: Guest | undefined;
  let chip: Chip | undefined;
  beforeAll(async () => {
    image = await signedImage((line) => void process.stderr.write(`${line}\n`));
    fs.mkdirSync(logs, { recursive: true });
    initramfs(at('initrd'));
  });
  afterEach(async () => {
    await guest?.stop();
    await chip?.stop();
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  /** BusyBox with its libraries, and {@link INIT}. */
  function initramfs(file: string): void {
    const root = at('root');
    const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
    const needs = execFileSync('sh', ['-c', `ldd ${busybox} || true`], { encoding: 'utf8' });
    const libraries = [...needs.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
    for (const [from, to] of [[busybox, '/bin/busybox'], ...libraries.map((path) => [path, path])])
      copy(from!, join(root, to!));
    fs.mkdirSync(join(root, 'sys'));
    fs.mkdirSync(join(root, 'dev'));
    fs.writeFileSync(join(root, 'init'), INIT, { mode: 0o755 });
    execFileSync('sh', ['-c', `find . | cpio --quiet -o -H newc > ${file}`], { cwd: root });
  }
  const copy = (from: string, to: string): void => {
    fs.mkdirSync(dirname(to), { recursive: true });
    fs.copyFileSync(from, to);
  };

  it.each<[of: string, has: string, isOther: boolean, stub?: string]>([
    ["the image's Debian", 'our keys alone', false],
    ["the image's Debian", 'a certificate more, and refuses a program', true],
    ["this machine's Debian", 'our keys alone', false, OUR_STUB],
  ])(
    'holds what image policy foresaw of the stub of %s and a firmware that has %s',
    async (...by) => {
      const [, , isOther, stub] = by;
      const { signed } = await signSmall(image, folder, at('initrd'), stub);
      await makeDisc(signed, at('iso'), folder);
      const { home } = image;
      // Any certificate will do.
      const more = { refused: 'ab'.repeat(32), believed: join(home, 'image-keys', 'KEK.crt') };
      await enrol(home, at('variables.fd'), isOther ? more : {});
      if (!isOther) await withoutDbx(at('variables.fd'));
      if (isOther) await writeLists(at('variables.fd'), at('lists'));
      const lists = isOther ? ['--firmware', at('lists')] : [];
      const policy = ['--home', home, '--json', 'image', 'policy', signed, ...lists];
      const { firmware } = JSON.parse(await cli('coatcheck', policy)) as {
        firmware: [
          { pcrs: Record<string, string>; secureBoot: { name: string; digest: string }[] },
        ];
      };
      const [{ pcrs, secureBoot }] = firmware;
      fs.mkdirSync(at('chip'), { recursive: true });
      chip = await startChip(at('chip'));
      const devices = [...disc(at('iso')), ...secondLine(at('said')), ...chip.args];
      const args = [...secureFirmware(at('variables.fd')), ...devices];
      const uuid = '6f0d0c1e-5a3b-4c2d-8e1f-000000000097';
      guest = startGuest({ inside: [], args, uuid, log: join(logs, 'measured.log') });
      const held: Record<string, string> = {};
      for (const pcr of Object.keys(pcrs)) {
        const [, value] = await guest.line(new RegExp(`PCR ${pcr} is (\\w+)\\.`));
        held[pcr] = value!.toLowerCase();
      }
      expect(held).toEqual(pcrs);
      const events = parseEventLog(Buffer.from(saidOn(at('said')), 'base64'));
      expect(replayed(events).map(toHex)).toEqual(REGISTERS.map((register) => pcrs[register]));
      const firmwares = events.filter(({ register }) => register === SECURE_BOOT);
      expect(firmwares.map(({ name, digest }) => ({ name, digest: toHex(digest) }))).toEqual(
        secureBoot,
      );
      expect(encodeEvents(events).length).toBeLessThanOrEqual(MAX_EVENTS_BYTES);
    },
  );
});
