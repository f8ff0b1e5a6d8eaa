import * as fs from 'node:fs';
import { fold } from './fold.ts';

/** A terminal that somebody may read, and that nothing waits for. */
export interface Screen {
  /** Whole lines, each from the first column on, none longer than 79 characters. */
  show(line: string): void;
  /** A line that the next one takes the place of */
  progress(line: string): void;
}

const CONSOLE = '/dev/console';
/** The names of the kernel's consoles. */
const ACTIVE = '/sys/class/tty/console/active';
/** More than this waits for no console: one that was stopped (^S) shows what was last said, and no more. */
const MAX_WAITING_BYTES = 16 * 1024;
const RETRY_MILLISECONDS = 100;
/** A slow serial line may have so long to take what is left when the agent ends. */
const LAST_MILLISECONDS = 2000;
/** From the first column on, whatever a program left there without a line end. */
const FRESH_LINE = '\r\x1b[K';

/** Where the kernel tells of its consoles. */
export interface ConsolePlaces {
  readonly active: string;
  readonly devices: string;
}

/**
 * The terminals that see what is said at `path`: itself; for /dev/console every console of the kernel, since
 * that one is only the last of the command line's `console=`.
 */
export function screensAt(
  path: string,
  { active, devices }: ConsolePlaces = { active: ACTIVE, devices: '/dev' },
): Screen[] {
  const others = path === CONSOLE ? consolesIn(active).slice(0, -1) : [];
  const paths = [...others.map((name) => `${devices}/${name}`), path];
  return paths.map((one) => createScreen(one));
}

/** The names of the kernel's consoles; the last one is /dev/console. */
export function consolesIn(active = ACTIVE): string[] {
  try {
    return fs.readFileSync(active, 'utf8').split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}

/**
 * A terminal by its path. It is opened for what is said and closed again, as systemd does, since a getty hangs
 * up whoever has it open. What cannot be written is kept for a while, or left out: no console holds up a boot.
 */
function createScreen(path: string): Screen {
  let waiting = Buffer.alloc(0);
  let fd: number | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** @returns whether anything was taken */
  const flush = (): boolean => {
    timer = undefined;
    const before = waiting.length;
    try {
      const { O_WRONLY, O_NOCTTY, O_NONBLOCK } = fs.constants;
      fd ??= fs.openSync(path, O_WRONLY | O_NOCTTY | O_NONBLOCK);
      while (waiting.length > 0) waiting = waiting.subarray(fs.writeSync(fd, waiting));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
        timer = setTimeout(flush, RETRY_MILLISECONDS).unref();
        return waiting.length < before;
      }
      waiting = Buffer.alloc(0);
    }
    // By itself: the kernel waits there until a serial line has sent everything.
    if (fd !== undefined) fs.close(fd, () => undefined);
    fd = undefined;
    return true;
  };
  const write = (text: string): void => {
    const bytes = Buffer.from(text);
    if (waiting.length + bytes.length > MAX_WAITING_BYTES) return;
    waiting = Buffer.concat([waiting, bytes]);
    if (timer === undefined) flush();
  };
  process.once('exit', () => {
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    let end = performance.now() + LAST_MILLISECONDS;
    while (waiting.length > 0 && performance.now() < end) {
      Atomics.wait(sleeper, 0, 0, RETRY_MILLISECONDS / 2);
      if (flush()) end = performance.now() + LAST_MILLISECONDS;
    }
  });
  return {
    show: (line) => write(`${FRESH_LINE}${fold(line).join('\r\n')}\r\n`),
    // Back to the first column: what the kernel says next can be read from its beginning.
    progress: (line) => write(`${FRESH_LINE}${fold(line)[0]}\r`),
  };
}

/** The terminal that a person called this program from. */
export function standardError(): Screen {
  const { stderr } = process;
  let stands = false;
  const fresh = (): string => (stands ? FRESH_LINE : '');
  return {
    show(line) {
      stderr.write(`${fresh()}${fold(line).join('\n')}\n`);
      stands = false;
    },
    progress(line) {
      stderr.write(`${FRESH_LINE}${fold(line)[0]}\r`);
      stands = true;
    },
  };
}
