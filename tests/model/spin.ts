import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The model of the approval protocol, Promela; the other `.pml` files are its parts. */
export const MODEL = join(import.meta.dirname, 'approval.pml');

const MAX_MEMORY_MIB = 1400;
/** What only a search without an end reaches. */
const MAX_CPU_SECONDS = 1800;
const MAX_DEPTH_STEPS = 20_000;
const MAX_OUTPUT_BYTES = 16 * 2 ** 20;

/** What to search, and how. */
export interface Search {
  /** A `SCENARIO_` of `scenarios.pml` */
  readonly scenario: string;
  /** A `BROKEN_` of the model */
  readonly broken?: string;
  /**
   * Only a part of the states, in an order that `seed` shuffles: those seen are remembered by three
   * bits each in a field of 2^`bits`, and the search ends once that is full (Spin's bitstate search).
   */
  readonly sample?: { readonly bits: number; readonly seed: number };
}

/** What Spin found. */
export interface Verdict {
  /** The name of the first promise that was broken; undefined if all hold in every state searched. */
  readonly violated?: string;
  /** Whether every reachable state was searched: never after a violation, never by a sample. */
  readonly isComplete: boolean;
  readonly states: number;
}

/**
 * Searches the states of the model, for at most half an hour of CPU and in at most 1,400 MiB.
 *
 * @throws if the model cannot be compiled, or the verifier ends without a verdict
 */
export async function checkModel({ scenario, broken, sample }: Search): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-model-'));
  const options = { cwd: folder, maxBuffer: MAX_OUTPUT_BYTES };
  const names = [`-DSCENARIO_${scenario}`, ...(broken === undefined ? [] : [`-DBROKEN_${broken}`])];
  // A broken variant fails early: compiling it well would take longer than searching it.
  const optimise = broken === undefined ? '-O1' : '-O0';
  const memory = sample === undefined ? ['-DCOLLAPSE'] : ['-DBITSTATE', '-DT_RAND', '-DP_RAND'];
  const limits = [`-DMEMLIM=${MAX_MEMORY_MIB}`, '-DSAFETY', '-DNOFAIR'];
  const order = sample === undefined ? [] : [`-w${sample.bits}`, `-RS${sample.seed}`];
  try {
    await run('spin', ['-a', ...names, MODEL], options);
    await run('gcc', [optimise, '-w', ...memory, ...limits, '-o', 'pan', 'pan.c'], options);
    // -E: everybody may stop anywhere, so a last state is never a mistake.
    const search = ['./pan', '-E', `-m${MAX_DEPTH_STEPS}`, ...order].join(' ');
    const { stdout } = await run(
      'sh',
      ['-c', `ulimit -t ${MAX_CPU_SECONDS} && exec ${search}`],
      options,
    );
    return readVerdict(stdout, sample === undefined);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function readVerdict(output: string, remembersAll: boolean): Verdict {
  const errors = /errors: (\d+)/.exec(output)?.[1];
  const states = /(\d+) states, stored/.exec(output)?.[1];
  if (errors === undefined || states === undefined) throw new Error(`no verdict:\n${output}`);
  const violated = /assertion violated \(?(\w+)/.exec(output)?.[1];
  if (errors !== '0' && violated === undefined) throw new Error(`an unknown error:\n${output}`);
  const wasCut = /Search not completed|max search depth too small|-DMEMLIM/.test(output);
  return {
    ...(violated !== undefined && { violated }),
    isComplete: remembersAll && !wasCut,
    states: Number(states),
  };
}
