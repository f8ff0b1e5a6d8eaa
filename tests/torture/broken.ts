import { CoatcheckError } from '../../bundle/errors.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { digestHex, pendingKey } from '../../protocol/keys.ts';
import { contentEtag } from '../../store/outcomes.ts';
import type { ListPage, ObjectStore } from '../../store/port.ts';
import { overwrite } from '../contract/approval/faulty-store.ts';
import { ENGINE } from './engine.ts';
import type { Engine } from './engine.ts';

/** Makes a store that breaks one promise of the port, out of one that keeps them all. */
export type Break = (bucket: ObjectStore) => ObjectStore;

/** One in `n`, by counting: the same at every run. */
function everyNth(n: number): () => boolean {
  let calls = 0;
  return () => ++calls % n === 0;
}

export const BROKEN_STORES: Readonly<Record<string, Break>> = {
  'whose create writes over what is there': (bucket) => ({
    ...bucket,
    create: async (key, body) => {
      await overwrite(bucket, key, body);
      return { etag: contentEtag(body) };
    },
  }),

  'whose replace does not look at the ETag': (bucket) => ({
    ...bucket,
    replace: async (key, body) => {
      await overwrite(bucket, key, body);
      return { etag: contentEtag(body) };
    },
  }),

  'that loses one write in ten, and says that it is done': (bucket) => {
    const loses = everyNth(10);
    return {
      ...bucket,
      create: async (key, body) =>
        loses() ? { etag: contentEtag(body) } : bucket.create(key, body),
    };
  },

  'whose listings are behind': (bucket) => {
    const before = new Map<string, ListPage>();
    return {
      ...bucket,
      list: async (prefix, options) => {
        const page = await bucket.list(prefix, options);
        const shown = before.get(prefix) ?? page;
        before.set(prefix, page);
        return shown;
      },
    };
  },

  'that says "nothing was done" of one write in ten that it did': (bucket) => {
    const lies = everyNth(10);
    return {
      ...bucket,
      create: async (key, body) => {
        const done = await bucket.create(key, body);
        if (lies()) throw fail('store_unavailable', 'it was done');
        return done;
      },
    };
  },

  'that says "done" of writes whose answer is lost': (bucket) => {
    const loses = everyNth(10);
    const underWay: (() => Promise<unknown>)[] = [];
    return {
      ...bucket,
      create: async (key, body) => {
        for (const act of underWay.splice(0)) await act().catch(() => undefined);
        if (!loses()) return bucket.create(key, body);
        underWay.push(() => bucket.create(key, body));
        return { etag: contentEtag(body) };
      },
    };
  },
};

export const BROKEN_ENGINES: Readonly<Record<string, Engine>> = {
  'that takes an answer that it did not get for a yes': {
    ...ENGINE,
    decide: async (request) => {
      try {
        return await ENGINE.decide(request);
      } catch (error) {
        if (!hasCode(error, 'store_unknown', 'store_unavailable')) throw error;
        const statementDigest = digestHex(request.statement.digest);
        return { outcome: 'decided', slot: 1, statementDigest, published: true };
      }
    },
  },

  'that calls an outcome that it does not know a refusal': {
    ...ENGINE,
    decide: async (request) => {
      try {
        return await ENGINE.decide(request);
      } catch (error) {
        if (!hasCode(error, 'store_unknown')) throw error;
        throw fail('store_unavailable', 'it may have been decided');
      }
    },
  },

  'that takes a slot that it could not read for junk': {
    ...ENGINE,
    decide: (request) => {
      const { store } = request;
      const get: ObjectStore['get'] = async (key, options) => {
        try {
          return await store.get(key, options);
        } catch (error) {
          if (!(error instanceof CoatcheckError) || !key.startsWith('history/')) throw error;
          return { key, body: new Uint8Array(1), size: 1, etag: '', modified: new Date(0) };
        }
      };
      return ENGINE.decide({ ...request, store: { ...store, get } });
    },
  },

  'that clears a proposal away before its refusal can be told': {
    ...ENGINE,
    decide: async (request) => {
      const { statement } = request.statement;
      const { store, node } = request;
      if (statement.type === 'reject')
        await store.delete(pendingKey(node, digestHex(statement.digest)));
      return ENGINE.decide(request);
    },
  },

  'whose node forgets what it applied': {
    ...ENGINE,
    verifyForNode: (bytes, options) => {
      const forgetful = { ...options };
      delete forgetful.memory;
      return ENGINE.verifyForNode(bytes, forgetful);
    },
  },
};

/** What the judge says of each. */
export const SIGNS: Readonly<Record<string, RegExp>> = {
  'whose create writes over what is there': /acknowledged and lost/,
  'whose replace does not look at the ETag': /approved\/ went back/,
  'that loses one write in ten, and says that it is done':
    /acknowledged and lost|proposal was lost|is not shown/,
  'whose listings are behind': /a listing offered|decided and waits|is not shown/,
  'that says "nothing was done" of one write in ten that it did':
    /after every answer was a refusal/,
  'that says "done" of writes whose answer is lost':
    /acknowledged and lost|proposal was lost|is not shown|a listing offered/,
  'that takes an answer that it did not get for a yes': /acknowledged and lost|decided twice/,
  'that calls an outcome that it does not know a refusal': /after every answer was a refusal/,
  'that takes a slot that it could not read for junk':
    /acknowledged and lost|decided twice|proposal was lost/,
  'that clears a proposal away before its refusal can be told': /proposal was lost/,
  'whose node forgets what it applied': /a node went back/,
};
