import * as fs from 'node:fs';
import { fail } from '../../protocol/errors.ts';
import { STAGED_PREFIX } from '../../protocol/paths.ts';
import { removeIn, renameIn, statIn, syncFolder } from '../tree/files.ts';
import { at, inFolder, inFolderOf } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import { readItem } from '../tree/item.ts';
import { naming } from '../../files/errors.ts';
import { changeActivationRecord, readActivationRecord } from './activation-record.ts';

const LINK = 'etc/localtime';
const STAGED = `${STAGED_PREFIX}localtime`;

/**
 * Makes /etc/localtime the link that localtime(5) describes; without a zone, what it was before a
 * bundle named one.
 * @throws not_found for a zone that the image does not have; path_refused where a file is in the way
 */
export function setTimezone(root: Folder, zone: string | undefined): void {
  const before = readActivationRecord(root).localtime;
  if (zone === undefined) {
    if (before === undefined) return;
    point(root, before);
    changeActivationRecord(root, ({ pending, done, units }) => ({ pending, done, units }));
    return;
  }
  const path = `usr/share/zoneinfo/${zone}`;
  if (inFolderOf(root, path, statIn)?.isDirectory() !== false) {
    throw fail('not_found', `this image has no time zone ${zone}: ${path} is not there`);
  }
  if (before === undefined) {
    const target = targetOf(root);
    changeActivationRecord(root, (record) => ({ ...record, localtime: target }));
  }
  point(root, `../${path}`);
}

function targetOf(root: Folder): string | null {
  const item = readItem(root, LINK);
  if (item.kind === 'absent') return null;
  if (item.kind === 'link') return item.target;
  throw fail('path_refused', `${LINK} is a file of this image, and only a link is replaced`);
}

/** In one step: whoever looks sees the old link or the new one. */
function point(root: Folder, target: string | null): void {
  if (targetOf(root) === target) return;
  inFolder(
    root,
    'etc',
    (etc) => {
      removeIn(etc, STAGED);
      if (target === null) removeIn(etc, 'localtime');
      else {
        naming(LINK, () => fs.symlinkSync(target, at(etc, STAGED)));
        renameIn(etc, STAGED, 'localtime');
      }
      syncFolder(etc);
    },
    { make: 0o755 },
  );
}
