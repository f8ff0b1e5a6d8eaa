import type { Keyset } from '../../bundle/keyset.ts';
import { hasCode } from '../../protocol/errors.ts';
import { keysetsOf } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import type { ObjectStore } from '../../store/port.ts';
import { count } from '../../protocol/count.ts';
import { currentChain, storeKeysets } from '../keysets.ts';
import { reason } from './probe.ts';
import type { Finding } from './probe.ts';

const PROBE = 'the keysets lead from the pinned one to the newest';

/**
 * Follows the keysets as every route does. What is no keyset there, or follows another, stops every
 * decision: to go on without it would trust keys that were taken away.
 */
export async function probeKeysets(store: ObjectStore, site: Site): Promise<Finding[]> {
  try {
    const chain = await currentChain(storeKeysets(store), keysetsOf(site));
    const { version, threshold, keys } = chain.at(-1)!.keyset;
    const found = `keyset ${version}: ${threshold} of ${count(keys.length, 'administrator')}`;
    return [{ probe: PROBE, status: 'ok', found }];
  } catch (error) {
    if (!hasCode(error, 'does_not_verify')) throw error;
    return [
      {
        ...{ probe: PROBE, status: 'fail', found: reason(error) },
        advice:
          'nobody can decide anything meanwhile: delete that object as the owner of the bucket, and have an administrator run coatcheck keys, which puts back what their tool has seen',
      },
    ];
  }
}

/** The newest that is proven; the pinned one where the store has none. */
export async function newestKeyset(store: ObjectStore, site: Site): Promise<Keyset> {
  try {
    return (await currentChain(storeKeysets(store), [site.pinned])).at(-1)!.keyset;
  } catch (error) {
    if (!hasCode(error, 'does_not_verify')) throw error;
    return site.pinned.keyset;
  }
}
