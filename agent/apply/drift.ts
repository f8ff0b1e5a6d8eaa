import { sha256 } from '#platform';
import { toHex } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { withRoot } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import { readItem } from '../tree/item.ts';
import { readMarker } from './marker.ts';
import type { Marker } from './marker.ts';

/** How a file differs from what was applied. */
export type Drift = 'changed' | 'missing' | 'unreadable';

/** How the files that were applied look now. */
export interface AppliedState {
  readonly marker: Marker;
  /** What is no longer as it was applied, by path. */
  readonly drift: readonly { readonly path: string; readonly drift: Drift }[];
}

/**
 * What was applied to a root, if anything was, and what became of it since.
 * @throws file_missing if there is no such root; file_malformed
 */
export function readApplied(rootPath: string): AppliedState | undefined {
  return withRoot(rootPath, (root) => {
    const marker = readMarker(root);
    if (marker === undefined) return undefined;
    const drift = Object.entries(marker.files).flatMap(([path, applied]) => {
      const found = driftOf(root, path, applied);
      return found === undefined ? [] : [{ path, drift: found }];
    });
    return { marker, drift };
  });
}

function driftOf(root: Folder, path: string, applied: Marker['files'][string]): Drift | undefined {
  try {
    const item = readItem(root, path);
    if (item.kind === 'absent') return 'missing';
    if (item.kind === 'link') return 'changed';
    const same = item.mode === applied.mode && toHex(sha256(item.content)) === applied.sha256;
    const owned =
      process.geteuid?.() !== 0 || (item.uid === applied.uid && item.gid === applied.gid);
    return same && owned ? undefined : 'changed';
  } catch (error) {
    if (error instanceof CoatcheckError) return 'unreadable';
    throw error;
  }
}
