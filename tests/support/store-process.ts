import { approvedKey, historyKey, parseNodeId } from '../../protocol/keys.ts';
import { hasCode } from '../../protocol/errors.ts';
import { createFilesystemStore } from '../../store/filesystem.ts';

/**
 * Another process on the same folder, for the tests: `store-process.ts JOB PATH`. It prints a line
 * for each thing that it has done.
 */
const [job, path] = process.argv.slice(2) as [string, string];
const ID = parseNodeId('a'.repeat(32));

const jobs: Record<string, () => Promise<void>> = {
  /** Adds one to a counter 50 times, by compare-and-swap. */
  async count() {
    const store = createFilesystemStore(path);
    const key = approvedKey(ID);
    for (let done = 0; done < 50;) {
      const { body, etag } = (await store.get(key, { maxBytes: 100 }))!;
      const next = String(Number(new TextDecoder().decode(body)) + 1);
      try {
        await store.replace(key, new TextEncoder().encode(next), etag);
        done++;
      } catch (error) {
        if (!hasCode(error, 'precondition_failed')) throw error;
      }
    }
    console.log('done');
  },
  /** Creates slot after slot, each full of its own number, until it is killed. */
  async create() {
    const store = createFilesystemStore(path);
    for (let slot = 1; ; slot++) {
      await store.create(historyKey(ID, slot), new Uint8Array(32 * 1024).fill(slot % 251));
      console.log(slot);
    }
  },
};
await jobs[job]!();
