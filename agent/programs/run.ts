import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { constants } from 'node:os';
import { fail } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';

/** How a program ended. */
export interface Ran {
  /** Exit status; 128 + the signal's number as a shell has it, 127 where it could not be started */
  readonly status: number;
  readonly stdout: Buffer;
  /** Up to 64 KiB of it */
  readonly stderr: string;
}

/** How a program is run; 30 seconds unless told otherwise. */
export interface RunOptions {
  readonly input?: Uint8Array;
  readonly timeoutSeconds?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Kills it, as the end of its time does */
  readonly signal?: AbortSignal | undefined;
}

const MAX_OUTPUT_BYTES = 1024 * 1024;
const MAX_SAID_BYTES = 64 * 1024;
/** How long a program's output may outlast it: what it left behind can hold the pipes for ever. */
const MAX_REST_MILLISECONDS = 1000;

/**
 * As {@link run}, and nothing else happens meanwhile, not even the end that a signal asks for: for
 * what has to be undone whatever comes, such as a mount. Only the program itself is killed.
 */
export function runNow(program: string, args: readonly string[], options: RunOptions = {}): Ran {
  const { input, timeoutSeconds = 30, env } = options;
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { error, status, signal, stdout, stderr } = spawnSync(program, args, {
    ...(input === undefined ? {} : { input }),
    env: { ...process.env, LC_ALL: 'C', ...env },
    timeout: timeoutSeconds * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const said = (stderr as Buffer | null)?.toString('utf8').slice(0, MAX_SAID_BYTES) ?? '';
  const ran = { stdout: (stdout as Buffer | null) ?? Buffer.alloc(0), stderr: said };
  const errno = (error as NodeJS.ErrnoException | undefined)?.code;
  if (errno === 'ETIMEDOUT') return { ...ran, status: 124 };
  if (errno === 'ENOBUFS') return { ...ran, status: 125 };
  // An input that was not read to its end is no failure.
  if (error !== undefined && errno !== 'EPIPE') {
    return { ...ran, status: 127, stderr: error.message };
  }
  return { ...ran, status: status ?? 128 + (signal === null ? 0 : constants.signals[signal]) };
}

/**
 * Runs a program of the image, found by PATH, without a shell. Killed with its whole group after
 * `timeoutSeconds` (30) or above 1 MiB of output, which counts as status 124 or 125. What a program
 * that ended leaves running, such as a daemon, runs on and is waited for a second at most. Never
 * throws: what a missing or failing program means is the caller's to say.
 */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  const { input, timeoutSeconds = 30, env, signal: aborted } = options;
  const { spawn } = process.getBuiltinModule('node:child_process');
  return await new Promise((resolve) => {
    let child: ChildProcessWithoutNullStreams;
    try {
      child = spawn(program, args, {
        detached: true,
        env: { ...process.env, LC_ALL: 'C', ...env },
      });
    } catch (error) {
      // Some of what the kernel says, such as ETXTBSY, is thrown and no event.
      resolve({ status: 127, stdout: Buffer.alloc(0), stderr: (error as Error).message });
      return;
    }
    const out: Buffer[] = [];
    let outBytes = 0;
    let said = '';
    let killedAs: number | undefined;
    let rest: NodeJS.Timeout | undefined;
    const endSoon = (status: number): void => {
      rest ??= setTimeout(() => end(status), MAX_REST_MILLISECONDS);
    };
    const kill = (status: number): void => {
      killedAs ??= status;
      endSoon(status);
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    };
    const over = (): void => kill(124);
    const timer = setTimeout(over, timeoutSeconds * 1000);
    aborted?.addEventListener('abort', over);
    if (aborted?.aborted === true) over();
    const end = (status: number): void => {
      clearTimeout(timer);
      aborted?.removeEventListener('abort', over);
      clearTimeout(rest);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      child.unref();
      resolve({ status: killedAs ?? status, stdout: Buffer.concat(out), stderr: said });
    };
    child.stdout.on('data', (chunk: Buffer) => {
      outBytes += chunk.length;
      if (outBytes > MAX_OUTPUT_BYTES) kill(125);
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(0, MAX_SAID_BYTES);
    });
    child.stdin.on('error', () => undefined); // It need not read what it is given.
    child.stdin.end(input);
    child.on('error', (error) => {
      said = error.message;
      end(127);
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      endSoon(exitStatusOf(code, signal));
    });
    child.on('close', (code, signal) => end(exitStatusOf(code, signal)));
  });
}

const exitStatusOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? (signal === null ? 1 : 128 + constants.signals[signal]);

/** What a program that failed was told and said, as an error: its first line, since others repeat it. */
export function failure(
  code: ErrorCode,
  program: string,
  args: readonly string[],
  { status, stderr }: Ran,
): Error {
  const said = stderr.split('\n').find((line) => line.trim() !== '') ?? 'it said nothing';
  const how = status === 127 ? 'could not be started' : `ended with status ${status}`;
  return fail(code, `${[program, ...args].join(' ')} ${how}: ${said.trim()}`);
}
