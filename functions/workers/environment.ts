import { fail } from '../../protocol/errors.ts';
import { parseSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import type { UrlSigner } from '../../store/port.ts';
import type { R2Bucket } from '../../store/r2.ts';
import { assertOwnKeys } from '../../store/s3-options.ts';
import { createS3Signer } from '../../store/s3-signer.ts';
import { readVariables } from '../variables.ts';
import type { Variables } from '../variables.ts';

/** What answers requests inside of Cloudflare: another Worker, by a service binding. */
export interface Service {
  fetch(request: Request): Promise<Response>;
}

/** What Cloudflare hands to a Worker with each request: variables, secrets and bindings. */
export interface Environment {
  readonly [variable: `COATCHECK_${string}`]: string | undefined;
}
/** Of the front, which answers boots and asks the others. */
export interface DownloadEnvironment extends Environment {
  readonly UPLOAD: Service;
  readonly ADMIN: Service;
}
/** Of the Worker for proposals and reports, which asks for listings. */
export interface UploadEnvironment extends Environment {
  readonly LISTING: Service;
}
/** The only one that is bound to the bucket. */
export interface AdminEnvironment extends Environment {
  readonly BUCKET: R2Bucket;
}

/** What each of the three makes of its variables. */
export interface WorkerEnvironment extends Variables {
  readonly site: Site;
  readonly signer: UrlSigner;
}

/**
 * Reads `COATCHECK_SITE` (the text of site.json), `COATCHECK_BUCKET`, where it speaks S3 (`COATCHECK_R2_ENDPOINT`,
 * e.g. `https://ACCOUNT.r2.cloudflarestorage.com`), the API token that signs URLs for it (`COATCHECK_R2_KEY_ID`,
 * `COATCHECK_R2_SECRET`), and those of {@link readVariables}.
 *
 * @throws usage for a variable that is missing or no number, file_malformed for a bad site.json,
 *   weak_secret
 */
export function readEnvironment(env: Environment): WorkerEnvironment {
  const given = (name: string): string | undefined =>
    env[name as keyof Environment]?.trim() || undefined;
  const read = (name: string): string => {
    const value = given(name);
    if (value === undefined) throw fail('usage', `${name} is not set (docs/cloudflare.md)`);
    return value;
  };
  const credentials = {
    accessKeyId: read('COATCHECK_R2_KEY_ID'),
    secretAccessKey: read('COATCHECK_R2_SECRET'),
  };
  assertOwnKeys(credentials);
  return {
    // Its CA is for those who come by TLS, and is not looked at here.
    site: parseSite(read('COATCHECK_SITE'), () => undefined),
    signer: createS3Signer({
      ...{ bucket: read('COATCHECK_BUCKET'), region: 'auto', credentials },
      endpoint: read('COATCHECK_R2_ENDPOINT'),
    }),
    ...readVariables(given),
  };
}
