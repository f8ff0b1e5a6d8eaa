import { createHash } from 'node:crypto';
import { compareKeys } from '../../store/page.ts';
import type { CopyMarker } from './marker.ts';

/** What stands for all objects of a store. @param digests hex SHA-256 of the bytes, by key */
export function wholeOf(digests: ReadonlyMap<string, string>): NonNullable<CopyMarker['whole']> {
  const all = createHash('sha256');
  for (const [key, digest] of [...digests].sort(([a], [b]) => compareKeys(a, b))) {
    all.update(`${key} ${digest}\n`);
  }
  return { objects: digests.size, sha256: all.digest('hex') };
}
