import { join, resolve } from 'node:path';

/** The folder that is meant where none is named. */
export const DEFAULT_HOME = 'coatcheck-site';

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
  /** the folder of the keys of Secure Boot */
  readonly imageKeys: string;
  /** of the key that signs images, PEM */
  readonly imageCertificate: string;
  /** where `coatcheck serve` keeps its objects unless told otherwise */
  readonly storeFolder: string;
  /** how a command line begins that is about this folder: `coatcheck`, or `coatcheck --home bob2` */
  readonly program: string;
}

/**
 * The files of a home folder, by absolute paths; looks at nothing.
 * @param isNamed whether `--home` has to name it in the next command too
 */
export function homeAt(folder: string, isNamed = false): Home {
  const base = resolve(folder);
  return {
    folder: base,
    siteFile: join(base, 'site.json'),
    keyFile: join(base, 'admin.key'),
    memoryFile: join(base, 'memory.json'),
    cacheFile: join(base, 'status.cache'),
    defaultsFile: join(base, 'defaults.json'),
    imageKeys: join(base, 'image-keys'),
    imageCertificate: join(base, 'image-keys', 'db.crt'),
    storeFolder: join(base, 'store'),
    program: isNamed ? `coatcheck --home ${forShell(folder)}` : 'coatcheck',
  };
}

/** A word as a shell takes it. */
const forShell = (word: string): string =>
  /^[\w./,:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
