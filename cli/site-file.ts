import { readSiteFile } from '../functions/serve/site-file.ts';
import { utf8 } from '../bundle/index.ts';
import { withLockBeside } from '../files/lock.ts';
import { exists, replaceFile } from '../files/write.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { formatSite } from '../protocol/site.ts';
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

/**
 * Changes `site.json` as it is at this moment: what it was changed to since a command read it, while somebody was asked
 * for a passphrase, or a server for its answer, stays.
 * @param change gives what it is given where nothing is to be written; what it throws leaves the file as it is
 * @returns what is there then
 * @throws file_missing, file_malformed; in_use; disk_full, file_denied
 */
export function changeSite(home: Home, change: (now: Site) => Site): Promise<Site> {
  return withLockBeside(home.siteFile, async () => {
    const now = await readSite(home);
    const changed = change(now);
    if (changed !== now) await replaceFile(home.siteFile, utf8(formatSite(changed)), 0o644);
    return changed;
  });
}
