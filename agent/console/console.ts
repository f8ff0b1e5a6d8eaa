import { CoatcheckError } from '../../bundle/errors.ts';
import { codeOf, ERRORS } from '../../protocol/errors.ts';
import { escapeJson, escapeLine } from '../../protocol/escape.ts';

/** Where a command speaks: results are its product, notes are for whoever watches. */
export interface Console {
  /** One line on stderr. */
  note(line: string): void;
  /** The result on stdout: `text` for people, or `json`, one document, with `--json`. */
  result(text: string, json: unknown): void;
}

/** The console of this process: notes on stderr, results on stdout, both escaped. */
export function createConsole(options: { json: boolean }): Console {
  return {
    note: (line) => void process.stderr.write(`${escapeLine(line)}\n`),
    result: (text, json) =>
      void process.stdout.write(
        options.json ? escapeJson(json) : `${text.split('\n').map(escapeLine).join('\n')}\n`,
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
      ? escapeJson({ error: { code, message, details } })
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
