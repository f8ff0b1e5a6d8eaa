import { expect } from 'vitest';
import { decodeFrame } from '../../../bundle/frame.ts';
import { MAX_ENTRY_BYTES } from '../../../protocol/history.ts';
import type { ObjectStore } from '../../../store/port.ts';

export interface Watch {
  readonly store: ObjectStore;
  /** Fails if a write broke a rule that holds for every write. */
  verify(): void;
}

/**
 * The store that the engine works on, with every write that succeeded noted: `history/` is only
 * created in, and no write takes `approved/` back in seq. By ETag, since answers may cross.
 */
export function watch(store: ObjectStore): Watch {
  const broken: string[] = [];
  const seqs = new Map<string, number>();
  const steps: { key: string; from: string; to: string }[] = [];

  function note(key: string, body: Uint8Array, etag: string, from?: string): void {
    if (!key.startsWith('approved/')) return;
    const { statement } = decodeFrame(body, { maxBytes: MAX_ENTRY_BYTES });
    seqs.set(`${key} ${etag}`, statement.statement.seq);
    if (from !== undefined) steps.push({ key, from, to: etag });
  }

  return {
    store: {
      ...store,
      create: async (key, body) => {
        const result = await store.create(key, body);
        note(key, body, result.etag);
        return result;
      },
      replace: async (key, body, etag) => {
        if (key.startsWith('history/')) broken.push(`replaces ${key}`);
        const result = await store.replace(key, body, etag);
        note(key, body, result.etag, etag);
        return result;
      },
      delete: async (key) => {
        if (!/^(pending|cosign)\//.test(key)) broken.push(`deletes ${key}`);
        await store.delete(key);
      },
    },
    verify: () => {
      const back = steps.filter(
        ({ key, from, to }) => seqs.get(`${key} ${to}`)! < (seqs.get(`${key} ${from}`) ?? 0),
      );
      expect({ broken, back }).toEqual({ broken: [], back: [] });
    },
  };
}
