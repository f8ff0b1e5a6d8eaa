import { fail } from '../../../protocol/errors.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import type { ObjectHead, ObjectStore, StoredObject } from '../../../store/port.ts';

type Ask = (url: string, init?: { method: string; body: Uint8Array }) => Promise<Response>;

/** The store that runs in `store-worker.ts`, from outside. */
export function remoteStore(ask: Ask): ObjectStore {
  async function answer(
    operation: string,
    query: Readonly<Record<string, string>>,
    body?: Uint8Array,
  ): Promise<Response> {
    const url = `http://store/${operation}?${new URLSearchParams(query).toString()}`;
    const response = await ask(url, body && { method: 'POST', body });
    if (response.status !== 500) return response;
    const { code, message } = (await response.json()) as { code: ErrorCode; message: string };
    throw fail(code, message);
  }
  const asJson = async <T>(...asked: Parameters<typeof answer>): Promise<T> =>
    JSON.parse(await (await answer(...asked)).text(), (name, value: unknown) =>
      name === 'modified' ? new Date(value as string) : value,
    ) as T;

  return {
    create: (key, body) => asJson('create', { key }, body),
    replace: (key, body, etag) => asJson('replace', { key, etag }, body),
    head: async (key) => (await asJson<ObjectHead | null>('head', { key })) ?? undefined,
    delete: (key) => asJson('delete', { key }),
    list: (prefix, options = {}) =>
      asJson('list', { key: prefix, options: JSON.stringify(options) }),
    async get(key, { maxBytes }) {
      // JSON has no infinity.
      const response = await answer('get', { key, maxBytes: String(Math.min(maxBytes, 2 ** 30)) });
      if (response.status === 404) return undefined;
      const head = JSON.parse(response.headers.get('head')!) as StoredObject;
      const body = new Uint8Array(await response.arrayBuffer());
      return { ...head, modified: new Date(head.modified), body };
    },
  };
}
