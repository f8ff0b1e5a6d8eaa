import { readSiteFile } from '../functions/serve/site-file.ts';
import { exists } from '../files/write.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import type { Site } from '../protocol/site.ts';
import type { Home } from './home.ts';

/** @throws file_missing (saying how to make a site, or to go on with a key that asked for one), file_malformed */
export async function readSite(home: Home): Promise<Site> {
  try {
    return await readSiteFile(home.siteFile);
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    const what = (await exists(home.keyFile))
      ? `your key is there, and waits for the site.json that an administrator of its site gives back: ${home.program} init --answer FILE`
      : 'make a site with coatcheck init, or name its folder with --home';
    throw fail('file_missing', `${home.siteFile} does not exist: ${what}`);
  }
}
