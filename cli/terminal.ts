import { styleText } from 'node:util';
import { escapeJson } from '../protocol/escape.ts';
import { fold } from './fold.ts';
import { page, pagerOf } from './pager.ts';
import { openScreen } from './screen.ts';
import type { Screen, ScreenStream } from './screen.ts';

/** What a command may do to the terminal: results to stdout, everything else to stderr. */
export interface Terminal {
  readonly json: boolean;
  /** True if a person can be asked: stdin and stderr are a terminal. */
  readonly interactive: boolean;
  /** One line of a result; nothing in JSON mode. The caller escapes what came from others. */
  readonly print: (line?: string) => void;
  /** Whether a long text is paged: a person sees all of it, and it need not be cut. */
  readonly paged: boolean;
  /** Lines of a result that may be many: through the pager, where there is one and they do not fit. */
  readonly page: (lines: readonly string[]) => Promise<void>;
  /** How wide stdout is; undefined where it is no terminal, and lines may be of any length. */
  readonly columns: number | undefined;
  /** The result of a command in JSON mode; nothing otherwise. Called once. */
  readonly document: (value: unknown) => void;
  /** One of many results in JSON mode, in one line; nothing otherwise. */
  readonly record: (value: unknown) => void;
  /** The whole terminal, for what changes; undefined where stdout is none. */
  readonly screen: () => Screen | undefined;
  /** What helps a person and is no result: the next step, a fact about how it was done. */
  readonly hint: (line: string) => void;
  /** A line of a log, as it is, in JSON mode too. */
  readonly log: (line: string) => void;
  /** What should worry a person. In JSON mode it is kept for the one document on stderr. */
  readonly warn: (line: string) => void;
  /** Shows `label` while `work` runs, where stderr is a terminal. */
  readonly waiting: <T>(label: string, work: () => Promise<T>) => Promise<T>;
  readonly style: Style;
}

type Paint = (text: string) => string;

/** Colours on stdout, or the text as it is where there are none (no terminal, NO_COLOR). */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}

/** What a process talks over, and its environment. */
export interface Streams {
  readonly stdin: { readonly isTTY?: boolean };
  readonly stdout: ScreenStream;
  readonly stderr: {
    readonly isTTY?: boolean;
    readonly columns?: number;
    write(text: string): unknown;
  };
  readonly env: Readonly<Record<string, string | undefined>>;
}

const COLOURS = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'] as const;

/** https://no-color.org: any value that is not empty switches colours off. */
function styleFor(stream: { readonly isTTY?: boolean }, env: Streams['env']): Style {
  const on = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const styles = COLOURS.map((name) => {
    // Whether there are colours is decided above: by the stream that is given, alike on every line of Node.
    const paint = (text: string): string =>
      on && text !== '' ? styleText(name, text, { validateStream: false }) : text;
    return [name, paint];
  });
  return Object.fromEntries(styles) as Style;
}

/** A terminal breaks a long line by itself, and its rest would begin a row as a line of ours does. */
const rowsFor =
  (stream: { readonly isTTY?: boolean; readonly columns?: number }) =>
  (line: string): readonly string[] =>
    stream.isTTY === true ? fold(line, stream.columns || 80) : [line];

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/**
 * A terminal over streams.
 * @param options.json documents on stdout, and nothing else
 * @param options.warnings takes the warnings in JSON mode
 */
export function createTerminal(
  streams: Streams,
  options: { json: boolean; warnings?: string[] },
): Terminal {
  const { stdin, stdout, stderr, env } = streams;
  const onOut = rowsFor(stdout);
  const onErr = rowsFor(stderr);
  const onStderr = styleFor(stderr, env);
  const pager = options.json ? undefined : pagerOf(streams);
  let isWaiting = false;
  /** What is said meanwhile has a row of its own. */
  const wipe = (): void => {
    if (isWaiting) stderr.write('\r\x1b[K');
    isWaiting = false;
  };
  return {
    json: options.json,
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    style: styleFor(stdout, env),
    print: (line = '') => {
      if (options.json) return;
      wipe();
      stdout.write(`${onOut(line).join('\n')}\n`);
    },
    paged: pager !== undefined,
    page: async (lines) => {
      if (options.json) return;
      const rows = lines.flatMap(onOut);
      const text = `${rows.join('\n')}\n`;
      const fits = rows.length < (stdout.rows || 24);
      if (pager === undefined || fits || !(await page(pager, text, env))) stdout.write(text);
    },
    document: (value) => {
      if (options.json) stdout.write(escapeJson(value));
    },
    columns: stdout.isTTY === true ? stdout.columns || 80 : undefined,
    record: (value) => {
      if (options.json) stdout.write(escapeJson(value, 0));
    },
    screen: () => (options.json ? undefined : openScreen(stdout, env)),
    hint: (line) => {
      if (options.json) return;
      wipe();
      stderr.write(`${onErr(onStderr.dim(line)).join('\n')}\n`);
    },
    log: (line) => {
      wipe();
      stderr.write(`${line}\n`);
    },
    warn: (line) => {
      if (options.json) {
        options.warnings?.push(line);
        return;
      }
      wipe();
      stderr.write(`${onErr(onStderr.yellow(`warning: ${line}`)).join('\n')}\n`);
    },
    waiting: async (label, work) => {
      if (stderr.isTTY !== true) return work();
      let frame = 0;
      const timer = setInterval(() => {
        stderr.write(`\r${FRAMES[frame++ % FRAMES.length]!} ${label}`);
        isWaiting = true;
      }, 80);
      try {
        return await work();
      } finally {
        clearInterval(timer);
        wipe();
      }
    },
  };
}
