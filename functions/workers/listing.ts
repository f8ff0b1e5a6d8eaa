import * as v from 'valibot';
import { fail } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { ListPage, ObjectStore } from '../../store/port.ts';
import { logged, refusalOf } from '../answers.ts';
import type { Service } from './environment.ts';

/** What a Worker without a binding to the bucket asks of the one that has it. */
type Listing = Pick<ObjectStore, 'list'>;

const PAGE = v.object({
  objects: v.array(
    v.object({ key: v.string(), size: v.number(), modified: v.number(), version: v.string() }),
  ),
  next: v.optional(v.string()),
});
const REFUSAL = v.object({ error: v.object({ code: v.string(), message: v.string() }) });

/** Answers one page, or what a store throws, as JSON. */
export async function answerListing(store: Listing, request: Request): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const [after, limit] = [searchParams.get('after'), searchParams.get('limit')];
  try {
    const { objects, next } = await store.list(searchParams.get('prefix') ?? '', {
      ...(after === null ? {} : { after }),
      ...(limit === null ? {} : { limit: Number(limit) }),
    });
    return Response.json({
      objects: objects.map((object) => ({ ...object, modified: object.modified.getTime() })),
      next,
    });
  } catch (error) {
    console.error(logged(error));
    const { status, code, message } = refusalOf(error);
    return Response.json({ error: { code, message } }, { status });
  }
}

/** The other side of {@link answerListing}. */
export function askListing(service: Service): Listing {
  return {
    async list(prefix, options = {}) {
      const url = new URL('http://listing/');
      url.searchParams.set('prefix', prefix);
      for (const [name, value] of Object.entries(options))
        url.searchParams.set(name, String(value));
      const response = await service.fetch(new Request(url)).catch((cause: unknown) => {
        throw fail('store_unavailable', 'the Worker that lists could not be asked', { cause });
      });
      const said: unknown = await response.json();
      if (!response.ok) {
        const { code, message } = v.parse(REFUSAL, said).error;
        throw fail(code as ErrorCode, message);
      }
      const { objects, next } = v.parse(PAGE, said);
      return {
        objects: objects.map((object) => ({
          ...{ ...object, key: object.key as ObjectKey, modified: new Date(object.modified) },
        })),
        ...(next === undefined ? {} : { next: next as ObjectKey }),
      } satisfies ListPage;
    },
  };
}
