import { Token } from 'aws-cdk-lib';
import { parseCa } from '../net/certificates.ts';
import { fail } from '../protocol/errors.ts';
import { formatSite, forServer, parseSite } from '../protocol/site.ts';
import type { Site } from '../protocol/site.ts';
import type { CoatcheckSiteProps } from './props.ts';

/**
 * Lambda holds 4,096 bytes of environment per function; this leaves room for the
 * other variables and the names (Lambda quotas, "Environment variables").
 */
export const MAX_SITE_BYTES = 3_300;

/**
 * The text of `site.json` that the functions get, checked, and without what no server needs; a token as it is.
 * @param from names it in an error
 * @throws file_malformed
 */
export function siteText(given: CoatcheckSiteProps['site'], from = 'site'): string {
  if (typeof given === 'string' && Token.isUnresolved(given)) return given;
  let site: Site;
  try {
    site = parseSite(typeof given === 'string' ? given : JSON.stringify(given), parseCa);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'not JSON';
    throw fail('file_malformed', `${from}: ${why}`, { cause });
  }
  const compact = JSON.stringify(JSON.parse(formatSite(forServer(site))));
  if (Buffer.byteLength(compact) > MAX_SITE_BYTES) {
    throw fail(
      'file_malformed',
      `${from} is over the ${MAX_SITE_BYTES} bytes that a function holds`,
    );
  }
  return compact;
}
