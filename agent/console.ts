import { CoatcheckError } from '../bundle/errors.ts';
import { codeOf, ERRORS } from '../protocol/errors.ts';

/** Where a command speaks: results are its product, notes are for whoever watches. */
export interface Console {
  /** One line on stderr. */
  note(line: string): void;
  /** The result on stdout: `text` for people, or `json`, one document, with `--json`. */
  result(text: string, json: unknown): void;
}

export function createConsole(options: { json: boolean }): Console {
  return {
    note: (line) => void process.stderr.write(`${printable(line)}\n`),
    result: (text, json) =>
      void process.stdout.write(
        options.json ? ascii(json) : `${text.split('\n').map(printable).join('\n')}\n`,
      ),
  };
}

/**
 * Says an error on stderr, in one line or, with `--json`, as one document.
 * @returns its exit code
 */
export function sayError(error: unknown, options: { json: boolean }): number {
  const code = codeOf(error);
  const ours = error instanceof CoatcheckError;
  const said = error instanceof Error ? error.message : String(error);
  const message = ours ? said : `this is a bug; please report it: ${said}`;
  const details = ours ? error.details : {};
  process.stderr.write(
    options.json
      ? ascii({ error: { code, message, details } })
      : `coatcheck: ${printable(message)} [${code}]\n`,
  );
  return ERRORS[code].exit;
}

/**
 * Text from elsewhere, safe for a terminal: what is invisible, moves the cursor or turns the
 * direction of writing comes out as its code point, `<U+202E>`.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{C}\p{Default_Ignorable_Code_Point}]|(?! )\p{Z}/gu,
    (char) => `<U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}>`,
  );
}

/** JSON of ASCII characters only, with a line end. */
function ascii(value: unknown): string {
  const json = JSON.stringify(value, undefined, 2);
  return `${json.replace(/[^\n\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}

/** A time as it is shown: UTC, to the second. */
export function formatTime(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  if (Number.isNaN(date.getTime())) return `second ${unixSeconds}`;
  return date
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');
}
