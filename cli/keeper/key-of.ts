import { localKey } from '../../admin/local-key.ts';
import type { KeyPorts } from '../../admin/key.ts';
import { equalBytes } from '../../bundle/index.ts';
import { VERSION } from '../../functions/version.ts';
import { codeOf, fail, hasCode } from '../../protocol/errors.ts';
import type { Site } from '../../protocol/site.ts';
import { cacheKey } from '../cache-file.ts';
import { readKeyFile, unlock } from '../context.ts';
import type { Context } from '../context.ts';
import { publicKeysIn } from '../key-file.ts';
import { when } from '../../words/time.ts';
import { keptAt } from './ask.ts';
import type { Kept } from './ask.ts';
import { hasPlace, placeOf } from './place.ts';

/** The key of a command. */
export interface Key {
  readonly ports: KeyPorts;
  /** What the cache is sealed under, 32 bytes */
  readonly cacheKey: Uint8Array;
}

/**
 * The administrator's key: where `coatcheck unlock` keeps it, else of the home folder. What fails of the
 * former is warned of: the key is there all the same.
 * @throws as `unlock`
 */
export async function keyOf(context: Context, site: Pick<Site, 'id'>): Promise<Key> {
  const { terminal } = context;
  let opened: Promise<KeyPorts> | undefined;
  const own = (): Promise<KeyPorts> => {
    terminal.hint(
      'the key that is unlocked does not do this by itself: its passphrase, for this command',
    );
    return (opened ??= unlock(context).then(localKey));
  };
  // Without one that is whole nothing is unlocked, and that is said once.
  publicKeysIn(await readKeyFile(context.home), context.home.keyFile);
  try {
    const kept = await keptFor(context, site, own);
    if (kept !== undefined) {
      terminal.hint(`with the key that is unlocked until ${when(kept.hello.until)}`);
      return { ports: kept.ports, cacheKey: await kept.cacheKey(VERSION) };
    }
  } catch (error) {
    if (codeOf(error) === 'internal') throw error;
    // No socket has a path as long as that, so none is there.
    if (!hasCode(error, 'usage'))
      terminal.warn(`the key that may be unlocked is not used: ${(error as Error).message}`);
  }
  const identity = await unlock(context);
  return { ports: localKey(identity), cacheKey: cacheKey(identity, site) };
}

/**
 * What keeps the key of the home folder; undefined where nothing does.
 * @throws file_unsafe where others reach its folder; and as `keptAt`
 */
export async function keptFor(
  context: Context,
  site: Pick<Site, 'id'>,
  own?: () => Promise<KeyPorts>,
): Promise<Kept | undefined> {
  const { home, env } = context;
  const keys = publicKeysIn(await readKeyFile(home), home.keyFile);
  const place = await placeOf(home, site, keys.signKey, env);
  if (!(await hasPlace(place))) return undefined;
  const kept = await keptAt(place.path, own);
  if (kept === undefined) return undefined;
  const { hello } = kept;
  if (equalBytes(hello.signKey, keys.signKey) && equalBytes(hello.site, site.id)) return kept;
  kept.close();
  throw fail('in_use', `another key is kept at ${place.path}`);
}
