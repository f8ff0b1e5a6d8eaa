import * as fs from 'node:fs';
import { basename } from 'node:path';
import { naming, treeError } from '../../files/errors.ts';
import { fail } from '../../protocol/errors.ts';
import { failure, runNow } from '../programs/run.ts';

/** A part of a disk that may be written over. */
export interface SwapDisk {
  /** As the kernel calls it in this boot, `/dev/sda2` */
  readonly device: string;
  /** Of 512 bytes */
  readonly sectors: number;
  /** Whatever is on it is taken off before */
  readonly isForced: boolean;
}

/** Name of the encrypted device. */
const NAME = 'coatcheck-swap';
/** The encrypted device. */
export const MAPPED = `/dev/mapper/${NAME}`;

/** GPT type of swap, by the Discoverable Partitions Specification */
const SWAP_TYPE = '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f';
const LABEL = 'COATCHECK-SWAP';
const FORCE = '+force';
/** Names that are of a disk or a partition, wherever it is plugged in and whatever was found first. */
const LASTING = ['/dev/disk/by-id/', '/dev/disk/by-partuuid/'];
/**
 * Left as they are at the beginning and at the end, 1 MiB each, where signatures of filesystems are looked for: what is
 * encrypted looks like any of them now and then, and would be taken for somebody's data at the next boot.
 */
const EDGE_SECTORS = 2048;
const LEAST_SECTORS = 8 * EDGE_SECTORS;

/**
 * The disk that a policy names, if it may be written over: a partition of a GPT whose type is swap or whose name is
 * COATCHECK-SWAP, and on which nothing is but swap. With `+force` behind it any other, and whatever is on it; but only by a
 * name that is always of this disk, and only where an administrator decided so. What is in use never is.
 *
 * @param policy `disk:<device>` or `disk:<device>+force`
 * @throws device_missing; file_unsafe, which says what is there and what to do; device_failed
 */
export function diskSwap(
  policy: string,
  { byAdministrator }: { readonly byAdministrator: boolean },
): SwapDisk {
  const text = policy.slice('disk:'.length);
  const isForced = text.endsWith(FORCE);
  const name = isForced ? text.slice(0, -FORCE.length) : text;
  if (isForced) demandRight(name, byAdministrator);
  if (!fs.existsSync(name)) throw fail('device_missing', `there is no ${name} to swap on`);
  const device = naming(name, () => fs.realpathSync(name));
  if (!fs.statSync(device).isBlockDevice()) {
    throw fail('file_unsafe', `${name} is no disk: nothing was written`);
  }
  const called = device === name ? name : `${name} (${device})`;
  demandUnused(device, called);
  const what = signaturesOn(device);
  if (!isForced) {
    if (what.length > 0) {
      throw fail(
        'file_unsafe',
        `${called} carries ${what.join(', ')}: nothing was written; ${HOW_TO_FORCE}`,
      );
    }
    if (!isMarked(device)) {
      throw fail(
        'file_unsafe',
        `${called} is no GPT partition of type swap or named ${LABEL}: nothing was written; ${HOW_TO_FORCE}`,
      );
    }
  }
  const sectors = Number(fs.readFileSync(`/sys/class/block/${basename(device)}/size`, 'utf8'));
  if (sectors >= LEAST_SECTORS) return { device, sectors, isForced };
  throw fail('file_unsafe', `${called} is smaller than 8 MiB: nothing was written`);
}

const HOW_TO_FORCE = `what is there is lost with disk:/dev/disk/by-id/...${FORCE}`;

function demandRight(name: string, byAdministrator: boolean): void {
  if (!LASTING.some((prefix) => name.startsWith(prefix))) {
    const names = LASTING.join(' or ');
    throw fail(
      'file_unsafe',
      `${name} may be another disk at the next boot, so ${FORCE} wants a name below ${names}: nothing was written`,
    );
  }
  if (byAdministrator) return;
  throw fail(
    'file_unsafe',
    `only what an administrator approved writes over ${name} by ${FORCE}: nothing was written`,
  );
}

/** Mounted, swapped on, or part of another device, it or a partition of it: an exclusive open fails (open(2)). */
function demandUnused(device: string, called: string): void {
  const { O_RDONLY, O_EXCL, O_NONBLOCK } = fs.constants;
  try {
    fs.closeSync(fs.openSync(device, O_RDONLY | O_EXCL | O_NONBLOCK));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') {
      throw fail('file_unsafe', `${called} is in use: nothing was written`);
    }
    throw treeError(error, device);
  }
}

/** Every signature, of filesystems, RAID, LVM, LUKS and partition tables, but one of swap. Where several are, all. */
function signaturesOn(device: string): string[] {
  const args = ['--no-act', '--parsable', device];
  const ran = runNow('wipefs', args);
  if (ran.status !== 0) throw failure('device_failed', 'wipefs', args, ran);
  const lines = ran.stdout.toString('latin1').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)!)
    .filter((type) => type !== 'swap');
}

/** blkid(8) says of a partition what its table says of it. */
function isMarked(device: string): boolean {
  const args = ['--probe', '--output', 'export', device];
  const ran = runNow('blkid', args);
  const tags = new Map(
    ran.stdout
      .toString('latin1')
      .split('\n')
      .map((line) => line.split(/=(.*)/s) as [string, string]),
  );
  const isSwapType = tags.get('PART_ENTRY_TYPE')?.toLowerCase() === SWAP_TYPE;
  const isNamed = tags.get('PART_ENTRY_NAME') === LABEL;
  return tags.get('PART_ENTRY_SCHEME') === 'gpt' && (isSwapType || isNamed);
}

/**
 * The unit that makes it: the key is read from the random source for this boot, and is gone with the power. The manager
 * runs it, since the sandbox of the agent's own unit turns no swap on.
 * @param policy stands in its first line
 */
export function unitForDisk(policy: string, { device, sectors, isForced }: SwapDisk): string {
  const size = sectors - 2 * EDGE_SECTORS;
  return `# ${policy}
[Unit]
Description=Swap on ${device}, under a key that nobody knows
DefaultDependencies=no
[Service]
Type=oneshot
RemainAfterExit=yes
${isForced ? `ExecStart=wipefs --all ${device}\n` : ''}ExecStart=cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 512 --key-file /dev/urandom --offset ${EDGE_SECTORS} --size ${size} ${device} ${NAME}
ExecStart=mkswap ${MAPPED}
ExecStart=swapon --priority 10 ${MAPPED}
ExecStop=-swapoff ${MAPPED}
ExecStopPost=-cryptsetup close ${NAME}
`;
}
