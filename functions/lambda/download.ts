import { createFetch } from '../../net/fetch.ts';
import { createS3Signer } from '../../store/s3-signer.ts';
import { createApp } from '../app.ts';
import { presignedKeysets } from '../keysets.ts';
import { readEnvironment } from './environment.ts';
import { lambdaHandler } from './handler.ts';

const { s3, ...shared } = readEnvironment();
const signer = createS3Signer(s3);
const keysets = presignedKeysets(signer, createFetch());

/** What nodes ask at boot: signs URLs, and loads no client of S3. */
export const handler = lambdaHandler(createApp({ ...shared, download: { signer, keysets } }));
