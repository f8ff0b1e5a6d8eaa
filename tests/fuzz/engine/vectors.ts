import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseVector } from '../../vectors/vector.ts';
import type { Check } from '../../vectors/vector.ts';

// From where npm runs scripts: a bundled module is not in its own folder.
const FOLDER = join(process.cwd(), 'tests/vectors/cases');

/** The bytes of all vectors of these checks that are no longer than `maxBytes`. */
export function vectors(checks: Check | readonly Check[], maxBytes = 2048): Uint8Array[] {
  return readdirSync(FOLDER)
    .sort()
    .map((file) => parseVector(file, readFileSync(join(FOLDER, file), 'utf8')))
    .filter(({ check, bytes }) => [checks].flat().includes(check) && bytes.length <= maxBytes)
    .map(({ bytes }) => bytes);
}
