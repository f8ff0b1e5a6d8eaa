import { createFetch } from '../../net/fetch.ts';
import { guardStore } from '../../store/guard.ts';
import { createS3Signer } from '../../store/s3-signer.ts';
import { createS3Store } from '../../store/s3.ts';
import { createApp } from '../app.ts';
import { listedKeysets } from '../keysets.ts';
import { countWaiting, isCount } from './count.ts';
import { readEnvironment, writeLine } from './environment.ts';
import { lambdaHandler } from './handler.ts';
import { readToken } from './token.ts';

const { s3, limits, tokenFrom, ...shared } = readEnvironment();
const signer = createS3Signer(s3);
const store = guardStore(createS3Store(s3), 'upload');
const { maxPending } = limits;
// Before any request: a function that cannot read its token lets nobody in, and starts anew.
const token =
  tokenFrom === undefined ? limits.token : await readToken(tokenFrom, s3, { fetch: createFetch() });

const answer = lambdaHandler(
  createApp({
    ...shared,
    upload: {
      ...{ signer, store, keysets: listedKeysets(store) },
      ...(token === undefined ? {} : { token }),
      ...(maxPending === undefined ? {} : { maxPending }),
    },
  }),
);

/** Proposals and reports: lists, and signs PUTs; and counts what waits, where a schedule asks for it. */
export async function handler(...[event, context]: Parameters<typeof answer>): Promise<unknown> {
  if (!isCount(event)) return answer(event, context);
  writeLine(await countWaiting(store, Math.floor(Date.now() / 1000)));
  return undefined;
}
