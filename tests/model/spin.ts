import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The model of the approval protocol, Promela. */
export const MODEL = join(import.meta.dirname, 'approval.pml');

const MAX_MEMORY_MIB = 1400;
const MAX_DEPTH_STEPS = 20_000;
const MAX_OUTPUT_BYTES = 16 * 2 ** 20;

/** What Spin found. */
export interface Verdict {
  /** The name of the first invariant that failed; undefined if all hold in every state searched. */
  readonly violated?: string;
  /** Whether every reachable state was searched: never after a violation. */
  readonly isExhaustive: boolean;
  readonly states: number;
}

/**
 * Searches the states of the model.
 *
 * @param switches names to define, each a scenario or a broken variant
 * @throws if the model cannot be compiled, or the verifier ends without a verdict
 */
export async function checkModel(switches: readonly string[]): Promise<Verdict> {
  // A broken variant fails early: compiling it well would take longer than searching it.
  const optimise = switches.some((name) => name.startsWith('BROKEN_')) ? '-O0' : '-O1';
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-model-'));
  const options = { cwd: folder, maxBuffer: MAX_OUTPUT_BYTES };
  const limits = [`-DMEMLIM=${MAX_MEMORY_MIB}`, '-DSAFETY', '-DCOLLAPSE', '-DNOFAIR'];
  try {
    await run('spin', ['-a', ...switches.map((name) => `-D${name}`), MODEL], options);
    await run('gcc', [optimise, '-w', ...limits, '-o', 'pan', 'pan.c'], options);
    // -E: everybody may stop anywhere, so a last state is never a mistake.
    const { stdout } = await run('./pan', ['-E', `-m${MAX_DEPTH_STEPS}`], options);
    return readVerdict(stdout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function readVerdict(output: string): Verdict {
  const errors = /errors: (\d+)/.exec(output)?.[1];
  const states = /(\d+) states, stored/.exec(output)?.[1];
  if (errors === undefined || states === undefined) throw new Error(`no verdict:\n${output}`);
  const violated = /assertion violated \(?(\w+)/.exec(output)?.[1];
  if (errors !== '0' && violated === undefined) throw new Error(`an unknown error:\n${output}`);
  return {
    ...(violated !== undefined && { violated }),
    isExhaustive: !/Search not completed|max search depth too small|-DMEMLIM/.test(output),
    states: Number(states),
  };
}
