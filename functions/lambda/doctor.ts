import { createFetch } from '../../net/fetch.ts';
import { fail } from '../../protocol/errors.ts';
import { createS3Signer } from '../../store/s3-signer.ts';
import { createApp } from '../app.ts';
import { deployedProbes } from '../doctor/deployed.ts';
import { labOf } from '../doctor/lab.ts';
import { presignedKeysets } from '../keysets.ts';
import { openBucket } from '../stores/bucket.ts';
import { readEnvironment } from './environment.ts';
import { lambdaHandler } from './handler.ts';
import { assumedRoles } from './roles.ts';

const { s3, roles, ...shared } = readEnvironment();
if (roles === undefined) throw fail('usage', 'COATCHECK_ROLES is not set');
const fetch = createFetch();
const credentials = assumedRoles(roles, s3, { fetch });
const lab = labOf(await openBucket({ ...s3, credentials }));
const signer = createS3Signer({ ...s3, credentials: credentials.download });

/** Probes the store with the role of each of the other functions, for an administrator who asks. */
export const handler = lambdaHandler(
  createApp({
    ...shared,
    probe: { keysets: presignedKeysets(signer, fetch), run: deployedProbes(lab, shared.site) },
  }),
);
