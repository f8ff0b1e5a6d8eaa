import { guardStore } from '../../store/guard.ts';
import { createS3Signer } from '../../store/s3-signer.ts';
import { createS3Store } from '../../store/s3.ts';
import { createApp } from '../app.ts';
import { listedKeysets } from '../keysets.ts';
import { readEnvironment } from './environment.ts';
import { lambdaHandler } from './handler.ts';

const { s3, limits, ...shared } = readEnvironment();
const signer = createS3Signer(s3);
const store = guardStore(createS3Store(s3), 'upload');

/** Proposals and reports: lists, and signs PUTs. */
export const handler = lambdaHandler(
  createApp({ ...shared, upload: { signer, store, ...limits, keysets: listedKeysets(store) } }),
);
