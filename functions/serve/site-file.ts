import { CoatcheckError } from '../../bundle/errors.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { parseCa } from '../../net/certificates.ts';
import { codeOf, fail } from '../../protocol/errors.ts';
import { parseSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';

/** Limit on a `site.json`, bytes. */
const MAX_SITE_BYTES = 64 * 1024;

/** Reads a `site.json`. @throws file_missing, file_malformed, naming the file */
export async function readSiteFile(path: string): Promise<Site> {
  const content = await readLocalFile(path, { maxBytes: MAX_SITE_BYTES });
  try {
    return parseSite(textIn(content, 'it'), parseCa);
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    throw fail(codeOf(error), `${path}: ${error.message}`, { cause: error });
  }
}
