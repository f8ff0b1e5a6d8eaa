/** What one byte from the keyboard did. */
export interface Typed {
  /** What to write for it: never the character of a secret */
  readonly echo: string;
  /** The line is over: Enter was pressed, or its reader gave up (^C; ^D on an empty line) */
  readonly ended?: 'entered' | 'stopped';
}

/** One line as it is typed, byte by byte. */
export interface LineEditor {
  type(byte: number): Typed;
  /** Each byte as one character, U+0000 to U+00FF: whoever asked refuses what it does not want. */
  text(): string;
}

/** How the line looks while it is typed. */
export interface LineEditorOptions {
  /** What stands before the text on the same line */
  readonly prompt: string;
  readonly secret: boolean;
  readonly columns: number;
}

/** Longer lines are refused by whoever asks: `text()` is then longer than this, by one. */
export const MAX_LINE_CHARACTERS = 1024;

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const BACKSPACE = 0x08;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const CTRL_U = 0x15;
const ESCAPE = 0x1b;
const DELETE = 0x7f;
const BELL = '\x07';
const RUB_OUT = '\b \b';

/**
 * Edits one line on a terminal that can do nothing but write from left to right and step back by
 * one: both keys that erase a character (^H and DEL), and ^U for the whole line. A byte that is no
 * plain ASCII shows as `?`, so that it can be seen and erased; the sequences of arrow and function
 * keys (ECMA-48, 5.4) only ring the bell.
 */
export function createLineEditor({ prompt, secret, columns }: LineEditorOptions): LineEditor {
  let text = '';
  let sequence: 'none' | 'begun' | 'parameters' = 'none';

  const erase = (count: number): string => {
    if (count === 0) return '';
    // A terminal does not step back over its margin.
    const hasWrapped = prompt.length + text.length >= columns;
    text = text.slice(0, text.length - count);
    if (secret) return '';
    return hasWrapped ? `\n${prompt}${printable(text)}` : RUB_OUT.repeat(count);
  };
  const isOfKey = (byte: number): boolean => {
    if (byte === ESCAPE) {
      sequence = 'begun';
      return true;
    }
    // A sequence that was cut: Enter and ^C work all the same.
    if (sequence === 'none' || byte < 0x20) {
      sequence = 'none';
      return false;
    }
    // The second [ is of Linux' own function keys (console_codes(4)).
    const goesOn =
      sequence === 'begun' ? byte === 0x5b || byte === 0x4f : byte < 0x40 || byte === 0x5b;
    sequence = goesOn ? 'parameters' : 'none';
    return true;
  };

  return {
    text: () => text,
    type(byte) {
      if (isOfKey(byte)) return { echo: byte === ESCAPE ? BELL : '' };
      switch (byte) {
        case RETURN:
        case NEWLINE:
          return { echo: '\n', ended: 'entered' };
        case CTRL_C:
          return { echo: '^C\n', ended: 'stopped' };
        case CTRL_D:
          return text === '' ? { echo: '^D\n', ended: 'stopped' } : { echo: BELL };
        case BACKSPACE:
        case DELETE:
          return { echo: erase(Math.min(1, text.length)) };
        case CTRL_U:
          return { echo: erase(text.length) };
      }
      if (text.length > MAX_LINE_CHARACTERS) return { echo: BELL };
      const char = String.fromCharCode(byte);
      text += char;
      return { echo: secret ? '' : printable(char) };
    },
  };
}

const printable = (text: string): string => text.replace(/[^ -~]/g, '?');
