import { createFetch } from '../../net/fetch.ts';
import { guardStore } from '../../store/guard.ts';
import { createS3Signer } from '../../store/s3-signer.ts';
import { createS3Store } from '../../store/s3.ts';
import { createApp } from '../app.ts';
import { listedKeysets } from '../keysets.ts';
import { readEnvironment } from './environment.ts';
import { lambdaHandler } from './handler.ts';
import { readToken } from './token.ts';

const { s3, limits, tokenFrom, ...shared } = readEnvironment();
const signer = createS3Signer(s3);
const store = guardStore(createS3Store(s3), 'upload');
const { maxPending } = limits;
// Before any request: a function that cannot read its token lets nobody in, and starts anew.
const token =
  tokenFrom === undefined ? limits.token : await readToken(tokenFrom, s3, { fetch: createFetch() });

/** Proposals and reports: lists, and signs PUTs. */
export const handler = lambdaHandler(
  createApp({
    ...shared,
    upload: {
      ...{ signer, store, keysets: listedKeysets(store) },
      ...(token === undefined ? {} : { token }),
      ...(maxPending === undefined ? {} : { maxPending }),
    },
  }),
);
