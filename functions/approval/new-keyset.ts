import { equalBytes, toHex } from '../../bundle/bytes.ts';
import { bundleError } from '../../bundle/errors.ts';
import { MAX_CHAIN_BYTES } from '../../bundle/frame.ts';
import { encodeChain, encodeSignedKeyset, verifyLink } from '../../bundle/keyset.ts';
import type { SignedKeyset } from '../../bundle/keyset.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { keysetKey } from '../../protocol/keys.ts';
import { keysetsOf } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import type { ObjectStore } from '../../store/port.ts';
import { currentChain, storeKeysets } from '../keysets.ts';
import { putBackKeyset } from './record.ts';

/** Whether a keyset was created by this request, or was there already: the same one. */
export type KeysetOutcome = 'created' | 'already';

const TRIES = 6;

/**
 * Makes a keyset the newest of a site: creates `keysets/<version>` after checking that it follows the
 * newest there is. The creation decides: of two administrators who make the same version one wins, and
 * the other is told. The same keyset may be sent again at any time.
 *
 * @throws wrong_site; stale_keyset with the newest `version` and its `digest` (hex) if it follows
 *   another; the codes of `verifyLink` (who may sign it, and how many must); chain_too_large where no
 *   decision could carry it any more; the codes of `currentChain` and of the store. It was not created, except under store_unknown: then that is not known, and the
 *   same keyset must be sent again
 */
export async function createKeyset(
  store: ObjectStore,
  site: Site,
  signed: SignedKeyset,
): Promise<KeysetOutcome> {
  const { keyset } = signed;
  if (!equalBytes(keyset.site, site.id)) {
    throw fail('wrong_site', `this keyset is of site ${toHex(keyset.site)}, not of this one`);
  }
  let isUnknown = false;
  for (let tries = 1; ; tries++) {
    const chain = await currentChain(storeKeysets(store), keysetsOf(site));
    if (chain.some(({ digest }) => equalBytes(digest, signed.digest))) {
      // Found after a creation whose answer was lost, it is that creation.
      return isUnknown ? 'created' : 'already';
    }
    const newest = chain.at(-1)!;
    demandNext(newest, signed);
    verifyLink(newest, signed);
    demandRoom([...chain, signed]);
    // A chain that is read in the bucket alone begins with it.
    await putBackKeyset(store, site.pinned);
    try {
      await store.create(keysetKey(keyset.version), encodeSignedKeyset(signed));
      return 'created';
    } catch (error) {
      const again = hasCode(error, 'store_unknown', 'already_exists');
      isUnknown ||= hasCode(error, 'store_unknown');
      if (again && tries < TRIES) continue;
      if (!again || !isUnknown) throw error;
      const what = 'whether this keyset is stored is not known: send the same one again';
      throw fail('store_unknown', what, { cause: error });
    }
  }
}

function demandNext({ keyset: newest, digest }: SignedKeyset, { keyset }: SignedKeyset): void {
  if (keyset.version === newest.version + 1 && equalBytes(keyset.previous, digest)) return;
  const { version } = newest;
  throw fail(
    'stale_keyset',
    `the newest keyset is ${version}, and this one does not follow it: look again`,
    { details: { version, digest: toHex(digest) } },
  );
}

/** Every decision carries the whole chain: after one keyset too many there would be no decision again. */
function demandRoom(chain: readonly SignedKeyset[]): void {
  const { length } = encodeChain(chain);
  if (length <= MAX_CHAIN_BYTES) return;
  throw bundleError(
    'chain_too_large',
    `with this one the keysets of the site have ${length} bytes, and a decision carries ${MAX_CHAIN_BYTES}: no administrator can come or go any more`,
  );
}
