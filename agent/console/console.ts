import { CoatcheckError } from '../../bundle/errors.ts';
import { codeOf, ERRORS } from '../../protocol/errors.ts';
import { escapeJson, escapeLine } from '../../protocol/escape.ts';

/** Where a command speaks: results are its product, notes are for whoever watches. */
export interface Console {
  /** One line on stderr; with `--json` part of the one document there. */
  note(line: string): void;
  /** The result on stdout: `text` for people, or `json`, one document, with `--json`. */
  result(text: string, json: unknown): void;
}

/** How a process speaks. */
export interface Speech {
  /** One JSON document on stdout, and one on stderr */
  readonly json: boolean;
  /** What was noted with `json`: part of that document */
  readonly warnings: string[];
}

/** The console of this process: notes on stderr, results on stdout, both escaped. */
export function createConsole(options: Speech): Console {
  return {
    note: (line) =>
      void (options.json
        ? options.warnings.push(line)
        : process.stderr.write(`${escapeLine(line)}\n`)),
    result: (text, json) =>
      void process.stdout.write(
        options.json ? escapeJson(json) : `${text.split('\n').map(escapeLine).join('\n')}\n`,
      ),
  };
}

/** With `--json`, what was noted on the way to a good end: one document on stderr. */
export function sayWarnings({ warnings }: Speech): void {
  if (warnings.length > 0) process.stderr.write(escapeJson({ warnings }));
}

/**
 * Says an error on stderr, in one line or, with `--json`, as one document, which has the notes, too.
 * @returns its exit code
 */
export function sayError(error: unknown, { json, warnings }: Speech): number {
  const code = codeOf(error);
  const ours = error instanceof CoatcheckError;
  const said = error instanceof Error ? error.message : String(error);
  const message = ours ? said : `this is a bug; please report it: ${said}`;
  const details = ours ? error.details : {};
  process.stderr.write(
    json
      ? escapeJson({
          error: { code, message, details },
          ...(warnings.length > 0 && { warnings }),
        })
      : `coatcheck: ${escapeLine(message)} [${code}]\n`,
  );
  return ERRORS[code].exit;
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
