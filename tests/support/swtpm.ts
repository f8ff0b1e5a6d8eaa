import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A TPM of its own in software, whose state outlives it as that of a chip does the power. */
export interface Swtpm {
  /** For TPM2TOOLS_TCTI */
  readonly tcti: string;
  /** A tool of tpm2-tools on it. */
  tool(program: string, ...args: string[]): string;
  start(): Promise<void>;
  /** The power goes: no TPM2_Shutdown comes first. */
  stop(): Promise<void>;
  remove(): Promise<void>;
}

/** A new one, running. */
export async function startSwtpm(): Promise<Swtpm> {
  const folder = mkdtempSync(join(tmpdir(), 'swtpm-'));
  const [state, socket] = [join(folder, 'state'), join(folder, 'socket')];
  mkdirSync(state);
  const tcti = `swtpm:path=${socket}`;
  let child: ReturnType<typeof spawn> | undefined;
  const start = async (): Promise<void> => {
    child = spawn(
      'swtpm',
      [
        ...['socket', '--tpm2', '--tpmstate', `dir=${state}`, '--flags', 'startup-clear'],
        ...['--server', `type=unixio,path=${socket}`, '--ctrl', `type=unixio,path=${socket}.ctrl`],
      ],
      { stdio: 'ignore' },
    );
    while (!existsSync(socket) || !existsSync(`${socket}.ctrl`)) {
      if (child.exitCode !== null) throw new Error(`swtpm ended with ${child.exitCode}`);
      await sleep(10);
    }
  };
  const stop = async (): Promise<void> => {
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    child = undefined;
    for (const path of [socket, `${socket}.ctrl`]) rmSync(path, { force: true });
  };
  await start();
  return {
    ...{ tcti, start, stop },
    tool: (program, ...args) =>
      execFileSync(program, args, {
        env: { ...process.env, TPM2TOOLS_TCTI: tcti },
        encoding: 'utf8',
        stdio: 'pipe',
      }),
    remove: async () => {
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}
