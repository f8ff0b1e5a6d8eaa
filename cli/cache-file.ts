import { hkdfSha256, randomBytes } from '#platform';
import type { CacheEntries, CachePort, Cached } from '../admin/cache.ts';
import { concat, equalBytes, fromUtf8, utf8 } from '../bundle/bytes.ts';
import { CoatcheckError } from '../bundle/errors.ts';
import type { Identity } from '../bundle/index.ts';
import { openBox, SECRET_BOX, sealBox } from '../bundle/secret-box.ts';
import { withLockBeside } from '../files/lock.ts';
import { readLocalFile } from '../files/read.ts';
import { replaceFile } from '../files/write.ts';
import { VERSION } from '../functions/version.ts';
import type { Site } from '../protocol/site.ts';

/** What was read of 100,000 nodes. */
const MAX_CACHE_BYTES = 256 * 1024 * 1024;
const MAGIC = utf8('coatcheck cache/1\n');
const HEAD_BYTES = MAGIC.length + SECRET_BOX.nonceBytes;

/**
 * What a cache is sealed under, 32 bytes: HKDF-SHA256 of the administrator's X25519 key, with the site's
 * id as salt. The version of the program is in it, since another may know other facts.
 */
export const cacheKey = (
  { boxSecret }: Pick<Identity, 'boxSecret'>,
  { id }: Pick<Site, 'id'>,
  version = VERSION,
): Uint8Array =>
  hkdfSha256(boxSecret, id, utf8(`coatcheck/v1 cache ${version}`), SECRET_BOX.keyBytes);

/**
 * A cache in a file of the home folder (docs/config.md, "Files"): a line that says what it is, a nonce
 * of 24 bytes, and a secretbox (XSalsa20-Poly1305) of JSON. The file of another key, and one that is
 * damaged, is as if there were none, and the next update takes its place.
 * @param key by {@link cacheKey}
 * @param onUnkept told why an update could not be kept: then it is kept by this program only
 */
export function fileCache(
  path: string,
  key: Uint8Array,
  onUnkept: (error: Error) => void,
): CachePort {
  /** What is in the file that has this nonce: no two have the same. */
  let last: { readonly nonce: Uint8Array; readonly entries: CacheEntries } | undefined;

  async function load(): Promise<CacheEntries> {
    const file = await readOrNone(path);
    const nonce = file?.slice(MAGIC.length, HEAD_BYTES);
    if (file === undefined || nonce?.length !== SECRET_BOX.nonceBytes) return new Map();
    if (!equalBytes(file.subarray(0, MAGIC.length), MAGIC)) return new Map();
    if (last === undefined || !equalBytes(nonce, last.nonce)) {
      const json = openBox(file.subarray(HEAD_BYTES), nonce, key);
      if (json === undefined) return new Map();
      // Nobody but this program has the key.
      const entries = new Map(Object.entries(JSON.parse(fromUtf8(json)) as Record<string, Cached>));
      last = { nonce, entries };
    }
    return last.entries;
  }

  async function update(change: (kept: CacheEntries) => CacheEntries): Promise<void> {
    try {
      await withLockBeside(path, async () => {
        const entries = change(await load());
        const nonce = randomBytes(SECRET_BOX.nonceBytes);
        const json = utf8(JSON.stringify(Object.fromEntries(entries)));
        await replaceFile(path, concat(MAGIC, nonce, sealBox(json, nonce, key)), 0o600);
        last = { nonce, entries };
      });
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      onUnkept(error as Error);
    }
  }

  return { load, update };
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
