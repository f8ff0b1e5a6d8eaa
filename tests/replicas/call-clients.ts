import { spawn } from 'node:child_process';
import type { Calls } from './clients.ts';

/** The process of clients.ts, on the clients' machine. */
export interface CalledClients {
  call<N extends keyof Calls>(
    name: N,
    ...args: Parameters<Calls[N]>
  ): Promise<Awaited<ReturnType<Calls[N]>>>;
  close(): void;
}

/** @param inside what stands before a command that is to run there */
export function startClients(inside: readonly string[]): CalledClients {
  // Whoever enters another namespace of mounts is at its root.
  const here = ['/usr/bin/env', `--chdir=${process.cwd()}`];
  const command = [process.execPath, '--import', 'tsx', 'tests/replicas/clients.ts'];
  const [program, ...rest] = [...inside, ...here, ...command];
  const child = spawn(program!, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const waiting = new Map<number, { done: (result: never) => void; failed: (e: Error) => void }>();
  let count = 0;
  child.on('message', ({ id, result, error }: { id: number; result: never; error?: string }) => {
    const { done, failed } = waiting.get(id)!;
    waiting.delete(id);
    if (error === undefined) done(result);
    else failed(new Error(error));
  });
  child.once('exit', (code) => {
    for (const { failed } of waiting.values()) failed(new Error(`the clients ended with ${code}`));
  });
  return {
    call: (name, ...args) =>
      new Promise((done, failed) => {
        const id = count++;
        waiting.set(id, { done, failed });
        if (!child.connected) failed(new Error('the clients have ended'));
        else child.send({ id, name, args });
      }),
    close: () => child.kill('SIGKILL'),
  };
}
