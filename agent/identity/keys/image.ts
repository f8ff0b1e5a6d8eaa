import { hkdfSha256 } from '#platform';
import { utf8 } from '../../../bundle/bytes.ts';
import { readKeyFile } from './key-file.ts';
import { machineName } from './machine-name.ts';

const SALT = utf8('coatcheck/v1');

/**
 * The seed of this machine from the key that all machines of an image share:
 * HKDF-SHA256(image key, salt "coatcheck/v1", info "image-seed " || the machine's name), 32 bytes.
 * Whoever has the image has the seed of every machine.
 * @param path of the image key
 * @param sys where sysfs is mounted
 * @throws as `readKeyFile` and {@link machineName}
 */
export function readImageSeed(path: string, sys: string): Uint8Array {
  const key = readKeyFile(path, 'image-key');
  return hkdfSha256(key, SALT, utf8(`image-seed ${machineName(sys)}`), 32);
}
