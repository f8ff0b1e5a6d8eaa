import { fold } from './fold.ts';
import { beforeEnd } from './interrupt.ts';

/** Lines for a terminal of this size: at most `rows`, each of which fits into `columns`. */
export type Picture = (size: { readonly columns: number; readonly rows: number }) => string[];

/** Where it is drawn. */
export interface ScreenStream {
  readonly isTTY?: boolean;
  /** Of a terminal that does not know its size: 0 */
  readonly rows?: number;
  readonly columns?: number;
  write(text: string): unknown;
  on?(event: 'resize', act: () => void): unknown;
  off?(event: 'resize', act: () => void): unknown;
}

/** A picture that stays where it is and changes. */
export interface Screen {
  /** Shows this in the place of what was there. */
  draw(picture: Picture): void;
  /** Gives the terminal back as it was, with the last picture below what stood there. */
  close(): void;
}

const ALTERNATE = '\x1b[?1049h';
const NORMAL = '\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR = '\x1b[2J';
const TO_LINE_END = '\x1b[K';
const TO_SCREEN_END = '\x1b[J';

/**
 * Takes the whole terminal until it is closed, or the process ends by a signal. A picture is written over
 * the last one in one write, so that nothing flickers, and drawn anew when the size changes.
 * @returns undefined where stdout is no terminal, or one that can write lines only (`TERM=dumb`)
 */
export function openScreen(
  stdout: ScreenStream,
  env: Readonly<Record<string, string | undefined>>,
): Screen | undefined {
  if (stdout.isTTY !== true || env['TERM'] === 'dumb') return undefined;
  let last: Picture = () => [];
  const lines = (): string[] => {
    // A line in the last column would have its end erased, or make the terminal scroll.
    const size = { columns: (stdout.columns || 80) - 1, rows: (stdout.rows || 24) - 1 };
    const rows = last(size).flatMap((line) => fold(line, size.columns));
    return rows.slice(0, size.rows);
  };
  const show = (before = ''): void => {
    const rows = lines().map((row) => `${row}${TO_LINE_END}\r\n`);
    stdout.write(`${before}${HOME}${rows.join('')}${TO_SCREEN_END}`);
  };
  const resized = (): void => {
    show(CLEAR);
  };
  const close = (): void => {
    stdout.off?.('resize', resized);
    stdout.write(`${NORMAL}${lines().join('\n')}\n`);
  };
  stdout.on?.('resize', resized);
  stdout.write(ALTERNATE);
  const closed = beforeEnd(close);
  return {
    draw: (picture) => {
      last = picture;
      show();
    },
    close: () => {
      closed();
      close();
    },
  };
}
