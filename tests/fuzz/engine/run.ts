import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FuzzResult } from './fuzz.ts';
import { MAX_INPUT_BYTES, SHARED_HEAD } from './worker.ts';
import type { Job } from './worker.ts';

/** An execution that takes longer, on whatever machine, does not end. */
const STUCK_SECONDS = 600;
/** Of the heap of one target, MiB: inputs are small, and so is what may be made of them. */
const MAX_HEAP = 512;

/** A run that ended, or that had to be ended. */
export type Run = FuzzResult | { readonly lost: string; readonly input: Uint8Array };

/**
 * Fuzzes a target that `buildTargets` made, in a thread of its own, and watches over it: one
 * execution that does not end, or takes all memory, ends the run and not the process.
 *
 * @param options.onProgress told the executions so far, every second
 */
export async function runTarget(
  script: string,
  options: Omit<Job, 'shared'> & { readonly onProgress?: (executions: number) => void },
): Promise<Run> {
  const { onProgress, ...job } = options;
  const shared = new SharedArrayBuffer(SHARED_HEAD + MAX_INPUT_BYTES);
  const state = new Uint32Array(shared, 0, 2);
  const lastInput = (): Uint8Array => new Uint8Array(shared, SHARED_HEAD, state[1]).slice();
  const worker = new Worker(script, {
    workerData: { ...job, shared } satisfies Job,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP },
  });
  let [seen, still] = [0, 0];
  const timer = setInterval(() => {
    const executions = state[0]!;
    still = executions === seen && executions > 0 ? still + 1 : 0;
    seen = executions;
    if (still >= STUCK_SECONDS) void worker.terminate();
    onProgress?.(executions);
  }, 1000);
  try {
    const ended = once(worker, 'exit').then(() => `an execution took over ${STUCK_SECONDS} s`);
    const result = once(worker, 'message').then(([message]) => message as FuzzResult);
    const first = await Promise.race([result, ended]);
    return typeof first === 'string' ? { lost: first, input: lastInput() } : first;
  } catch (error) {
    return {
      lost: error instanceof Error ? (error.stack ?? '') : String(error),
      input: lastInput(),
    };
  } finally {
    clearInterval(timer);
    await worker.terminate();
  }
}
