import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
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

/** A VGA screen in text mode, and the keyboard in front of it. */
export interface TextScreen {
  /** QEMU's arguments that plug it in. */
  readonly args: readonly string[];
  /** Its lines, of 80 columns, and those that went off its upper end while there was room for them. */
  lines(): Promise<string[]>;
  /** Types, and presses Enter, once a line that begins so asks for it. @param text of a-z, 0-9, dot and space */
  answer(asked: string, text: string): Promise<void>;
}

/** The memory of VGA's text mode: a character and its colour. */
const TEXT = { address: 0xb8000, bytes: 0x8000, columns: 80 } as const;
/** What QEMU's monitor says when it waits for a command. */
const PROMPT = '(qemu) ';

/** @param folder for its socket, and for what is read of it */
export function textScreen(folder: string): TextScreen {
  const [socket, file] = [join(folder, 'monitor'), join(folder, 'screen')];
  async function order(...orders: string[]): Promise<void> {
    await until(() => existsSync(socket));
    const monitor = connect(socket);
    let said = '';
    monitor.setEncoding('utf8').on('data', (text: string) => (said += text));
    for (const [i, text] of [...orders, ''].entries()) {
      await until(() => said.split(PROMPT).length > i + 1);
      if (text !== '') monitor.write(`${text}\n`);
    }
    monitor.destroy();
  }
  async function lines(): Promise<string[]> {
    await order(`pmemsave ${TEXT.address} ${TEXT.bytes} "${file}"`);
    const characters = readFileSync(file).filter((_, at) => at % 2 === 0);
    const rows = Array.from({ length: Math.floor(characters.length / TEXT.columns) }, (_, row) =>
      characters.subarray(row * TEXT.columns, (row + 1) * TEXT.columns),
    );
    return rows.map((row) => Buffer.from(row).toString('latin1').trimEnd());
  }
  return {
    args: ['-vga', 'std', '-monitor', `unix:${socket},server=on,wait=off`],
    lines,
    answer: async (asked, text) => {
      const isAsked = (line: string): boolean => line.startsWith(asked) && /[:?\]]$/.test(line);
      await until(async () => (await lines()).some(isAsked));
      const keys = Array.from(text).map((key) => ({ '.': 'dot', ' ': 'spc' })[key] ?? key);
      await order(...[...keys, 'ret'].map((key) => `sendkey ${key} 20`));
    },
  };
}

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
