import * as fs from 'node:fs';
import { fail } from '../../../protocol/errors.ts';
import { blockDevices, onlyDevice } from '../../programs/block-devices.ts';
import type { BlockDevice } from '../../programs/block-devices.ts';
import { privateFolder } from '../../programs/private-folder.ts';
import { failure, runNow } from '../../programs/run.ts';
import { readIn } from '../../tree/files.ts';
import { inFolderOf, withRoot } from '../../tree/folder.ts';
import type { Folder } from '../../tree/folder.ts';
import { naming } from '../../../files/errors.ts';
import { textIn } from '../../../files/text.ts';
import { MAX_KEY_FILE_BYTES, parseKeyFile } from './key-file.ts';

/** Label of the filesystem, or of the GPT partition without one. */
export const KEY_STICK_LABEL = 'COATCHECK';
const FILE = 'coatcheck.key';

/**
 * The filesystems that a key stick may have, with the options that keep others out: no others, since
 * whoever can plug in a stick chooses what of the kernel reads it.
 */
const FILESYSTEMS: Readonly<Record<string, string>> = {
  vfat: 'umask=077',
  iso9660: 'mode=0400,dmode=0500',
};
const OPTIONS = 'ro,nosuid,nodev,noexec';

/**
 * The seed on the one stick that is labelled COATCHECK: its file `coatcheck.key`, or the beginning
 * of a GPT partition of that name that has no filesystem (docs/keys.md).
 * @param filesystems for tests, where the kernel has other drivers
 * @throws device_missing; file_unsafe for two sticks, or one with another filesystem; path_refused
 *   for a link, a folder or a FIFO in place of the file; too_large; file_missing; file_malformed;
 *   weak_secret; device_failed
 */
export function readUsbKey(
  filesystems: Readonly<Record<string, string>> = FILESYSTEMS,
): Uint8Array {
  const stick = keyStick();
  if (stick.filesystem === undefined) return parseKeyFile(readBare(stick.path), stick.path);
  const text = readFileOn(stick, FILE, MAX_KEY_FILE_BYTES, filesystems);
  const name = `${FILE} on ${stick.path}`;
  return parseKeyFile(textIn(text, name), name);
}

/**
 * A file on the stick that is labelled COATCHECK: the same stick may carry copies of what is approved.
 * @param file relative to the top of its filesystem
 * @throws as {@link readUsbKey}
 */
export function readOnKeyStick(
  file: string,
  maxBytes: number,
  filesystems: Readonly<Record<string, string>> = FILESYSTEMS,
): Uint8Array {
  return readFileOn(keyStick(), file, maxBytes, filesystems);
}

function keyStick(): BlockDevice {
  const sticks = blockDevices().filter(
    ({ label, partitionLabel }) => label === KEY_STICK_LABEL || partitionLabel === KEY_STICK_LABEL,
  );
  return onlyDevice(sticks, `a stick labelled ${KEY_STICK_LABEL}`);
}

function readFileOn(
  stick: BlockDevice,
  file: string,
  maxBytes: number,
  filesystems: Readonly<Record<string, string>>,
): Uint8Array {
  const { path, filesystem = 'none' } = stick;
  const options = Object.hasOwn(filesystems, filesystem) ? filesystems[filesystem]! : undefined;
  if (options === undefined) {
    const known = Object.keys(filesystems).join(' and ');
    throw fail('file_unsafe', `${path} has the filesystem ${filesystem}; only ${known} are read`);
  }
  return whileMounted(stick, `${OPTIONS},${options}`, (folder) =>
    withRoot(folder, (root) => {
      const read = (inside: Folder, name: string): Uint8Array =>
        readIn(inside, name, maxBytes).content;
      const content = inFolderOf(root, file, read);
      if (content !== undefined) return content;
      throw fail('file_missing', `there is no ${file} on ${path}`);
    }),
  );
}

/** What a partition without a filesystem begins with, up to the first zero byte. */
function readBare(path: string): string {
  const fd = naming(path, () => fs.openSync(path, fs.constants.O_RDONLY));
  try {
    const bytes = Buffer.alloc(MAX_KEY_FILE_BYTES);
    const length = naming(path, () => fs.readSync(fd, bytes, 0, bytes.length, 0));
    return bytes.subarray(0, length).toString('latin1').replace(/\0.*$/s, '');
  } finally {
    fs.closeSync(fd);
  }
}

/** Mounts it where only root can go, and takes it off again whatever happens. */
function whileMounted<T>(
  { path, filesystem }: BlockDevice,
  options: string,
  act: (folder: string) => T,
): T {
  const folder = privateFolder('stick');
  try {
    const mount = ['-i', '-t', filesystem!, '-o', options, path, folder];
    const mounted = runNow('mount', mount);
    if (mounted.status !== 0) throw failure('device_failed', 'mount', mount, mounted);
    try {
      return act(folder);
    } finally {
      unmount(folder);
    }
  } finally {
    fs.rmdirSync(folder);
  }
}

/** @throws device_failed */
function unmount(folder: string): void {
  if (runNow('umount', [folder]).status === 0) return;
  // Something looks into it, such as a scanner of new mounts: it is gone for everybody else.
  const args = ['-l', folder];
  const ran = runNow('umount', args);
  if (ran.status !== 0) throw failure('device_failed', 'umount', args, ran);
}
