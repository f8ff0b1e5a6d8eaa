import { CoatcheckError } from '../../bundle/errors.ts';
import { codeOf, ERRORS } from '../../protocol/errors.ts';
import { escapeJson, escapeLine } from '../../protocol/escape.ts';
import { standardError } from './screen.ts';
import type { Screen } from './screen.ts';

/** Where a command speaks: results are its product, notes are for whoever watches. */
export interface Console {
  /** One line, on stderr and where the agent was told to speak; with `--json` part of the one document on stderr. */
  note(line: string): void;
  /** That something still goes on, on terminals only: the next line takes its place. */
  progress(line: string): void;
  /** Lines of the result that are known before it is whole; nothing with `--json`. */
  part(lines: readonly string[]): void;
  /** The result, or what is left of it, on stdout: `text` for people, or `json`, one document, with `--json`. */
  result(text: string, json: unknown): void;
}

/** How a process speaks. */
export interface Speech {
  /** One JSON document on stdout, and one on stderr */
  readonly json: boolean;
  /** What was noted with `json`: part of that document */
  readonly warnings: string[];
}

/** The consoles of a machine that speaks on them. */
let consoles: readonly Screen[] | undefined;
/** The terminal of a person who called this program. */
let terminal: Screen | undefined;

/** From here on everything that is said is shown there, results too, beside what stderr is. */
export function speakOn(machine: readonly Screen[]): void {
  consoles = machine;
}

function screens(): readonly Screen[] {
  if (consoles !== undefined) return consoles;
  return process.stderr.isTTY ? [(terminal ??= standardError())] : [];
}

function tell(line: string): void {
  // What is no terminal is a log.
  if (!process.stderr.isTTY) process.stderr.write(`${escapeLine(line)}\n`);
  for (const screen of screens()) screen.show(line);
}

/** The console of this process: notes on stderr, results on stdout, both escaped. */
export function createConsole({ json, warnings }: Speech): Console {
  const print = (lines: readonly string[]): void => {
    if (consoles !== undefined) lines.forEach(tell);
    else process.stdout.write(lines.map((line) => `${escapeLine(line)}\n`).join(''));
  };
  return {
    note(line) {
      if (!json) tell(line);
      else {
        warnings.push(line);
        consoles?.forEach((screen) => screen.show(line));
      }
    },
    progress: (line) =>
      (json ? (consoles ?? []) : screens()).forEach((screen) => screen.progress(line)),
    part(lines) {
      if (!json) print(lines);
    },
    result(text, document) {
      if (json) process.stdout.write(escapeJson(document));
      else if (text !== '') print(text.split('\n'));
    },
  };
}

/** As `note`, but no line twice. */
export function notingOnce({ note }: Pick<Console, 'note'>): (line: string) => void {
  const noted = new Set<string>();
  return (line) => {
    if (!noted.has(line)) note(line);
    noted.add(line);
  };
}

/** With `--json`, what was noted on the way to a good end: one document on stderr. */
export function sayWarnings({ warnings }: Speech): void {
  if (warnings.length > 0) process.stderr.write(escapeJson({ warnings }));
}

/**
 * Says an error on stderr, in one line or, with `--json`, as one document, which has the notes, too; and
 * where the agent speaks.
 * @returns its exit code
 */
export function sayError(error: unknown, { json, warnings }: Speech): number {
  const code = codeOf(error);
  const ours = error instanceof CoatcheckError;
  const said = error instanceof Error ? error.message : String(error);
  const message = ours ? said : `this is a bug; please report it: ${said}`;
  const details = ours ? error.details : {};
  const line = `coatcheck: ${message} [${code}]`;
  if (!json) tell(line);
  else {
    process.stderr.write(
      escapeJson({ error: { code, message, details }, ...(warnings.length > 0 && { warnings }) }),
    );
    consoles?.forEach((screen) => screen.show(line));
  }
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
