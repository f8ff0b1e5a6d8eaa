/**
 * The results of `work` on each item, in the order of the items. The next item is begun when another
 * ends, so one that is slow holds up nothing but the order.
 *
 * @param limits.atOnce how many are worked on at a time
 * @param limits.ahead how many may be begun and not yet be done with by whoever reads the results;
 *   absent: any number, for results that are small
 * @throws what `work` throws, at the place of that item; nothing is begun after it
 */
export async function* pooled<T, R>(
  items: readonly T[],
  limits: { readonly atOnce: number; readonly ahead?: number },
  work: (item: T, index: number) => Promise<R>,
): AsyncGenerator<R> {
  const { atOnce, ahead = Infinity } = limits;
  const begun = new Map<number, Promise<R>>();
  let [next, taken, running] = [0, 0, 0];
  let stopped = false;

  const fill = (): void => {
    while (!stopped && next < items.length && running < atOnce && next - taken < ahead) {
      const index = next++;
      running++;
      const result = work(items[index]!, index);
      begun.set(index, result);
      const ended = (): void => {
        running--;
        fill();
      };
      result.then(ended, () => {
        stopped = true;
        ended();
      });
    }
  };

  try {
    fill();
    while (taken < items.length) {
      const result = begun.get(taken)!;
      begun.delete(taken);
      yield await result;
      taken++;
      fill();
    }
  } finally {
    stopped = true;
  }
}

/** Everything that a generator gives. */
export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
