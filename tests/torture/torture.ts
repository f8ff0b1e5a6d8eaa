import { Random } from '../support/random.ts';
import { makeCast } from './cast.ts';
import type { Cast } from './cast.ts';
import { ENGINE } from './engine.ts';
import type { Engine } from './engine.ts';
import { Generation } from './generation.ts';
import type { Tally } from './scene.ts';
import type { Stage } from './stage.ts';

export interface TortureOptions {
  readonly seed: number;
  readonly operations: number;
  /** A new, empty store: each generation has one of its own. */
  readonly open: () => Promise<Stage>;
  /** 100 unless told: so that no history grows long, and an operation costs the same to the end. */
  readonly operationsPerGeneration?: number;
  /** Of each call of the engine to the store; 3 in 100 unless told. */
  readonly faultRate?: number;
  readonly engine?: Engine;
  readonly onProgress?: (done: number) => void;
  /** Goes on after a failure, and tells it. */
  readonly onFailure?: (failure: Error) => void;
}

export interface Outcome {
  readonly operations: number;
  readonly tally: Tally;
  /** What each operation of the last generation came to. */
  readonly transcript: readonly string[];
}

const NODES = 3;
let casts: readonly Cast[] | undefined;

/**
 * Runs operations at random, generation after generation, and judges each.
 *
 * The seed of a generation is the seed of the run and its number, so that the one that failed can be
 * run again alone: the message says how. On the memory store it is then the same to the last step.
 *
 * @throws Error with everything that went wrong in the first generation in which something did,
 *   unless `onFailure` is given
 */
export async function torture(options: TortureOptions): Promise<Outcome> {
  const { engine = ENGINE, operationsPerGeneration = 100, faultRate = 0.03 } = options;
  casts ??= (['required', 'none'] as const).map((approval) => makeCast(approval, NODES));
  const tally: Tally = {};
  let transcript: readonly string[] = [];
  let done = 0;
  for (let number = 0; done < options.operations; number++) {
    const seed = options.seed + number;
    const random = new Random(seed);
    const operations = Math.min(operationsPerGeneration, options.operations - done);
    const cast = random.pick(casts)!;
    const stage = await options.open();
    const generation = new Generation({ cast, stage, engine, random, operations, faultRate });
    try {
      const faults = await generation.run();
      if (faults.length > 0) throw new Error(faults.join('\n'));
    } catch (cause) {
      const error = new Error(failure(seed, operations, cause, generation.transcript), { cause });
      if (options.onFailure === undefined) throw error;
      options.onFailure(error);
    } finally {
      await stage.close?.();
    }
    for (const [what, n] of Object.entries(generation.tally)) tally[what] = (tally[what] ?? 0) + n;
    ({ transcript } = generation);
    done += operations;
    options.onProgress?.(done);
  }
  return { operations: done, tally, transcript };
}

function failure(
  seed: number,
  operations: number,
  cause: unknown,
  transcript: readonly string[],
): string {
  const what = cause instanceof Error ? cause.message : String(cause);
  const again = `COATCHECK_SEED=${seed} COATCHECK_OPERATIONS=${operations}`;
  return `${what}\nrun again with ${again}; it went\n${transcript.join('\n')}`;
}
