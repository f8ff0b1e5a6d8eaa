/** The middle value, or the mean of the middle two. @throws RangeError for no values */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of nothing');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Something to do over and over; `turn` counts from 0, so that inputs can vary. */
export type Task = (turn: number) => unknown;

/**
 * How often each task runs in a second of this process's CPU time, the collector of garbage and the
 * compiler included: what one core does that has nothing else to do. The tasks take turns, round
 * after round, so that a machine that slows down slows all of them. The first round is not counted and
 * ten times as long, so that the compiler is done.
 *
 * @returns for each task the median over the rounds
 */
export async function interleave<Name extends string>(
  tasks: Readonly<Record<Name, Task>>,
  options: { rounds: number; millisecondsPerTurn: number },
): Promise<Record<Name, number>> {
  const names = Object.keys(tasks) as Name[];
  const rates = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
    Name,
    number[]
  >;
  for (let round = 0; round <= options.rounds; round++) {
    for (const name of names) {
      const { millisecondsPerTurn } = options;
      const rate = await rateOf(
        tasks[name],
        round === 0 ? 10 * millisecondsPerTurn : millisecondsPerTurn,
      );
      if (round > 0) rates[name].push(rate);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(rates[name])])) as Record<
    Name,
    number
  >;
}

async function rateOf(task: Task, milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds;
  const before = process.cpuUsage();
  let turns = 0;
  do {
    const result = task(turns++);
    // Awaiting what is no promise would charge a synchronous task for the event loop.
    if (result instanceof Promise) await result;
  } while (performance.now() < end);
  const { user, system } = process.cpuUsage(before);
  // A turn too short for the clock counts as its smallest step.
  return (turns * 1e6) / Math.max(1, user + system);
}

/** The smallest value that a share `q` of the values does not exceed. @param sorted ascending */
export function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) throw new RangeError('a quantile of nothing');
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}
