import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../seeds/', import.meta.url));

/**
 * The committed inputs of a target, which every run begins with: `seeds/<target>.txt` has one on
 * each line, as a JSON string of its bytes (U+00FF is 0xFF). Lines that begin with `#` say why.
 */
export function committedSeeds(target: string): Uint8Array[] {
  const path = `${FOLDER}${target}.txt`;
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => Uint8Array.from(Buffer.from(JSON.parse(line) as string, 'latin1')));
}

/** An input as a line of a file of seeds. */
export function seedLine(input: Uint8Array): string {
  const escape = (char: string): string => `\\u00${char.charCodeAt(0).toString(16)}`;
  return JSON.stringify(Buffer.from(input).toString('latin1')).replaceAll(/[\x7f-\xff]/g, escape);
}
