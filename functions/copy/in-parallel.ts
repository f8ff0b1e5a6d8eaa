const AT_ONCE = 8;

/**
 * Does something with all of a sequence, eight at a time; of what has the same group one after another, in order.
 * The first fault ends it, once what is under way has ended.
 */
export async function inParallel<T>(
  items: AsyncIterable<T> | Iterable<T>,
  groupOf: (item: T) => string,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Map<string, Promise<void>>();
  let failed: { readonly error: unknown } | undefined;
  for await (const item of items) {
    const group = groupOf(item);
    while (running.has(group) || running.size >= AT_ONCE) {
      await (running.get(group) ?? Promise.race(running.values()));
    }
    if (failed !== undefined) break;
    const done = act(item)
      .catch((error: unknown) => {
        failed ??= { error };
      })
      .finally(() => running.delete(group));
    running.set(group, done);
  }
  await Promise.all(running.values());
  if (failed !== undefined) throw failed.error;
}
