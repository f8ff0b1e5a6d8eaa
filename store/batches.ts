/** Maps a few at a time, so that a long list leaves the file system, and open files, to others too. */
export async function inBatches<T, R>(
  items: readonly T[],
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += 16) {
    results.push(...(await Promise.all(items.slice(i, i + 16).map(map))));
  }
  return results;
}
