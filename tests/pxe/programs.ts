import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { listen } from '../support/run.ts';

/**
 * Runs one of our two programs as they are published, to its end.
 * @param inside what stands before it, such as what puts it into a network
 * @returns what it wrote to stdout
 * @throws with what it said on stderr, where it fails
 */
export async function cli(
  program: 'coatcheck' | 'coatcheck-agent',
  args: readonly string[],
  inside: readonly string[] = [],
): Promise<string> {
  const [first, ...rest] = [...inside, process.execPath, join('dist', `${program}.mjs`), ...args];
  const child = spawn(first!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const { code, stdout, stderr } = await listen(child).done;
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}
