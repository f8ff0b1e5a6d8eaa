import { setImmediate } from 'node:timers/promises';
import { dictionary, reached, reset, take } from './coverage.ts';
import type { Reached, Trace } from './coverage.ts';
import { createMutator } from './mutate.ts';
import { createRandom } from './random.ts';
import type { Target } from './target.ts';

/** An input for which a promise is broken, and how. */
export interface Finding {
  readonly input: Uint8Array;
  /** Message and stack */
  readonly error: string;
}

export interface FuzzResult extends Reached {
  readonly executions: number;
  readonly seconds: number;
  /** Inputs kept because they reached something new. */
  readonly corpus: number;
  /** The most branches and bytes of typed arrays that an execution took. */
  readonly maxWork: number;
  readonly maxAllocated: number;
  readonly finding?: Finding;
}

export interface FuzzOptions {
  readonly runs: number;
  /** Of the random numbers: the same seed gives the same run. */
  readonly seed: number;
  /** Inputs to begin with, besides the target's. */
  readonly seeds: readonly Uint8Array[];
  /** Stop after so many seconds, whatever is left to run. */
  readonly seconds?: number;
  /** Told every input before it is run. */
  readonly watch?: (input: Uint8Array) => void;
}

const PAUSE_EVERY = 256;

/**
 * Runs the seeds, then mutations of what reached something new, until a promise is broken or the
 * runs are done.
 */
export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  const { seed, seconds = Infinity, watch } = options;
  const runs = Math.ceil(options.runs / (target.oneIn ?? 1));
  const random = createRandom(seed);
  const encoder = new TextEncoder();
  const words = [...dictionary(), ...(target.words ?? [])].map((word) => encoder.encode(word));
  const corpus: Uint8Array[] = [];
  // Half of the time one of the newest: they are at the edge of what is known.
  const choose = (): Uint8Array => {
    const newest = Math.max(1, corpus.length >> 3);
    const from = random.oneIn(2) ? corpus.length - newest : 0;
    return corpus[from + random.below(corpus.length - from)]!;
  };
  const mutate = createMutator({ random, words, maxBytes: target.limits.maxBytes }, choose);
  const seeds = [new Uint8Array(), ...target.seeds, ...options.seeds].filter(
    ({ length }) => length <= target.limits.maxBytes,
  );

  const stackTraceLimit = Error.stackTraceLimit;
  // Nearly every execution makes an error, and a stack costs more than all the rest of it.
  Error.stackTraceLimit = 0;
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1000;
  let [executions, maxWork, maxAllocated] = [0, 0, 0];
  let finding: Finding | undefined;
  while (executions < runs && finding === undefined) {
    const input = seeds[executions] ?? mutate(choose());
    watch?.(input);
    executions++;
    const { trace, broken } = await execute(target, input);
    maxWork = Math.max(maxWork, trace.work);
    maxAllocated = Math.max(maxAllocated, trace.allocated);
    if (broken !== undefined) finding = await explain(target, input);
    if (trace.isNew || corpus.length === 0) corpus.push(input);
    if (executions % PAUSE_EVERY !== 0) continue;
    if (elapsed() > seconds) break;
    // Timers and what was put off for the next tick would wait for ever, and fill the memory.
    await setImmediate();
  }
  Error.stackTraceLimit = stackTraceLimit;
  return {
    ...{ executions, seconds: elapsed(), corpus: corpus.length, maxWork, maxAllocated },
    ...reached(),
    ...(finding === undefined ? {} : { finding }),
  };
}

interface Execution {
  readonly trace: Trace;
  /** Why, if a promise is broken. */
  readonly broken?: Error;
}

async function execute(target: Target, input: Uint8Array): Promise<Execution> {
  let outcome = 'broken';
  let broken: Error | undefined;
  reset();
  try {
    const result = target.run(input);
    outcome = typeof result === 'string' ? result : await result;
  } catch (error) {
    broken = error instanceof Error ? error : new Error(`thrown: ${String(error)}`);
  }
  const trace = take(outcome);
  broken ??= overLimit(target, input, trace);
  return { trace, ...(broken === undefined ? {} : { broken }) };
}

function overLimit(
  { limits: { work, allocated } }: Target,
  input: Uint8Array,
  trace: Trace,
): Error | undefined {
  const { length } = input;
  const most = work[0] + work[1] * length;
  const room = allocated[0] + allocated[1] * length;
  if (trace.work > most) return new Error(`${trace.work} branches for ${length} bytes`);
  if (trace.allocated > room) return new Error(`${trace.allocated} bytes asked for by ${length}`);
  return undefined;
}

/** The finding with a stack, and with all left out of the input that it does not need. */
async function explain(target: Target, input: Uint8Array): Promise<Finding> {
  const isBroken = async (bytes: Uint8Array): Promise<boolean> =>
    (await execute(target, bytes)).broken !== undefined;
  let shortest = input;
  for (let size = input.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at + size <= shortest.length;) {
      const shorter = Uint8Array.from([
        ...shortest.subarray(0, at),
        ...shortest.subarray(at + size),
      ]);
      if (await isBroken(shorter)) shortest = shorter;
      else at += size;
    }
  }
  Error.stackTraceLimit = 20;
  const { broken } = await execute(target, shortest);
  return { input: shortest, error: broken?.stack ?? 'not broken when it is run again' };
}
