import { CfnParameter } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { readFileSync } from 'node:fs';
import { fail } from '../protocol/errors.ts';
import { parseCa } from '../net/certificates.ts';
import { formatSite, parseSite, withoutPaths } from '../protocol/site.ts';
import type { Site } from '../protocol/site.ts';

/**
 * Lambda holds 4,096 bytes of environment per function; this leaves room for the
 * other variables and the names (Lambda quotas, "Environment variables").
 */
export const MAX_SITE_BYTES = 3_600;

/**
 * The text of `site.json` that the functions get: of the file that `-c site=PATH` names, checked
 * now; without that flag a parameter of the stack, which has no default: CloudFormation refuses to
 * deploy until somebody fills it in.
 *
 * @throws file_missing, file_malformed
 */
export function siteText(scope: Construct): string {
  const path = scope.node.tryGetContext('site') as string | undefined;
  if (path === undefined) {
    return new CfnParameter(scope, 'Site', {
      description: 'The text of site.json, as `coatcheck init` wrote it',
      minLength: 1,
      maxLength: MAX_SITE_BYTES,
    }).valueAsString;
  }
  return readSite(path);
}

function readSite(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw fail('file_missing', `cannot read ${path}: give -c site=PATH of a site.json`, { cause });
  }
  let site: Site;
  try {
    site = parseSite(text, parseCa);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'not JSON';
    throw fail('file_malformed', `${path}: ${why}`, { cause });
  }
  const compact = JSON.stringify(JSON.parse(formatSite(withoutPaths(site))));
  if (Buffer.byteLength(compact) > MAX_SITE_BYTES) {
    throw fail(
      'file_malformed',
      `${path} is over the ${MAX_SITE_BYTES} bytes that a function holds`,
    );
  }
  return compact;
}
