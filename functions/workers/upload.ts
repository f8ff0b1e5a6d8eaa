import { createApp } from '../app.ts';
import { presignedKeysets } from '../keysets.ts';
import type { UploadEnvironment } from './environment.ts';
import { readEnvironment } from './environment.ts';
import { askListing } from './listing.ts';
import { worker } from './worker.ts';

/** Proposals and reports: asks for listings, and signs PUTs. */
export default worker((env: UploadEnvironment) => {
  const { signer, limits, ...shared } = readEnvironment(env);
  const { token, maxPending } = limits;
  const keysets = presignedKeysets(signer, fetch);
  return createApp({
    ...shared,
    upload: {
      ...{ signer, keysets, store: askListing(env.LISTING) },
      ...(token === undefined ? {} : { token }),
      ...(maxPending === undefined ? {} : { maxPending }),
    },
  });
});
