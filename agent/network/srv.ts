import type { SrvRecord } from 'node:dns';
import { isHostName } from './names.ts';

/** More servers than anybody runs; what is above is from somebody who wants to keep us busy. */
export const MAX_RECORDS = 32;

/** SRV records in the order in which they are tried, and what of them is left out. */
export interface Ordered {
  readonly order: readonly SrvRecord[];
  /** Why, each as a person reads it; the names are a stranger's */
  readonly leftOut: readonly string[];
}

/**
 * SRV records in the order in which RFC 2782 has a client try them: the lowest priority first, and
 * among those of one priority at random, each with a chance in proportion to its weight; those of
 * weight 0 have a very small one. What names no host (`.` says that there is no such service), or
 * port 0, is left out, and of more than {@link MAX_RECORDS} the last.
 *
 * @param random 0 (inclusive) to 1 (exclusive)
 */
export function inOrder(records: readonly SrvRecord[], random: () => number): Ordered {
  const isUsable = ({ name, port }: SrvRecord): boolean => isHostName(name) && port > 0;
  const usable = records.filter(isUsable);
  const groups = new Map<number, SrvRecord[]>();
  for (const record of usable.slice(0, MAX_RECORDS)) {
    groups.set(record.priority, [...(groups.get(record.priority) ?? []), record]);
  }
  const unusable = records.filter((record) => !isUsable(record)).slice(0, MAX_RECORDS);
  return {
    order: [...groups]
      .sort(([a], [b]) => a - b)
      .flatMap(([, group]) => shuffleByWeight(group, random)),
    leftOut: [
      ...unusable.map(({ name, port }) =>
        ['', '.'].includes(name)
          ? '".", which says that there is no such service'
          : `${JSON.stringify(name)}, port ${port}, which is no host and port`,
      ),
      ...(usable.length > MAX_RECORDS
        ? [`${usable.length - MAX_RECORDS} more than ${MAX_RECORDS} servers`]
        : []),
    ],
  };
}

/** The algorithm of RFC 2782, "Weight". */
function shuffleByWeight(group: readonly SrvRecord[], random: () => number): SrvRecord[] {
  // "Place all those with weight 0 at the beginning of the list": only a draw of 0 selects one.
  const left = [...group].sort((a, b) => Math.min(a.weight, 1) - Math.min(b.weight, 1));
  const order: SrvRecord[] = [];
  while (left.length > 0) {
    const sum = left.reduce((total, { weight }) => total + weight, 0);
    const drawn = Math.floor(random() * (sum + 1));
    let running = 0;
    const next = left.findIndex(({ weight }) => (running += weight) >= drawn);
    order.push(...left.splice(next, 1));
  }
  return order;
}
