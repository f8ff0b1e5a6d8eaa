import { quantile } from '../../bench/measure.ts';
import { KINDS } from './storm.ts';
import type { Kind, Phase } from './storm.ts';

/** Of one kind in one phase; milliseconds. */
interface Measured {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  /** From the beginning of the phase to the end of the first that began in it */
  readonly first: number;
  /** The longest time in the phase in which none ended, whenever it began */
  readonly gap: number;
}

function measure(phases: readonly Phase[], at: number, kind: Kind): Measured {
  const { began, samples } = phases[at]!;
  const own = samples.filter((sample) => sample.kind === kind);
  const took = own.map((sample) => sample.ended - sample.began).sort((a, b) => a - b);
  const over = phases[at + 1]?.began ?? Math.max(...own.map(({ ended }) => ended));
  const ends = phases
    .flatMap((phase) => phase.samples)
    .filter((sample) => sample.kind === kind && sample.ended > began && sample.ended < over)
    .map(({ ended }) => ended);
  const times = [began, ...ends, over].sort((a, b) => a - b);
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  return {
    ...{ count: own.length, p50: quantile(took, 0.5), p95: quantile(took, 0.95) },
    first: Math.min(...own.map(({ ended }) => ended)) - began,
    gap: Math.max(...gaps),
  };
}

/** A table in Markdown: of each phase and kind how many there were, and how long they took beside those of the first phase. */
export function tableOf(phases: readonly Phase[]): string {
  const lines = phases.flatMap((phase, at) =>
    KINDS.map((kind) => {
      const [first, own] = [measure(phases, 0, kind), measure(phases, at, kind)];
      const times = (of: 'p50' | 'p95'): string =>
        `${own[of].toFixed(0)} (${(own[of] / first[of]).toFixed(1)})`;
      const seconds = (of: 'first' | 'gap'): string => (own[of] / 1000).toFixed(1);
      const all = [phase.name, kind, own.count, times('p50'), times('p95')];
      return `| ${[...all, seconds('first'), seconds('gap')].join(' | ')} |`;
    }),
  );
  const failures = phases.map(({ name, failures: failed }) => {
    const each = Object.entries(failed).map(([code, n]) => `${n} ${code}`);
    return `tries that failed, ${name}: ${each.join(', ') || 'none'}`;
  });
  return [
    '| phase | what | done | p50 ms (times before) | p95 ms | first after s | longest gap s |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
    '',
    ...failures,
  ].join('\n');
}
