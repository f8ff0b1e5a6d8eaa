import { fail } from '../../protocol/errors.ts';
import { failure, runNow } from './run.ts';

/** A disk, or a partition of one, with what stands on it. */
export interface BlockDevice {
  /** Such as `/dev/sdb1` */
  readonly path: string;
  /** What the filesystem on it says: any stick may say anything */
  readonly label?: string;
  readonly filesystem?: string;
  /** Name of the partition in a GPT */
  readonly partitionLabel?: string;
}

/**
 * The block devices on which blkid(8) knows a filesystem or a partition. It looks at the devices
 * themselves: the links that udev makes show one of two with the same label.
 * @throws device_failed where there is no blkid
 */
export function blockDevices(): BlockDevice[] {
  const args = ['-c', '/dev/null', '-o', 'export'];
  const ran = runNow('blkid', args);
  if (ran.status === 2) return []; // blkid(8): nothing was found
  if (ran.status !== 0) throw failure('device_failed', 'blkid', args, ran);
  return ran.stdout
    .toString('latin1')
    .split('\n\n')
    .flatMap((block) => {
      const tags = new Map(block.split('\n').map((line) => cut(line, '=')));
      const path = tags.get('DEVNAME');
      return path === undefined ? [] : [describe(path, tags)];
    });
}

function describe(path: string, tags: ReadonlyMap<string, string>): BlockDevice {
  const label = tags.get('LABEL');
  const filesystem = tags.get('TYPE');
  const partitionLabel = tags.get('PARTLABEL');
  return {
    path,
    ...(label === undefined ? {} : { label }),
    ...(filesystem === undefined ? {} : { filesystem }),
    ...(partitionLabel === undefined ? {} : { partitionLabel }),
  };
}

function cut(line: string, at: string): [string, string] {
  const i = line.indexOf(at);
  return i < 0 ? [line, ''] : [line.slice(0, i), line.slice(i + 1)];
}

/**
 * The one of some devices that fit.
 * @param what says what they are, as in `a key stick`
 * @throws device_missing for none; file_unsafe for several, naming them: whoever puts a second stick
 *   into a machine shall not choose for it
 */
export function onlyDevice(devices: readonly BlockDevice[], what: string): BlockDevice {
  const [device, ...others] = devices;
  if (device === undefined) throw fail('device_missing', `${what} is not plugged in`);
  if (others.length === 0) return device;
  const paths = devices.map(({ path }) => path).sort();
  throw fail('file_unsafe', `${paths.join(' and ')} are both ${what}: take one out`);
}
