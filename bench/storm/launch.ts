import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server that runs in a process of its own, and what that started. */
export interface Launched {
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

const START_MILLISECONDS = 120_000;

/**
 * Starts a server and waits until it takes connections on a port of 127.0.0.1. What it says goes to
 * a file, so that reading it costs nobody anything.
 *
 * @throws Error with the end of what it said if it ends before, or ENOENT if there is no such program
 */
export async function launch(
  [program, ...args]: readonly [string, ...string[]],
  { port, log }: { port: number; log: string },
): Promise<Launched> {
  const output = openSync(log, 'a');
  const child = spawn(program, args, { stdio: ['ignore', output, output] });
  closeSync(output);
  await once(child, 'spawn');
  const ended = once(child, 'exit');
  const deadline = Date.now() + START_MILLISECONDS;
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${program} did not start: ${readFileSync(log, 'utf8').slice(-500)}`);
    }
    await sleep(50);
  }
  return {
    pid: child.pid!,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
