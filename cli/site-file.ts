import { readSiteFile } from '../functions/serve/site-file.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import type { Site } from '../protocol/site.ts';
import type { Home } from './home.ts';

/** @throws file_missing (saying how to make a site), file_malformed */
export async function readSite(home: Home): Promise<Site> {
  try {
    return await readSiteFile(home.siteFile);
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    throw fail(
      'file_missing',
      `${home.siteFile} does not exist: make a site with coatcheck init, or name its folder with --home`,
    );
  }
}
