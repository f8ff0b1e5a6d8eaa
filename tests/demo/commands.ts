import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** How a command ended. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The code in the last line of stderr, `coatcheck: ... [code]`, if there is one. */
  readonly error?: string;
}

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** The two commands as built, run as child processes; none of them outlives {@link stop}. */
export interface Commands {
  run(name: 'coatcheck' | 'coatcheck-agent', args: readonly string[]): Promise<Run>;
  /** Starts a command that goes on, and waits for the first line of its output. */
  start(
    name: 'coatcheck',
    args: readonly string[],
  ): Promise<{
    readonly firstLine: string;
    readonly log: () => string;
    readonly stop: () => Promise<void>;
  }>;
  stop(): Promise<void>;
}

const START_MILLISECONDS = 600_000;

/** @param dist the folder of `coatcheck.mjs` and `coatcheck-agent.mjs` */
export function createCommands(dist: string, { env, cwd }: RunOptions): Commands {
  const running = new Set<ChildProcess>();

  function launch(name: string, args: readonly string[]) {
    const child = spawn(process.execPath, [join(dist, `${name}.mjs`), ...args], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    const said = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
    const ended = once(child, 'close').then(([code]) => {
      running.delete(child);
      return code as number | null;
    });
    return { child, said, ended };
  }

  async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    child.kill('SIGINT');
    await ended;
    clearTimeout(timer);
  }

  return {
    run: async (name, args) => {
      const { said, ended } = launch(name, args);
      const code = await ended;
      const error = /\[([a-z_]+)\]\s*$/.exec(said.stderr)?.[1];
      return { code, ...said, ...(error === undefined ? {} : { error }) };
    },
    start: async (name, args) => {
      const { child, said, ended } = launch(name, args);
      const deadline = Date.now() + START_MILLISECONDS;
      while (!said.stdout.includes('\n')) {
        if (child.exitCode !== null || Date.now() > deadline) {
          throw new Error(`${name} ${args.join(' ')} did not start: ${said.stderr}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const firstLine = said.stdout.split('\n')[0]!;
      return { firstLine, log: () => said.stdout + said.stderr, stop: () => end(child, ended) };
    },
    stop: async () => {
      await Promise.all(
        [...running].map(async (child) => {
          child.kill('SIGKILL');
          if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
        }),
      );
    },
  };
}
