import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CopiedHistory } from '../admin/log.ts';
import { fileError, isMissing } from '../files/errors.ts';
import { readLocalFile } from '../files/read.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { MAX_ENTRY_BYTES } from '../protocol/history.ts';
import type { HistoryObject } from '../protocol/history.ts';

/**
 * A copy of a bucket in a folder: each object a file by its key, as `aws s3 sync` and `mc mirror` make it, or the folder
 * of a store.
 * @throws file_missing where there is no `history/` in it, and what reading a folder throws
 */
export async function copiedBucket(folder: string): Promise<CopiedHistory> {
  const places = [join(folder, 'objects', 'history'), join(folder, 'history')];
  for (const place of places) {
    const nodes = await namesIn(place);
    if (nodes !== undefined) return { nodes, objectsOf: (node) => objectsIn(join(place, node)) };
  }
  throw fail('file_missing', `${folder} is no copy of a bucket: it has no folder history`);
}

async function objectsIn(folder: string): Promise<HistoryObject[]> {
  const objects: HistoryObject[] = [];
  for (const name of (await namesIn(folder)) ?? []) {
    const slot = Number(/^(\d{10})(?:\.object)?$/.exec(name)?.[1]);
    if (!(slot > 0)) continue;
    objects.push(await objectAt(join(folder, name), slot));
  }
  return objects;
}

async function objectAt(path: string, slot: number): Promise<HistoryObject> {
  try {
    return { slot, bytes: await readLocalFile(path, { maxBytes: MAX_ENTRY_BYTES }) };
  } catch (error) {
    // Larger than any entry, or no file: it is none.
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
