import { fromUtf8, utf8 } from '../bundle/index.ts';
import { emptyMemory, formatMemory, mergeMemories, parseMemory } from '../admin/memory.ts';
import type { Memory, MemoryPort } from '../admin/memory.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import type { Site } from '../protocol/site.ts';
import { withLockBeside } from '../files/lock.ts';
import { readLocalFile } from '../files/read.ts';
import { replaceFile } from '../files/write.ts';

const MAX_MEMORY_BYTES = 64 * 1024 * 1024;

/** The memory in a file of the home folder (docs/config.md, "Files"). */
export const fileMemory = (path: string, site: Site): MemoryPort => ({
  load: () => readMemory(path, site),
  add: (news) => writeMemory(path, site, news),
});

/** @throws file_malformed, also for the memory of another site or a chain that does not verify */
export async function readMemory(path: string, site: Site): Promise<Memory> {
  let content: Uint8Array;
  try {
    content = await readLocalFile(path, { maxBytes: MAX_MEMORY_BYTES });
  } catch (error) {
    if (hasCode(error, 'file_missing')) return emptyMemory(site);
    throw error;
  }
  try {
    return parseMemory(fromUtf8(content), site);
  } catch (cause) {
    throw fail(
      'file_malformed',
      `${path} cannot be used (${cause instanceof Error ? cause.message : 'unknown reason'}): move it away to start without memory`,
      { cause },
    );
  }
}

/** Adds to the file what is new in `memory`: nothing that another command adds meanwhile is lost. */
export async function writeMemory(path: string, site: Site, memory: Memory): Promise<void> {
  await withLockBeside(path, async () => {
    const merged = mergeMemories(await readMemory(path, site), memory);
    await replaceFile(path, utf8(formatMemory(merged, site)), 0o600);
  });
}
