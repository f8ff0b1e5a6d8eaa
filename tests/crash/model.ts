import { createHash } from 'node:crypto';
import type { Answer, Call } from './calls.ts';
import type { StoreUnderFault } from './store-under-fault.ts';

/** What a store must hold: the ETag, which is the SHA-256, of the bytes of each key. */
export type Contents = ReadonlyMap<string, string>;

/** The ETag of a body that is `text` repeated to `size`. */
export function etagOf({ text, size }: { text: string; size: number }): string {
  return createHash('sha256').update(Buffer.alloc(size, text)).digest('hex');
}

/** What a store holds after a call that succeeded. */
export function after(contents: Contents, call: Call): Contents {
  const next = new Map(contents);
  if ('text' in call) next.set(call.key, etagOf(call));
  else if (call.do === 'delete') next.delete(call.key);
  return next;
}

/** Everything that a store shows, read byte by byte; the listing and each `get` must agree. */
export async function contentsOf(store: StoreUnderFault): Promise<Contents> {
  const { keys } = must(await store.ask({ do: 'list', prefix: '' }));
  const contents = new Map<string, string>();
  for (const key of keys!) {
    const { etag, sha256 } = must(await store.ask({ do: 'get', key: key as never }));
    if (etag !== sha256) throw new Error(`${key} has ETag ${etag} and bytes ${sha256}`);
    contents.set(key, etag!);
  }
  return contents;
}

/** The answer of a call that has to succeed. */
export function must(answer: Answer | undefined): Answer {
  if (answer === undefined) throw new Error('the store died');
  if (answer.error !== undefined) throw new Error(`${answer.error}: ${answer.message}`);
  return answer;
}
