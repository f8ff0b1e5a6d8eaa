import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { listen } from '../support/run.ts';
import type { Run } from '../support/run.ts';

/** Runs a program to its end. */
export function run([program, ...args]: readonly string[]): Promise<Run> {
  return listen(spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] })).done;
}

/**
 * Runs a program to its end.
 * @returns what it wrote to stdout
 * @throws with what it said on stderr, where it fails
 */
export async function must(command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}

/**
 * Runs one of our two programs as they are published, as `must` does.
 * @param inside what stands before it, such as what puts it into a network
 */
export const cli = (
  program: 'coatcheck' | 'coatcheck-agent',
  args: readonly string[],
  inside: readonly string[] = [],
): Promise<string> => must([...inside, process.execPath, join('dist', `${program}.mjs`), ...args]);
