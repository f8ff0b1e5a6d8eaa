import type { RequestLog } from '../app.ts';

/** How much is logged. */
export const LOG_LIMITS = {
  /** In a second, of answers below 500: what strangers can make. The storm of a thousand boots has more. */
  lines: 100,
  /** The server's own failures, beside them: a flood of refusals hides none. */
  failures: 20,
  /** Of a reason, characters; the rest of a line is ours. */
  reasonCharacters: 500,
} as const;

/** A log that leaves out what is too much, and counts it. */
export interface BoundedLog {
  readonly log: (entry: RequestLog) => void;
  /** Says what was left out and not said yet. */
  readonly flush: () => void;
}

/**
 * Writes at most so many lines a second. The first line of a later second is after one that says how
 * many were left out before it, which so are counted, and never lost without a word.
 *
 * @param write writes a line
 * @param leftOut writes the count of what was left out
 * @param now milliseconds of a clock that is never set back
 */
export function boundLog(
  write: (entry: RequestLog) => void,
  leftOut: (count: number) => void,
  now: () => number = () => performance.now(),
): BoundedLog {
  let second = -1;
  const written = { lines: 0, failures: 0 };
  let skipped = 0;

  function flush(): void {
    if (skipped > 0) leftOut(skipped);
    skipped = 0;
  }
  return {
    flush,
    log(entry) {
      const current = Math.floor(now() / 1000);
      if (current !== second) {
        flush();
        second = current;
        written.lines = 0;
        written.failures = 0;
      }
      const kind = entry.status >= 500 ? 'failures' : 'lines';
      if (written[kind] >= LOG_LIMITS[kind]) {
        skipped++;
        return;
      }
      written[kind]++;
      const { reason } = entry;
      const isLong = reason !== undefined && reason.length > LOG_LIMITS.reasonCharacters;
      write(
        isLong ? { ...entry, reason: `${reason.slice(0, LOG_LIMITS.reasonCharacters)}…` } : entry,
      );
    },
  };
}
