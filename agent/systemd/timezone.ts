import { fail } from '../../protocol/errors.ts';
import { statIn } from '../tree/files.ts';
import { inFolderOf } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import { linkAt, putLink } from '../tree/link.ts';
import { changeActivationRecord, readActivationRecord } from './activation-record.ts';

const LINK = 'etc/localtime';

/**
 * Makes /etc/localtime the link that localtime(5) describes; without a zone, what it was before a
 * bundle named one.
 * @throws not_found for a zone that the image does not have; path_refused where a file is in the way
 */
export function setTimezone(root: Folder, zone: string | undefined): void {
  const before = readActivationRecord(root).localtime;
  if (zone === undefined) {
    if (before === undefined) return;
    putLink(root, LINK, before);
    changeActivationRecord(root, ({ localtime: _, ...rest }) => rest);
    return;
  }
  const path = `usr/share/zoneinfo/${zone}`;
  if (inFolderOf(root, path, statIn)?.isDirectory() !== false) {
    throw fail('not_found', `this image has no time zone ${zone}: ${path} is not there`);
  }
  if (before === undefined) {
    const target = linkAt(root, LINK);
    changeActivationRecord(root, (record) => ({ ...record, localtime: target }));
  }
  putLink(root, LINK, `../${path}`);
}
