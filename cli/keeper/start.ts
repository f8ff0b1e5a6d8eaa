import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { toBase64Url } from '../../bundle/index.ts';
import { fail, isErrorCode } from '../../protocol/errors.ts';
import type { Place } from './place.ts';

/** What the process that keeps a key is told, on stdin and nowhere else. */
export interface Task {
  /** base64url of 32 bytes */
  readonly seed: string;
  /** base64url of 16 bytes */
  readonly site: string;
  readonly place: Place;
  /** unix seconds */
  readonly until: number;
}

/** It stands beside the command (scripts/commands.ts). */
const PROGRAM = fileURLToPath(new URL('./coatcheck-keeper.mjs', import.meta.url));

/**
 * Starts a process that keeps a key and outlives this one: without a terminal, an environment or a core
 * dump, and with no debugger at SIGUSR1 where this version of Node can be told so.
 * @param seed 32 bytes; zeros afterwards
 * @returns its id
 * @throws as `keep`; step_failed if it does not come up
 */
export async function startKeeper(
  seed: Uint8Array,
  task: Pick<Task, 'place' | 'until'> & { readonly site: Uint8Array },
): Promise<number> {
  const flag = '--disable-sigusr1';
  const node = [
    process.execPath,
    ...(process.allowedNodeEnvironmentFlags.has(flag) ? [flag] : []),
    PROGRAM,
  ];
  const child = spawn('sh', ['-c', 'ulimit -c 0; exec "$@"', 'sh', ...node], {
    ...{ detached: true, cwd: '/', env: {}, stdio: ['pipe', 'pipe', 'ignore'] },
  });
  child.stdin.on('error', () => undefined);
  const site = toBase64Url(task.site);
  child.stdin.end(JSON.stringify({ ...task, site, seed: toBase64Url(seed) }));
  seed.fill(0);
  const failed = new Promise<never>((_, reject) => child.on('error', reject));
  const said = await Promise.race([text(child.stdout), failed]);
  const answer = (said === '' ? {} : JSON.parse(said)) as {
    readonly pid?: number;
    readonly error?: { readonly code: string; readonly message: string };
  };
  const { pid, error } = answer;
  if (pid !== undefined) {
    child.unref();
    return pid;
  }
  const code = error !== undefined && isErrorCode(error.code) ? error.code : 'step_failed';
  throw fail(code, error?.message ?? 'the process that was to keep the key did not come up');
}
