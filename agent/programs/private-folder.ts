import * as fs from 'node:fs';
import { naming } from '../../files/errors.ts';

/**
 * A new folder that only this user can look into, in memory and gone with the next boot. Whoever
 * makes it removes it.
 * @param purpose a word for its name
 * @throws file_denied, disk_full
 */
export function privateFolder(purpose: string): string {
  return naming('/run', () => fs.mkdtempSync(`/run/coatcheck-${purpose}-`));
}
