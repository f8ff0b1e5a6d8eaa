import { statfs } from 'node:fs/promises';
import { fail } from '../protocol/errors.ts';

/**
 * What is kept of a file system for decisions and repairs: this part of it, and at most so much. One
 * decision takes two objects of at most a bundle each, and five names.
 */
export const RESERVE = { share: 0.05, bytes: 256 * 1024 * 1024, names: 10_000 } as const;

/**
 * @param folder on the file system that is meant
 * @throws store_full where `bytes` more, and the names that go with them, would take of the reserve; what
 *   the system says
 */
export async function demandRoomIn(folder: string, bytes: number): Promise<void> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(folder);
  const keptBytes = Math.min(blocks * bsize * RESERVE.share, RESERVE.bytes);
  const keptNames = Math.min(files * RESERVE.share, RESERVE.names);
  // A file system without a fixed number of names says that it has none.
  const hasNames = files === 0 || ffree - NAMES_OF_A_WRITE >= keptNames;
  if (bavail * bsize - bytes >= keptBytes && hasNames) return;
  throw fail(
    'store_full',
    `the file system of ${folder} has but what is kept for decisions and repairs: make room`,
  );
}

/** A folder, its object, what is staged, and a lock. */
const NAMES_OF_A_WRITE = 4;
