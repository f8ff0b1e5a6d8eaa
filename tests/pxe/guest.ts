import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';

/** A machine without a disk, in QEMU's software emulation. */
export interface Guest {
  /** Everything that its serial line said, without control sequences. */
  said(): string;
  /**
   * The first whole line from here on that matches; the next call looks behind it.
   * @throws with the end of what was said, where the guest ends or panics before
   */
  line(expected: RegExp): Promise<RegExpExecArray>;
  /**
   * Types, and presses Enter, once its last line, which has no end yet, is this prompt.
   * @throws as `line`
   */
  answer(prompt: RegExp, text: string): Promise<void>;
  /**
   * Presses Enter until its last line is this prompt of somebody who shows it again then: what others say on that line
   * takes it away.
   * @throws as `line`
   */
  prompt(expected: RegExp): Promise<void>;
  /** When, in seconds after the power was switched on, the first line came that matches. */
  at(expected: RegExp): number | undefined;
  /** Whether it has ended. */
  isOff(): boolean;
  /** Types on the serial line. */
  type(text: string): void;
  /** Nothing happens in it while `act` runs. */
  whilePaused<T>(act: () => Promise<T>): Promise<T>;
  /** The power goes. */
  stop(): Promise<void>;
}

/** What a guest is made of. */
export interface GuestOptions {
  /** The command before QEMU's, which puts it into a network. */
  readonly inside: readonly string[];
  /** MiB */
  readonly memory?: number;
  /** More of QEMU's arguments: its network, drives, a TPM */
  readonly args: readonly string[];
  /** Firmware UUID, by which a machine without a disk is known */
  readonly uuid: string;
  /** Where its serial line is kept as it came */
  readonly log: string;
}

/** From one Enter to the next, where nothing is said meanwhile. */
const ENTER_MILLISECONDS = 2000;
const FATAL = /Kernel panic|Initramfs unpacking failed|Out of memory: Killed/;

/** As a terminal shows it, which begins a line again at a carriage return. */
const clean = (part: string): string =>
  stripVTControlCharacters(Buffer.from(part, 'latin1').toString()).trimEnd().replace(/^.*\r/, '');

/**
 * QEMU's command for a machine. It has one processor: emulated by several threads, a kernel that changes its own code
 * at one of two runs into what the other has not seen yet, now and then, and panics.
 */
export function qemu({ inside, memory = 1024, args, uuid }: Omit<GuestOptions, 'log'>): string[] {
  return [
    ...[...inside, 'qemu-system-x86_64', '-machine', 'q35', '-accel', 'tcg'],
    ...['-cpu', 'max', '-m', `${memory}`, '-uuid', uuid, '-nodefaults', '-no-reboot'],
    ...['-display', 'none', ...args],
  ];
}

/** Switches a machine on. */
export function startGuest(options: GuestOptions): Guest {
  const { log } = options;
  const begun = performance.now();
  const [program, ...rest] = [...qemu(options), '-monitor', 'none', '-serial', 'stdio'];
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  const kept = createWriteStream(log);
  const lines: string[] = [];
  const times: number[] = [];
  let [unfinished, next, over] = ['', 0, false];
  let wake = (): void => undefined;
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    kept.write(text, 'latin1');
    const parts = (unfinished + text).split(/\r*\n/);
    unfinished = parts.pop()!;
    const now = (performance.now() - begun) / 1000;
    for (const part of parts) {
      lines.push(clean(part));
      times.push(now);
    }
    wake();
  });
  child.on('close', () => {
    over = true;
    kept.end();
    wake();
  });

  /** Waits for the next that is said; `sought` is for the error. */
  async function more(sought: string): Promise<void> {
    if (over) throw new Error(`never ${sought}; the last lines:\n${lines.slice(-25).join('\n')}`);
    await new Promise<void>((resolve) => (wake = resolve));
  }

  async function line(expected: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      while (next < lines.length) {
        const text = lines[next++]!;
        const found = expected.exec(text);
        if (found !== null) return found;
        if (FATAL.test(text)) throw new Error(`${text}\nbefore ${expected}`);
      }
      await more(String(expected));
    }
  }

  async function answer(prompt: RegExp, text: string): Promise<void> {
    while (!prompt.test(clean(unfinished))) await more(String(prompt));
    unfinished = '';
    child.stdin.write(`${text}\r`);
  }

  async function prompt(expected: RegExp): Promise<void> {
    while (!expected.test(clean(unfinished))) {
      child.stdin.write('\r');
      await Promise.race([more(String(expected)), sleep(ENTER_MILLISECONDS)]);
    }
  }

  return {
    said: () => [...lines, clean(unfinished)].join('\n'),
    line,
    answer,
    prompt,
    at: (expected) => times[lines.findIndex((text) => expected.test(text))],
    isOff: () => over,
    type: (text) => void child.stdin.write(text),
    whilePaused: async (act) => {
      child.kill('SIGSTOP');
      try {
        return await act();
      } finally {
        child.kill('SIGCONT');
      }
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'close');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
