import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/network.ts';

/** QEMU's arguments that put sticks into USB ports: files with what is on them. */
export const plugged = (...sticks: string[]): string[] => [
  ...['-device', 'qemu-xhci'],
  ...sticks.flatMap((file, i) => [
    ...['-drive', `if=none,id=stick${i},format=raw,file=${file}`],
    ...['-device', `usb-storage,drive=stick${i}`],
  ]),
];

/** Where Debian's package ovmf has UEFI for QEMU. */
const OVMF = '/usr/share/OVMF';

/** Makes a file of the variables of a UEFI that nobody has used yet. */
export const makeVariables = (file: string): void =>
  copyFileSync(join(OVMF, 'OVMF_VARS_4M.fd'), file);

/** QEMU's arguments that give a machine UEFI, which keeps its variables in a file. */
export const uefi = (variables: string): string[] => [
  ...['-drive', `if=pflash,format=raw,file=${join(OVMF, 'OVMF_CODE_4M.fd')},readonly=on`],
  ...['-drive', `if=pflash,format=raw,file=${variables}`],
];

/** A TPM in software, under power. */
export interface Chip {
  /** QEMU's arguments that put it onto a board. */
  readonly args: readonly string[];
  /** The power goes: no TPM2_Shutdown comes first. */
  stop(): Promise<void>;
}

/** @param folder of what it keeps without power; empty for a new one */
export async function startChip(folder: string): Promise<Chip> {
  const socket = join(folder, 'socket');
  rmSync(socket, { force: true });
  const state = ['socket', '--tpm2', '--tpmstate', `dir=${folder}`];
  const control = ['--ctrl', `type=unixio,path=${socket}`];
  const flags = ['--flags', 'not-need-init,startup-clear'];
  const child = spawn('swtpm', [...state, ...control, ...flags], { stdio: 'ignore' });
  await once(child, 'spawn');
  await until(() => existsSync(socket));
  return {
    args: [
      ...['-chardev', `socket,id=chip,path=${socket}`],
      ...['-tpmdev', 'emulator,id=tpm0,chardev=chip', '-device', 'tpm-crb,tpmdev=tpm0'],
    ],
    stop: async () => {
      const ended = once(child, 'exit');
      if (child.kill('SIGKILL')) await ended;
    },
  };
}

/** Of {@link startChip}: the file below its folder that has its NV indices. */
export const NV_FILE = 'tpm2-00.permall';
