import { CoatcheckError } from '../../bundle/errors.ts';
import { fromUtf8 } from '../../bundle/bytes.ts';
import { readLocalFile } from '../../files/read.ts';
import { parseCa } from '../../net/certificates.ts';
import { codeOf, fail, hasCode } from '../../protocol/errors.ts';
import { parseSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';

/** Limit on a `site.json`, bytes. */
const MAX_SITE_BYTES = 64 * 1024;

/** Reads a `site.json`. @throws file_missing, file_malformed, naming the file */
export async function readSiteFile(path: string): Promise<Site> {
  const content = await readLocalFile(path, { maxBytes: MAX_SITE_BYTES });
  try {
    return parseSite(fromUtf8(content), parseCa);
  } catch (error) {
    if (hasCode(error, 'bad_encoding')) {
      throw fail('file_malformed', `${path} is not UTF-8`, { cause: error });
    }
    if (!(error instanceof CoatcheckError)) throw error;
    throw fail(codeOf(error), `${path}: ${error.message}`, { cause: error });
  }
}
