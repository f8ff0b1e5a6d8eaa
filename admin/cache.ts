/** What was read of an object, and the version of it that was read ({@link Listed.version}). */
export interface Cached {
  readonly version: string;
  /** Plain JSON: states, times, names. Never a content of a file. */
  readonly facts: unknown;
}

/**
 * Where what was read of objects is kept, so that only those that changed are read again. It is for
 * showing: nothing that is signed was ever taken from it. Losing it costs requests and nothing else.
 */
export interface CachePort {
  /** By key; an empty map where nothing was kept, or nothing that can be used. */
  load(): Promise<ReadonlyMap<string, Cached>>;
  /** Puts this in the place of everything that was kept. */
  save(entries: ReadonlyMap<string, Cached>): Promise<void>;
}

/** A cache that lasts as long as the program. */
export function memoryCache(): CachePort {
  let kept: ReadonlyMap<string, Cached> = new Map();
  return {
    load: () => Promise.resolve(kept),
    save: (entries) => {
      kept = entries;
      return Promise.resolve();
    },
  };
}
