import { randomBytes } from 'node:crypto';
import { toHex, utf8 } from '../../bundle/bytes.ts';
import { count } from '../../protocol/count.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import type { Site } from '../../protocol/site.ts';
import type { ObjectStore } from '../../store/port.ts';
import { examine } from './examine.ts';
import { LASTING } from './probe.ts';
import type { Finding, Lab } from './probe.ts';

/** What is probed costs some hundred requests, and an administrator's key may have been stolen. */
const EVERY_SECONDS = 60;

/**
 * Probes for whoever asks a deployment: those of the store and its credentials, which end within seconds however much the site has
 * stored. At most once a minute, also where several processes are asked at once: the store has the time of the last.
 *
 * @param now Unix milliseconds
 * @throws too_soon
 */
export function deployedProbes(
  lab: Lab,
  site: Site,
  now: () => number = Date.now,
): () => Promise<Finding[]> {
  let last = -Infinity;
  return async () => {
    demandLater(now() - last);
    await claim(lab.stores.admin, now());
    last = now();
    return examine(lab, site, (_, probe) => probe(), { record: false });
  };
}

/** Of several at once the store lets one write. What else is wrong with it the probes say. */
async function claim(store: ObjectStore, now: number): Promise<void> {
  // Never the same twice: an ETag may be of the bytes alone.
  const body = utf8(`coatcheck doctor ${toHex(randomBytes(8))}`);
  try {
    const there = await store.head(LASTING);
    if (there === undefined) await store.create(LASTING, body);
    else {
      demandLater(now - there.modified.getTime());
      await store.replace(LASTING, body, there.etag);
    }
  } catch (error) {
    if (hasCode(error, 'already_exists', 'precondition_failed')) demandLater(0);
    if (hasCode(error, 'too_soon')) throw error;
  }
}

function demandLater(milliseconds: number): void {
  const seconds = EVERY_SECONDS - Math.floor(milliseconds / 1000);
  if (seconds <= 0) return;
  throw fail(
    'too_soon',
    `it was probed within a minute: ask again in ${count(Math.min(seconds, EVERY_SECONDS), 'second')}`,
  );
}
