import type { CoatcheckError } from '../bundle/errors.ts';
import { fail } from '../protocol/errors.ts';
import { parseKey } from '../protocol/keys.ts';
import type { ObjectKey } from '../protocol/keys.ts';
import { PERMISSIONS } from '../protocol/permissions.ts';
import type { Credential } from '../protocol/permissions.ts';
import type { ObjectStore } from './port.ts';

/**
 * The store as one credential sees it: what IAM roles are on AWS and session policies on MinIO,
 * for stores that know no credentials. Keys that no key maker makes are refused for all. As on S3,
 * a key that is not there is "denied" to a credential that may not list the whole bucket
 * (S3 API, GetObject, "Permissions").
 * @throws store_denied from every operation outside {@link PERMISSIONS}
 */
export function guardStore(store: ObjectStore, credential: Credential): ObjectStore {
  const permissions = PERMISSIONS[credential];

  function check(operation: 'get' | 'put' | 'delete', key: ObjectKey): void {
    const parsed = parseKey(key);
    if (parsed === undefined || !permissions[operation].includes(parsed.prefix)) {
      throw denied(credential, operation, key);
    }
  }
  function checkList(prefix: string): void {
    const { list } = permissions;
    if (list !== 'bucket' && !list.some((name) => prefix.startsWith(`${name}/`))) {
      throw denied(credential, 'list', prefix);
    }
  }

  /** S3 tells a missing key only to those who may list it, without a condition on the prefix. */
  function visible<T>(found: T | undefined, key: ObjectKey): T | undefined {
    if (found === undefined && permissions.list !== 'bucket') throw denied(credential, 'get', key);
    return found;
  }

  return {
    create: async (key, body) => (check('put', key), store.create(key, body)),
    replace: async (key, body, etag) => (check('put', key), store.replace(key, body, etag)),
    get: async (key, options) => (check('get', key), visible(await store.get(key, options), key)),
    head: async (key) => (check('get', key), visible(await store.head(key), key)),
    delete: async (key) => (check('delete', key), store.delete(key)),
    ...(store.demandRoom && { demandRoom: (bytes) => store.demandRoom!(bytes) }),
    list: async (prefix, options) => (checkList(prefix), store.list(prefix, options)),
  };
}

function denied(credential: Credential, operation: string, key: string): CoatcheckError {
  return fail('store_denied', `the ${credential} credential may not ${operation} ${key}`, {
    details: { credential, operation, key },
  });
}
