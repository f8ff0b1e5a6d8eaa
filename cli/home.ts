import { join, resolve } from 'node:path';

/** Where one administrator keeps what belongs to one site (docs/config.md, "Files"). */
export interface Home {
  readonly folder: string;
  /** the public part of the site; a copy of it is in every node image */
  readonly siteFile: string;
  /** the administrator's seed; 0600 */
  readonly keyFile: string;
  /** what the tool has seen in the store (memory.ts) */
  readonly memoryFile: string;
  /** what was read of the store's objects (cache-file.ts); 0600 */
  readonly cacheFile: string;
  /** how this administrator approves unless told otherwise (default-expires.ts) */
  readonly defaultsFile: string;
  /** where `coatcheck serve` keeps its objects unless told otherwise */
  readonly storeFolder: string;
}

/** The files of a home folder, by absolute paths; looks at nothing. */
export function homeAt(folder: string): Home {
  const base = resolve(folder);
  return {
    folder: base,
    siteFile: join(base, 'site.json'),
    keyFile: join(base, 'admin.key'),
    memoryFile: join(base, 'memory.json'),
    cacheFile: join(base, 'status.cache'),
    defaultsFile: join(base, 'defaults.json'),
    storeFolder: join(base, 'store'),
  };
}
