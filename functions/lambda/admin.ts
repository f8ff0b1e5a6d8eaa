import { guardStore } from '../../store/guard.ts';
import { createS3Signer } from '../../store/s3-signer.ts';
import { createS3Store } from '../../store/s3.ts';
import { createApp } from '../app.ts';
import { readEnvironment } from './environment.ts';
import { lambdaHandler } from './handler.ts';

const { s3, limits, tokenFrom, ...shared } = readEnvironment();
const signer = createS3Signer(s3);
const store = guardStore(createS3Store(s3), 'admin');
const { maxNodes } = limits;
const hasToken = (tokenFrom ?? limits.token) !== undefined;

/** Decisions, listings, and URLs to read by. */
export const handler = lambdaHandler(
  createApp({
    ...shared,
    admin: { signer, store, hasToken, ...(maxNodes === undefined ? {} : { maxNodes }) },
  }),
);
