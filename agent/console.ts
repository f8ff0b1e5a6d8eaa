/** Where a command speaks: results are its product, notes are for whoever watches. */
export interface Console {
  /** One line on stderr. */
  note(line: string): void;
  /** The result on stdout: `text` for people, `json` (one document) with `--json`. */
  result(text: string, json: unknown): void;
}

export function createConsole(options: { json: boolean }): Console {
  return {
    note: (line) => void process.stderr.write(`${printable(line)}\n`),
    result(text, json) {
      const output = options.json
        ? JSON.stringify(json)
        : text.split('\n').map(printable).join('\n');
      process.stdout.write(output.endsWith('\n') ? output : `${output}\n`);
    },
  };
}

/**
 * Text from elsewhere, safe for a terminal: control characters, escapes and the marks that turn the
 * direction of writing come out as `\u{..}`.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/** A time as it is shown: UTC, to the second. */
export function formatTime(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  return Number.isNaN(date.getTime())
    ? `${unixSeconds} s`
    : date
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, ' UTC');
}
