import * as fs from 'node:fs';
import { fail } from '../../../protocol/errors.ts';
import { blockDevices } from '../../programs/block-devices.ts';
import { naming } from '../../../files/errors.ts';
import { formatKeyFile, MAX_KEY_FILE_BYTES, randomSeed } from './key-file.ts';
import { KEY_STICK_LABEL } from './usb.ts';

/** How much of a partition must be empty: beyond it no filesystem begins. */
const LOOKED_AT_BYTES = 1024 * 1024;

/**
 * Writes a new key to the beginning of a GPT partition named COATCHECK that has no filesystem, and
 * waits until it is on the stick.
 * @param options.erase although a key or something else is there
 * @returns the seed, 32 bytes
 * @throws file_unsafe for what is no such partition, or in use; file_exists where it is not empty;
 *   file_missing, file_denied, device_failed
 */
export function makeUsbKey(device: string, options: { erase: boolean }): Uint8Array {
  const path = naming(device, () => fs.realpathSync(device));
  demandPartition(path);
  const { O_EXCL, O_RDWR, O_NONBLOCK } = fs.constants;
  // On a block device, O_EXCL fails where it is mounted or otherwise in use (open(2)).
  const fd = naming(path, () => fs.openSync(path, O_RDWR | O_EXCL | O_NONBLOCK));
  try {
    if (!options.erase) demandEmpty(fd, path);
    const seed = randomSeed();
    const block = Buffer.alloc(MAX_KEY_FILE_BYTES);
    block.write(formatKeyFile(seed));
    naming(path, () => {
      fs.writeSync(fd, block, 0, block.length, 0);
      fs.fsyncSync(fd);
    });
    return seed;
  } finally {
    fs.closeSync(fd);
  }
}

function demandPartition(path: string): void {
  const found = blockDevices().find((device) => device.path === path);
  if (found?.partitionLabel === KEY_STICK_LABEL) {
    if (found.filesystem === undefined) return;
    throw fail(
      'file_unsafe',
      `${path} has the filesystem ${found.filesystem}: label that ${KEY_STICK_LABEL}, mount it, and make the key there with key make file MOUNT/coatcheck.key`,
    );
  }
  throw fail(
    'file_unsafe',
    `${path} is no GPT partition named ${KEY_STICK_LABEL}: nothing was written (docs/keys.md says how to make one)`,
  );
}

/** @throws file_exists */
function demandEmpty(fd: number, path: string): void {
  const bytes = Buffer.alloc(LOOKED_AT_BYTES);
  const length = naming(path, () => fs.readSync(fd, bytes, 0, bytes.length, 0));
  if (bytes.subarray(0, length).every((byte) => byte === 0)) return;
  const what = bytes.toString('latin1', 0, 9) === 'coatcheck' ? 'a key' : 'something';
  throw fail('file_exists', `${path} holds ${what} already: --erase writes over it, for ever`);
}
