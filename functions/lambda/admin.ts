import { guardStore } from '../../store/guard.ts';
import { createS3Store } from '../../store/s3.ts';
import { createApp } from '../app.ts';
import { readEnvironment } from './environment.ts';
import { lambdaHandler } from './handler.ts';

const { site, s3, log } = readEnvironment();
const signer = createS3Store(s3);

/** Decisions, listings, and URLs to read by. */
export const handler = lambdaHandler(
  createApp({ site, log, admin: { signer, store: guardStore(signer, 'admin') } }),
);
