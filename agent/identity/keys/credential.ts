import * as fs from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../../protocol/errors.ts';
import { readKeyFile } from './key-file.ts';

/** Its name, as `LoadCredential=`, SMBIOS type 11 and fw_cfg have it (systemd.exec(5), systemd(1)). */
export const CREDENTIAL = 'coatcheck.seed';
/** Where systemd puts the credentials of the whole machine. */
const OF_THE_SYSTEM = '/run/credentials/@system';

/**
 * Where the credential is: the unit's own first, since it may be encrypted. Undefined if there is
 * none.
 */
export function findCredential(
  folders: readonly (string | undefined)[] = [process.env['CREDENTIALS_DIRECTORY'], OF_THE_SYSTEM],
): string | undefined {
  return folders
    .flatMap((folder) => (folder === undefined ? [] : [join(folder, CREDENTIAL)]))
    .find((path) => fs.existsSync(path));
}

/** The seed that systemd hands over: a key file. @throws file_missing; as `readKeyFile` */
export function readCredential(): Uint8Array {
  const path = findCredential();
  if (path !== undefined) return readKeyFile(path);
  const where = `$CREDENTIALS_DIRECTORY and ${OF_THE_SYSTEM}`;
  throw fail('file_missing', `there is no credential ${CREDENTIAL} in ${where}`);
}
