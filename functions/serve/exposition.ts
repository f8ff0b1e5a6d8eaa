/** The text format of Prometheus, version 0.0.4, as far as a server needs it (docs/adr/0250). */

/** What a sample is told apart by. Names and values are of this program, never of a request. */
export type Labels = Readonly<Record<string, string | number>>;

/** What makes a part of the text: one family with its samples, or nothing while it has none. */
export interface Family {
  readonly render: () => string;
}

/** Only goes up. */
export interface Counter extends Family {
  readonly add: (labels: Labels) => void;
}

/** How long things took: how many took at most each bound, all, and their sum. */
export interface Histogram extends Family {
  readonly observe: (labels: Labels, seconds: number) => void;
}

/** For what takes a millisecond in a folder, and tens of seconds while a store is away. Seconds. */
export const BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

const text = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
};

function family(name: string, type: string, help: string, samples: readonly string[]): string {
  if (samples.length === 0) return '';
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples, ''].join('\n');
}

/** @param name ends in `_total` */
export function counter(name: string, help: string): Counter {
  const values = new Map<string, number>();
  return {
    add: (labels) => {
      const key = text(labels);
      values.set(key, (values.get(key) ?? 0) + 1);
    },
    render: () =>
      family(
        name,
        'counter',
        help,
        [...values].map(([key, n]) => `${name}${key} ${n}`),
      ),
  };
}

/** @param name ends in `_seconds` */
export function histogram(name: string, help: string): Histogram {
  const kept = new Map<string, { labels: Labels; buckets: number[]; count: number; sum: number }>();
  return {
    observe: (labels, seconds) => {
      const key = text(labels);
      const one = kept.get(key) ?? { labels, buckets: BOUNDS.map(() => 0), count: 0, sum: 0 };
      kept.set(key, one);
      BOUNDS.forEach((bound, i) => {
        if (seconds <= bound) one.buckets[i]!++;
      });
      one.count++;
      one.sum += seconds;
    },
    render: () => {
      const samples = [...kept].flatMap(([key, { labels, buckets, count, sum }]) => [
        ...BOUNDS.map(
          (bound, i) => `${name}_bucket${text({ ...labels, le: bound })} ${buckets[i]!}`,
        ),
        `${name}_bucket${text({ ...labels, le: '+Inf' })} ${count}`,
        `${name}_sum${key} ${sum}`,
        `${name}_count${key} ${count}`,
      ]);
      return family(name, 'histogram', help, samples);
    },
  };
}

/** A value that is known when it is asked for: of each sample its labels and the value. */
export function gauge(
  name: string,
  help: string,
  samples: readonly (readonly [Labels, number])[],
  type: 'gauge' | 'counter' = 'gauge',
): string {
  return family(
    name,
    type,
    help,
    samples.map(([labels, value]) => `${name}${text(labels)} ${value}`),
  );
}
