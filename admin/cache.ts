/** What was read of an object, and the version of it that was read ({@link Listed.version}). */
export interface Cached {
  readonly version: string;
  /** Plain JSON: states, times, names. Never a content of a file. */
  readonly facts: unknown;
}

/** What was read of objects, by their keys. */
export type CacheEntries = ReadonlyMap<string, Cached>;

/**
 * Where what was read of objects is kept, so that only those that changed are read again. It is for
 * showing: nothing that is signed was ever taken from it. Losing it costs requests, and the notice
 * that a report is older than one that was seen.
 */
export interface CachePort {
  /** An empty map where nothing was kept, or nothing that can be used. */
  load(): Promise<CacheEntries>;
  /**
   * Keeps what `change` makes of what is kept now, and nobody keeps anything in between: what another
   * program has read meanwhile is not lost.
   */
  update(change: (kept: CacheEntries) => CacheEntries): Promise<void>;
}

/** A cache that lasts as long as the program. */
export function memoryCache(): CachePort {
  let kept: CacheEntries = new Map();
  return {
    load: () => Promise.resolve(kept),
    update: (change) => {
      kept = change(kept);
      return Promise.resolve();
    },
  };
}
