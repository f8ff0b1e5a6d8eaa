import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

/** A machine without a disk, in QEMU's software emulation. */
export interface Guest {
  /** Everything that its serial line said, by lines, without control sequences. */
  readonly lines: readonly string[];
  /**
   * The first whole line from here on that matches; the next call looks behind it.
   * @throws with the end of what was said, where the guest ends or panics before
   */
  line(expected: RegExp): Promise<RegExpExecArray>;
  /** Seconds since the power was switched on. */
  elapsed(): number;
  /** Types on the serial line. */
  type(text: string): void;
  /** The power goes. */
  stop(): Promise<void>;
}

/** What a guest is made of. */
export interface GuestOptions {
  /** The command before QEMU's, which puts it into a network. */
  readonly inside: readonly string[];
  /** More of QEMU's arguments: its network, drives, a TPM */
  readonly args: readonly string[];
  /** Firmware UUID, by which a machine without a disk is known */
  readonly uuid: string;
  /** Where its serial line is kept as it came */
  readonly log: string;
}

const FATAL = /Kernel panic|Initramfs unpacking failed|Out of memory: Killed/;

/** Switches a machine on. */
export function startGuest({ inside, args, uuid, log }: GuestOptions): Guest {
  const begun = performance.now();
  const [program, ...rest] = [
    ...[...inside, 'qemu-system-x86_64', '-machine', 'q35', '-accel', 'tcg,thread=multi'],
    ...['-cpu', 'max', '-smp', '2', '-m', '1024', '-uuid', uuid, '-nodefaults', '-no-reboot'],
    ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', ...args],
  ];
  const child = spawn(program!, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  const kept = createWriteStream(log);
  const lines: string[] = [];
  let [unfinished, next, over] = ['', 0, false];
  let wake = (): void => undefined;
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    kept.write(text, 'latin1');
    const parts = (unfinished + text).split(/\r*\n/);
    unfinished = parts.pop()!;
    const clean = (part: string): string =>
      stripVTControlCharacters(Buffer.from(part, 'latin1').toString()).trimEnd();
    lines.push(...parts.map(clean));
    wake();
  });
  child.on('close', () => {
    over = true;
    kept.end();
    wake();
  });

  async function line(expected: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      while (next < lines.length) {
        const text = lines[next++]!;
        const found = expected.exec(text);
        if (found !== null) return found;
        if (FATAL.test(text)) throw new Error(`${text}\nbefore ${expected}`);
      }
      if (over) throw new Error(`no line ${expected}; the last:\n${lines.slice(-25).join('\n')}`);
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  return {
    lines,
    line,
    elapsed: () => (performance.now() - begun) / 1000,
    type: (text) => void child.stdin.write(text),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'close');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
