import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startChip } from '../pxe/devices.ts';
import type { Chip } from '../pxe/devices.ts';
import type { Guest } from '../pxe/guest.ts';
import { must } from '../pxe/programs.ts';
import { until } from '../support/network.ts';

/** Runs `use` while a TPM has power. @param folder of what it keeps without; made where it is not there: a new TPM */
export async function withChip<T>(folder: string, use: (chip: Chip) => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true });
  const chip = await startChip(folder);
  try {
    return await use(chip);
  } finally {
    await chip.stop();
  }
}

/**
 * Has a program of tpm2-tools change what a TPM keeps, while its machine is off: what another system on that machine can do.
 * @param folder of what it keeps
 */
export async function tamper(folder: string, program: string, ...args: string[]): Promise<void> {
  const socket = join(folder, 'tools');
  const sockets = [socket, `${socket}.ctrl`];
  for (const path of sockets) rmSync(path, { force: true });
  const child = spawn('swtpm', [
    ...['socket', '--tpm2', '--tpmstate', `dir=${folder}`, '--flags', 'startup-clear'],
    ...['--server', `type=unixio,path=${socket}`, '--ctrl', `type=unixio,path=${socket}.ctrl`],
  ]);
  const ended = once(child, 'exit');
  try {
    await until(() => sockets.every((path) => existsSync(path)));
    await must(['env', `TPM2TOOLS_TCTI=swtpm:path=${socket}`, program, ...args]);
  } finally {
    child.kill();
    await ended;
  }
}

/** What a machine said, without the line ends by which its console keeps to 80 columns. */
export const unfolded = (machine: Guest): string => machine.said().replace(/\s+/g, ' ');
