import type { Source } from './source.ts';

/** How long a source has failed. */
export interface Outage {
  /** The same source, watched */
  readonly source: Source;
  /** Since the first failure after the last answer; 0 if that was an answer */
  seconds(): number;
}

/**
 * Watches what the looks into a source end with.
 * @param elapsed monotonic, milliseconds
 */
export function watchOutage(source: Source, elapsed = () => performance.now()): Outage {
  let since: number | undefined;
  return {
    source: {
      ...source,
      async inForce(waiting) {
        const look = await source.inForce(waiting);
        if (look.state === 'failed') since ??= elapsed();
        else since = undefined;
        return look;
      },
    },
    seconds: () => (since === undefined ? 0 : (elapsed() - since) / 1000),
  };
}
