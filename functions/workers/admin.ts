import { guardStore } from '../../store/guard.ts';
import { createR2Store } from '../../store/r2.ts';
import { createApp } from '../app.ts';
import type { AdminEnvironment } from './environment.ts';
import { readEnvironment } from './environment.ts';
import { answerListing } from './listing.ts';
import { worker } from './worker.ts';
import type { Worker } from './worker.ts';

/** Decisions, listings, and URLs to read by. */
export default worker((env: AdminEnvironment) => {
  const { signer, limits, ...shared } = readEnvironment(env);
  const store = guardStore(createR2Store(env.BUCKET), 'admin');
  const { token, maxNodes } = limits;
  return createApp({
    ...shared,
    admin: {
      ...{ signer, store, hasToken: token !== undefined },
      ...(maxNodes === undefined ? {} : { maxNodes }),
    },
  });
});

/** What `upload` may know of the bucket, to which it is not bound: for a service binding, on no route. */
export const listing: Worker<AdminEnvironment> = {
  fetch: (request, env) => answerListing(guardStore(createR2Store(env.BUCKET), 'upload'), request),
};
