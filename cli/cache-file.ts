import { hkdfSha256, randomBytes } from '#platform';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { CacheEntries, CachePort, Cached } from '../admin/cache.ts';
import { concat, equalBytes, fromUtf8, utf8 } from '../bundle/bytes.ts';
import { CoatcheckError } from '../bundle/errors.ts';
import type { Identity } from '../bundle/index.ts';
import { withLockBeside } from '../files/lock.ts';
import { readLocalFile } from '../files/read.ts';
import { replaceFile } from '../files/write.ts';
import { VERSION } from '../functions/version.ts';
import type { Site } from '../protocol/site.ts';

/** What was read of 100,000 nodes. */
const MAX_CACHE_BYTES = 256 * 1024 * 1024;
const MAGIC = utf8('coatcheck cache/2\n');
const SALT_BYTES = 32;
const HEAD_BYTES = MAGIC.length + SALT_BYTES;
const TAG_BYTES = 16;

/**
 * What the keys of a cache are derived from, 32 bytes: HKDF-SHA256 of the administrator's X25519 key, with the site's
 * id as salt. The version of the program is in it, since another may know other facts.
 */
export const cacheKey = (
  { boxSecret }: Pick<Identity, 'boxSecret'>,
  { id }: Pick<Site, 'id'>,
  version = VERSION,
): Uint8Array => hkdfSha256(boxSecret, id, utf8(`coatcheck/v1 cache ${version}`), 32);

/**
 * A cache in a file of the home folder (docs/config.md, "Files"): a line that says what it is, a salt of 32
 * bytes, and JSON under AES-256-GCM with a key of its own, 16 bytes of tag behind it (docs/adr/0215). The file of another key, and one that is
 * damaged, is as if there were none, and the next update takes its place.
 * @param key by {@link cacheKey}
 * @param onUnkept told why an update could not be kept: then it is kept by this program only
 */
export function fileCache(
  path: string,
  key: Uint8Array,
  onUnkept: (error: Error) => void,
): CachePort {
  /** What is in the file that has this salt: no two have the same. */
  let last: { readonly salt: Uint8Array; readonly entries: CacheEntries } | undefined;

  async function load(): Promise<CacheEntries> {
    const file = await readOrNone(path);
    if (file === undefined || file.length < HEAD_BYTES + TAG_BYTES) return new Map();
    if (!equalBytes(file.subarray(0, MAGIC.length), MAGIC)) return new Map();
    const salt = file.slice(MAGIC.length, HEAD_BYTES);
    if (last === undefined || !equalBytes(salt, last.salt)) {
      const json = openJson(file.subarray(HEAD_BYTES), fileKey(key, salt));
      if (json === undefined) return new Map();
      // Nobody but this program has the key.
      last = { salt, entries: new Map(JSON.parse(json) as [string, Cached][]) };
    }
    return last.entries;
  }

  async function update(change: (kept: CacheEntries) => CacheEntries): Promise<void> {
    try {
      await withLockBeside(path, async () => {
        const entries = change(await load());
        const salt = randomBytes(SALT_BYTES);
        const sealed = sealJson(JSON.stringify([...entries]), fileKey(key, salt));
        await replaceFile(path, concat(MAGIC, salt, sealed), 0o600);
        last = { salt, entries };
      });
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      onUnkept(error as Error);
    }
  }

  return { load, update };
}

/** Of one file, so that its one nonce may be zeros. */
const fileKey = (key: Uint8Array, salt: Uint8Array): Uint8Array =>
  hkdfSha256(key, salt, utf8('coatcheck/v1 cache file'), 32);
const CIPHER = 'aes-256-gcm';
const NONCE = new Uint8Array(12);

function sealJson(json: string, key: Uint8Array): Uint8Array {
  const cipher = createCipheriv(CIPHER, key, NONCE);
  const sealed = [cipher.update(json, 'utf8'), cipher.final()];
  return concat(...sealed, cipher.getAuthTag());
}

/** Undefined where the key or a byte is another. */
function openJson(sealed: Uint8Array, key: Uint8Array): string | undefined {
  const cipher = createDecipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES });
  cipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const json = cipher.update(sealed.subarray(0, -TAG_BYTES));
  try {
    cipher.final();
  } catch {
    return undefined;
  }
  return fromUtf8(json);
}

/** Whatever is there and cannot be read is none. */
async function readOrNone(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readLocalFile(path, { maxBytes: MAX_CACHE_BYTES });
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return undefined;
  }
}
