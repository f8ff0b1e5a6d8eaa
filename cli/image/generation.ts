import { join } from 'node:path';
import { utf8 } from '../../bundle/index.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { replaceFile } from '../../files/write.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { MAX_GENERATION } from '../../protocol/measured.ts';

/** Beside the keys that sign images: one number, and a line feed. */
const FILE = 'generation';
const MAX_BYTES = 64;

/**
 * The generation that images are signed as, unless told otherwise: 1 where nobody raised it.
 * @param folder of the image keys
 * @throws file_malformed
 */
export async function readGeneration(folder: string): Promise<number> {
  const path = join(folder, FILE);
  let text: string;
  try {
    text = textIn(await readLocalFile(path, { maxBytes: MAX_BYTES }), path);
  } catch (error) {
    if (hasCode(error, 'file_missing')) return 1;
    throw error;
  }
  const generation = parseGeneration(text.trimEnd());
  if (generation !== undefined) return generation;
  throw fail('file_malformed', `${path} is not one number from 1 to ${MAX_GENERATION}`);
}

/** Has images be signed as of a generation from now on. @throws disk_full, file_missing, file_denied */
export const writeGeneration = (folder: string, generation: number): Promise<void> =>
  replaceFile(join(folder, FILE), utf8(`${generation}\n`), 0o600);

/** A generation as it is written; undefined for what is none. */
export function parseGeneration(text: string): number | undefined {
  const generation = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  return generation >= 1 && generation <= MAX_GENERATION ? generation : undefined;
}
