import { codeOf } from '../../../protocol/errors.ts';
import type { ObjectKey } from '../../../protocol/keys.ts';
import { createR2Store } from '../../../store/r2.ts';
import type { R2Bucket } from '../../../store/r2.ts';

/** A Worker that does with its bucket what a test asks: `remote-store.ts` is the other side. */
export default {
  async fetch(request: Request, env: { BUCKET: R2Bucket }): Promise<Response> {
    const store = createR2Store(env.BUCKET);
    const { pathname, searchParams } = new URL(request.url);
    const key = (searchParams.get('key') ?? '') as ObjectKey;
    const body = new Uint8Array(await request.arrayBuffer());
    const operations: Record<string, () => Promise<unknown>> = {
      create: () => store.create(key, body),
      replace: () => store.replace(key, body, searchParams.get('etag')!),
      head: () => store.head(key),
      delete: () => store.delete(key),
      list: () => store.list(key, JSON.parse(searchParams.get('options')!) as object),
    };
    try {
      if (pathname === '/get') {
        const found = await store.get(key, { maxBytes: Number(searchParams.get('maxBytes')) });
        if (found === undefined) return new Response(null, { status: 404 });
        const { body: bytes, ...head } = found;
        return new Response(bytes as BodyInit, { headers: { head: JSON.stringify(head) } });
      }
      return Response.json((await operations[pathname.slice(1)]!()) ?? null);
    } catch (error) {
      const { message } = error as Error;
      return Response.json({ code: codeOf(error), message }, { status: 500 });
    }
  },
};
