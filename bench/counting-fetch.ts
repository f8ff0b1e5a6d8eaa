import { createFetch } from '../net/fetch.ts';
import type { Fetch } from '../protocol/objects.ts';

/** A fetch over kept connections, and how many requests it was asked for: those to server and store. */
export function countingFetch(): { readonly fetch: Fetch; readonly requests: () => number } {
  const plain = createFetch({ ca: undefined, keeps: true });
  let requests = 0;
  return {
    fetch: (...args) => {
      requests++;
      return plain(...args);
    },
    requests: () => requests,
  };
}
