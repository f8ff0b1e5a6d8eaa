import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

const STOP_MILLISECONDS = 10_000;
const KEPT_CHARACTERS = 20_000;

/** A server of somebody else's that runs as a child of this process. */
export interface ServerProcess {
  /** Undefined if it could not be started. */
  readonly pid: number | undefined;
  hasEnded(): boolean;
  /** The last that it printed, on either stream; `nothing` if it printed nothing. */
  said(): string;
  /** SIGKILL, at once. */
  kill(): void;
  /** SIGTERM, then SIGKILL after 10 seconds. Safe to call again. */
  stop(): Promise<void>;
}

/** @param env all that it gets besides `PATH` and `HOME` */
export function spawnServer(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ServerProcess {
  const { PATH, HOME } = process.env;
  const child = spawn(command, args, {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-KEPT_CHARACTERS);
    });
  }
  child.on('error', (error) => (text += error.message));
  const hasEnded = (): boolean =>
    child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid,
    hasEnded,
    said: () => text.trim() || 'nothing',
    kill: () => void child.kill('SIGKILL'),
    async stop() {
      if (hasEnded()) return;
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MILLISECONDS);
      await exit;
      clearTimeout(timer);
    },
  };
}

/** A port of the loopback interface that was free a moment ago, for servers that take no port 0. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
