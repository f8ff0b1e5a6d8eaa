import { join, resolve } from 'node:path';
import { CoatcheckError, fromUtf8 } from '../bundle/index.ts';
import { codeOf, fail, hasCode } from '../protocol/errors.ts';
import { parseCa } from '../net/certificates.ts';
import { parseSite } from '../protocol/site.ts';
import type { Site } from '../protocol/site.ts';
import { readLocalFile } from '../files/read.ts';

/** Where one administrator keeps what belongs to one site (docs/config.md, "Files"). */
export interface Home {
  readonly folder: string;
  /** the public part of the site; a copy of it is in every node image */
  readonly siteFile: string;
  /** the administrator's seed; 0600 */
  readonly keyFile: string;
  /** what the tool has seen in the store (memory.ts) */
  readonly memoryFile: string;
  /** where `coatcheck serve` keeps its objects unless told otherwise */
  readonly storeFolder: string;
}

export function homeAt(folder: string): Home {
  const base = resolve(folder);
  return {
    folder: base,
    siteFile: join(base, 'site.json'),
    keyFile: join(base, 'admin.key'),
    memoryFile: join(base, 'memory.json'),
    storeFolder: join(base, 'store'),
  };
}

const MAX_SITE_BYTES = 64 * 1024;

/** @throws file_missing (saying how to make a site), file_malformed */
export async function readSite(home: Home): Promise<Site> {
  let content: Uint8Array;
  try {
    content = await readLocalFile(home.siteFile, { maxBytes: MAX_SITE_BYTES });
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    throw fail(
      'file_missing',
      `${home.siteFile} does not exist: make a site with coatcheck init, or name its folder with --home`,
    );
  }
  try {
    return parseSite(fromUtf8(content), parseCa);
  } catch (error) {
    if (hasCode(error, 'bad_encoding')) {
      throw fail('file_malformed', `${home.siteFile} is not UTF-8`, { cause: error });
    }
    if (!(error instanceof CoatcheckError)) throw error;
    throw fail(codeOf(error), `${home.siteFile}: ${error.message}`, { cause: error });
  }
}
