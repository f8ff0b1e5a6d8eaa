import { CoatcheckError } from '../bundle/errors.ts';
import { codeOf, ERRORS } from '../protocol/errors.ts';
import { escapeJson, escapeLine } from '../protocol/escape.ts';

/** How an error is said. */
export interface ErrorOptions {
  readonly json: boolean;
  /** What was warned of before: part of the document */
  readonly warnings?: readonly string[];
  /** Breaks a line for a terminal: `fold` */
  readonly fold?: ((line: string, columns: number) => readonly string[]) | undefined;
}

interface ErrorStreams {
  readonly stderr: { readonly columns?: number; write(text: string): unknown };
}

/**
 * Says an error in one line on stderr, `coatcheck: <message> [code]`, and answers with its exit
 * code. In JSON mode the line is a JSON document instead, with the warnings in it.
 */
export function reportError(
  error: unknown,
  { stderr }: ErrorStreams,
  { json, warnings = [], fold = (line) => [line] }: ErrorOptions,
): number {
  const code = codeOf(error);
  const message =
    error instanceof CoatcheckError
      ? error.message
      : `this is a bug; please report it: ${error instanceof Error ? error.message : String(error)}`;
  if (json) {
    const details = error instanceof CoatcheckError ? error.details : {};
    stderr.write(
      escapeJson({
        error: { code, message, details },
        ...(warnings.length > 0 ? { warnings } : {}),
      }),
    );
  } else {
    const line = `coatcheck: ${escapeLine(message)} [${code}]`;
    stderr.write(`${fold(line, stderr.columns || 80).join('\n')}\n`);
  }
  return ERRORS[code].exit;
}
