import { toHex } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { parseKey, PENDING_DAYS } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import { bundlesUnderWay } from '../approval/cosigned.ts';

/**
 * Ends what waited for longer than {@link PENDING_DAYS} (docs/adr/0177): one whose machine is gone is no
 * more in the way of others. A machine that still waits proposes again at its next boot. What somebody has
 * signed a decision about that lacks signatures stays.
 *
 * @param store with the rights of the admin credential
 * @param now Unix seconds
 * @returns how many proposals ended
 * @throws any code of the store
 */
export async function sweepPending(store: Sweeping, site: Site, now: number): Promise<number> {
  const before = (now - PENDING_DAYS * 24 * 3600) * 1000;
  let swept = 0;
  for await (const { key, modified } of listAll(store, 'pending/')) {
    const parsed = parseKey(key);
    if (modified.getTime() >= before || parsed?.prefix !== 'pending') continue;
    const { node, digest } = parsed;
    const underWay = await bundlesUnderWay({ store, site, node });
    if (underWay.some((one) => toHex(one) === digest)) continue;
    await store.delete(key);
    swept++;
  }
  return swept;
}

type Sweeping = Pick<ObjectStore, 'list' | 'get' | 'head' | 'delete'>;

/** How often, milliseconds. */
const EVERY = 3_600_000;

/**
 * Sweeps now and every hour, until it is stopped. A store that cannot be swept is swept the next time:
 * whoever waits for it hears of its fault from every request.
 */
export function keepSweeping(
  store: Sweeping,
  site: Site,
  now: () => number,
  said: (count: number) => void,
): { readonly stop: () => void } {
  const sweep = async (): Promise<void> => {
    try {
      const count = await sweepPending(store, site, now());
      if (count > 0) said(count);
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
    }
  };
  void sweep();
  const timer = setInterval(() => void sweep(), EVERY);
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
    },
  };
}
