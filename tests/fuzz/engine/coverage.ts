/**
 * What instrumented code (instrument.ts) leaves behind as it runs, for the loop in fuzz.ts to read.
 * One per process: a target is fuzzed in a thread of its own.
 */

const COUNTERS = new Uint32Array(1 << 16);
const SEEN = new Uint8Array(COUNTERS.length);
let used = 0;
let bytes = 0;
let features = 0;
const outcomes = new Map<string, number>();
const words = new Set<string>();

/** The counters of one module, which it increments, and the words in its source. */
export function region(size: number, tokens: readonly string[]): Uint32Array {
  for (const token of tokens) words.add(token);
  used += size;
  if (used > COUNTERS.length) throw new Error('more branches than counters');
  return COUNTERS.subarray(used - size, used);
}

/** Called where a loop ran too often. */
export function stuck(): never {
  throw new Error('a loop does not end');
}

/** Called with the one argument of `new Uint8Array(...)` and its like; gives it back. */
export function allocated<T>(argument: T, { BYTES_PER_ELEMENT }: { BYTES_PER_ELEMENT: number }): T {
  if (typeof argument === 'number') bytes += argument * BYTES_PER_ELEMENT;
  else if (ArrayBuffer.isView(argument)) bytes += argument.byteLength;
  return argument;
}

/** What one execution did. */
export interface Trace {
  /** Whether a branch, a magnitude of a counter, or an outcome was never seen before. */
  readonly isNew: boolean;
  /** Branches taken: what an execution costs, without a clock. */
  readonly work: number;
  /** Bytes of typed arrays asked for. */
  readonly allocated: number;
}

/** Forgets what was counted since the last {@link take}. */
export function reset(): void {
  COUNTERS.fill(0, 0, used);
  bytes = 0;
}

/** The trace of what ran since {@link reset}. */
export function take(outcome: string): Trace {
  const before = features;
  let work = 0;
  for (let i = 0; i < used; i++) {
    const count = COUNTERS[i]!;
    if (count === 0) continue;
    COUNTERS[i] = 0;
    work += count;
    const magnitude = magnitudeOf(count);
    if ((SEEN[i]! & magnitude) === 0) {
      SEEN[i]! |= magnitude;
      features++;
    }
  }
  const times = outcomes.get(outcome) ?? 0;
  if (times === 0) features++;
  outcomes.set(outcome, times + 1);
  const trace = { isNew: features > before, work, allocated: bytes };
  bytes = 0;
  return trace;
}

/** Of the eight sizes of a count that are told apart, as AFL does it: one bit. */
function magnitudeOf(count: number): number {
  if (count < 4) return 1 << (count - 1);
  if (count < 8) return 8;
  if (count < 16) return 16;
  if (count < 32) return 32;
  return count < 128 ? 64 : 128;
}

/** The short string literals of every module that is loaded. */
export function dictionary(): readonly string[] {
  return [...words];
}

/** What was reached so far. */
export interface Reached {
  /** Branches taken at least once, of all that there are in the modules loaded. */
  readonly branches: number;
  readonly ofBranches: number;
  /** Branches by magnitude of their count, and outcomes. */
  readonly features: number;
  /** How often each outcome came about. */
  readonly outcomes: Readonly<Record<string, number>>;
}

export function reached(): Reached {
  const branches = SEEN.subarray(0, used).reduce((sum, bits) => sum + Math.min(bits, 1), 0);
  return { branches, ofBranches: used, features, outcomes: Object.fromEntries(outcomes) };
}
