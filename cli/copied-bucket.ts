import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CopiedBucket } from '../admin/evidence.ts';
import { MAX_KEYSET_BYTES } from '../bundle/index.ts';
import { fileError, isMissing } from '../files/errors.ts';
import { readLocalFile } from '../files/read.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { MAX_ENTRY_BYTES } from '../protocol/history.ts';
import type { HistoryObject } from '../protocol/history.ts';
import { keysetKey } from '../protocol/keys.ts';

/**
 * A copy of a bucket in a folder: each object a file by its key, as `aws s3 sync` and `mc mirror` make it, or the folder
 * of a store.
 * @throws file_missing where there is no `history/` in it, and what reading a folder throws
 */
export async function copiedBucket(folder: string): Promise<CopiedBucket> {
  for (const place of [join(folder, 'objects'), folder]) {
    const nodes = await namesIn(join(place, 'history'));
    if (nodes === undefined) continue;
    return {
      nodes,
      objectsOf: (node) => objectsIn(join(place, 'history', node), MAX_ENTRY_BYTES),
      keysets: async () =>
        (await objectsIn(join(place, 'keysets'), MAX_KEYSET_BYTES)).map(({ slot, bytes }) => ({
          from: keysetKey(slot),
          bytes: bytes ?? new Uint8Array(),
        })),
    };
  }
  throw fail('file_missing', `${folder} is no copy of a bucket: it has no folder history`);
}

/** What has a number for its name, ascending. */
async function objectsIn(folder: string, maxBytes: number): Promise<HistoryObject[]> {
  const objects: HistoryObject[] = [];
  for (const name of (await namesIn(folder)) ?? []) {
    const slot = Number(/^(\d{10})(?:\.object)?$/.exec(name)?.[1]);
    if (!(slot > 0)) continue;
    objects.push(await objectAt(join(folder, name), slot, maxBytes));
  }
  return objects;
}

async function objectAt(path: string, slot: number, maxBytes: number): Promise<HistoryObject> {
  try {
    return { slot, bytes: await readLocalFile(path, { maxBytes }) };
  } catch (error) {
    // Larger than any, or no file: it is none.
    if (hasCode(error, 'file_malformed', 'file_unsafe')) return { slot };
    throw error;
  }
}

/** In order; undefined where there is no such folder. */
async function namesIn(folder: string): Promise<string[] | undefined> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(error, folder);
  }
}
