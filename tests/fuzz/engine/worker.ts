import { parentPort, workerData } from 'node:worker_threads';
import { fuzz } from './fuzz.ts';
import type { FuzzOptions, FuzzResult } from './fuzz.ts';
import type { Target } from './target.ts';

/** What a worker is started with. */
export interface Job extends Omit<FuzzOptions, 'watch'> {
  /** Counts executions, then the length of the input, and the input itself. */
  readonly shared: SharedArrayBuffer;
}

/** Bytes of `shared` before the input. */
export const SHARED_HEAD = 8;
/** No target's input is longer. */
export const MAX_INPUT_BYTES = 64 * 1024;

/** The body of a worker: fuzzes the target as its job says, and posts the {@link FuzzResult}. */
export async function work(target: Target): Promise<void> {
  const { shared, ...options } = workerData as Job;
  const state = new Uint32Array(shared, 0, 2);
  const last = new Uint8Array(shared, SHARED_HEAD);
  process.setSourceMapsEnabled(true);
  const watch = (input: Uint8Array): void => {
    last.set(input);
    state[1] = input.length;
    state[0]!++;
  };
  const result: FuzzResult = await fuzz(target, { ...options, watch });
  parentPort!.postMessage(result);
}
