import type { Hono } from 'hono';
import { logged, refusalOf } from '../answers.ts';

/** A Worker, as Cloudflare's runtime takes the default export of a module. */
export interface Worker<E> {
  fetch(request: Request, env: E): Promise<Response>;
}

/**
 * A Worker of an app that is made anew for each request: what one request waits for may end with it, and another
 * that waits for the same would wait for ever (Cloudflare Workers, "Cannot perform I/O on behalf of a
 * different request"). What is kept between requests are numbers and bytes alone.
 *
 * A Worker that lacks a variable answers `500` and says in its log which.
 */
export function worker<E>(makeApp: (env: E) => Hono): Worker<E> {
  return {
    async fetch(request, env) {
      try {
        return await makeApp(env).fetch(request);
      } catch (error) {
        console.error(logged(error));
        const { status, ...refusal } = refusalOf(error);
        return Response.json({ error: refusal }, { status: Math.max(status, 500) });
      }
    },
  };
}
