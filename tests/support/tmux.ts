import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WAIT_MILLISECONDS } from './limits.ts';

/** A program in a real terminal emulator. */
export interface Screen {
  /** Types text as it is, bytes and all. */
  type(text: string | Uint8Array): void;
  /** Types text and presses Enter, once the last line is a question that has `prompt` in it. */
  answer(prompt: string, text: string): Promise<void>;
  /** What is on the screen and has scrolled off it; lines that the margin broke are whole again. */
  text(): string;
  /** Waits until the text is there. @throws once the program has ended without, with the screen */
  until(text: string): Promise<void>;
  /** Every byte that the program has sent to the terminal. */
  sent(): string;
  /** Makes the terminal as large as this. */
  resize(columns: number, rows: number): void;
  /** Hangs up. */
  close(): void;
}

export interface ScreenOptions {
  readonly term?: string;
  readonly columns?: number;
  readonly rows?: number;
}

/** tmux of its own, with no bar: the program has the whole terminal. Ends with `close`. */
export async function openScreen(
  command: readonly string[],
  { term = 'vt100', columns = 80, rows = 24 }: ScreenOptions = {},
): Promise<Screen> {
  const folder = fs.mkdtempSync(join(tmpdir(), 'screen-'));
  const config = join(folder, 'tmux.conf');
  const log = join(folder, 'sent');
  fs.writeFileSync(
    config,
    `set -g status off\nset -g remain-on-exit on\nset -g history-limit 10000\nset -g default-terminal ${term}\n`,
  );
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-S', join(folder, 'socket'), '-f', config, ...args], {
      encoding: 'utf8',
    });
  // Nothing is sent before the log is there.
  const line = ['sh', '-c', 'read go && exec "$@"', 'sh', ...command];
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), '--', ...line);
  tmux('pipe-pane', `cat > ${log}`);
  tmux('send-keys', 'Enter');

  const sent = (): string => (fs.existsSync(log) ? fs.readFileSync(log, 'latin1') : '');
  const text = (): string => tmux('capture-pane', '-p', '-J', '-S', '-').trimEnd();
  const shows = async (isThere: (screen: string) => boolean, wanted: string): Promise<void> => {
    const end = performance.now() + WAIT_MILLISECONDS;
    for (;;) {
      const isDead = tmux('display-message', '-p', '#{pane_dead}') === '1\n';
      const screen = text();
      if (isThere(screen)) return;
      if (isDead || performance.now() > end) throw new Error(`never saw ${wanted}:\n${screen}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  };
  const type: Screen['type'] = (keys) => {
    const file = join(folder, 'keys');
    fs.writeFileSync(file, keys);
    tmux('load-buffer', file);
    tmux('paste-buffer', '-r');
  };
  return {
    type,
    text,
    until: (wanted) => shows((screen) => screen.includes(wanted), wanted),
    sent,
    async answer(prompt, answer) {
      await shows((screen) => isAsked(screen, prompt), prompt);
      type(`${answer}\r`);
    },
    resize: (width, height) =>
      void tmux('resize-window', '-x', String(width), '-y', String(height)),
    close() {
      tmux('kill-server');
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isAsked(screen: string, prompt: string): boolean {
  const question = screen.slice(screen.lastIndexOf('\n') + 1);
  return question.includes(prompt) && /[:?]$|--$/.test(question);
}
