import type { ObjectKey } from '../protocol/keys.ts';
import { alreadyExists, contentEtag, preconditionFailed, tooLarge } from './outcomes.ts';
import { pageOf } from './page.ts';
import type { ObjectInfo, ObjectStore, StoredObject } from './port.ts';

/** A store that lasts as long as the process: for tests, and the plainest reading of the port. */
export function createMemoryStore(): ObjectStore {
  const objects = new Map<string, StoredObject>();

  const put = (key: ObjectKey, body: Uint8Array): { etag: string } => {
    const etag = contentEtag(body);
    objects.set(key, {
      key,
      body: body.slice(),
      size: body.length,
      etag,
      modified: new Date(),
    });
    return { etag };
  };
  const info = ({ key, size, modified }: ObjectInfo): ObjectInfo => ({ key, size, modified });

  /* eslint-disable @typescript-eslint/require-await -- the port's promises; nothing here waits, which is what makes each operation atomic */
  return {
    async create(key, body) {
      if (objects.has(key)) throw alreadyExists(key);
      return put(key, body);
    },
    async replace(key, body, etag) {
      if (objects.get(key)?.etag !== etag) throw preconditionFailed(key);
      return put(key, body);
    },
    async get(key, { maxBytes }) {
      const object = objects.get(key);
      if (object === undefined) return undefined;
      if (object.size > maxBytes) throw tooLarge(key, maxBytes);
      return { ...object, body: object.body.slice() };
    },
    async head(key) {
      const object = objects.get(key);
      return object && { ...info(object), etag: object.etag };
    },
    async delete(key) {
      objects.delete(key);
    },
    async list(prefix, options = {}) {
      const matching = [...objects.keys()].filter((key) => key.startsWith(prefix));
      const { keys, more } = pageOf(matching, options);
      return {
        objects: keys.map((key) => {
          const object = objects.get(key)!;
          return { ...info(object), version: object.etag };
        }),
        ...(more ? { next: keys.at(-1)! } : {}),
      };
    },
  };
}
