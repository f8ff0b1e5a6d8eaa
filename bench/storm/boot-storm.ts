import { setTimeout as sleep } from 'node:timers/promises';
import { median, quantile } from '../measure.ts';
import { compare } from '../result.ts';
import type { Aim, Row, Suite } from '../result.ts';
import { BARE, EMBEDDED, NGINX, ON_MINIO, startContenders } from './contenders.ts';
import type { Contender } from './contenders.ts';
import { makeFleet } from './fleet.ts';
import type { Generator } from './generator.ts';
import { usageOf } from './process.ts';

const TIMES_NGINX = 1.5;
const MILLISECONDS_PER_NODE = 0.6;
const TIMES_BARE = 0.75;

export interface StormOptions {
  /** Empty; everything is made in here. */
  readonly folder: string;
  /** The folder of the built commands. */
  readonly commands: string;
  readonly generator: Generator;
  readonly nodes: number;
  /** Nodes at a time. */
  readonly parallel: number;
  /** Counted ones; one more goes before. */
  readonly rounds: number;
  /** Names of contenders; all of them otherwise. */
  readonly only?: readonly string[];
}

/** One storm, in the units of the report. */
export interface Storm {
  readonly nodesPerSecond: number;
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
  /** Milliseconds for each node. */
  readonly serverCpu: number;
  readonly generatorCpu: number;
  readonly peakMiB: number;
}

/**
 * Every node of a fleet boots at once: a fresh connection, and on it what a boot asks for. The
 * servers take turns, round after round. The first round, at servers that have just started, is told
 * apart; of the others the medians count.
 *
 * @throws Error with the first answer that is not what was stored
 */
export async function bootStorm(options: StormOptions): Promise<Suite> {
  const { nodes, parallel, rounds } = options;
  const contenders = await startContenders({ ...options, fleet: makeFleet(nodes) });
  try {
    await sleep(1000); // to rest
    const reports = contenders.running.map((contender) => ({
      ...{ contender, storms: [] as Storm[] },
      restMiB: usageOf(contender.pids).memoryMiB,
    }));
    for (let i = 0; i <= rounds; i++) {
      for (const { contender, storms } of reports) storms.push(await storm(options, contender));
    }
    const rows = reports.map(({ contender: { name }, restMiB, storms }) =>
      rowOf(name, restMiB, storms),
    );
    return {
      title: `Boot storm: ${nodes.toLocaleString('en-US')} nodes, ${parallel} at a time`,
      unit: 'nodes/s',
      baseline: NGINX,
      rows: compare([...rows, ...contenders.missing], NGINX),
      aims: aimsOf(rows),
    };
  } finally {
    await contenders.stop();
  }
}

/** One storm at one server. */
async function storm(
  { generator, parallel }: Pick<StormOptions, 'generator' | 'parallel'>,
  { pids, visitors, ca }: Contender,
): Promise<Storm> {
  const job = { parallel, visitors: await visitors(), ...(ca === undefined ? {} : { ca }) };
  const before = usageOf(pids);
  let peakMiB = before.memoryMiB;
  const watch = setInterval(() => (peakMiB = Math.max(peakMiB, usageOf(pids).memoryMiB)), 100);
  const result = await generator.run(job).finally(() => clearInterval(watch));
  // What the last answers leave to do belongs to the storm: logs, closed connections, garbage.
  await sleep(200);
  const after = usageOf(pids);
  const { seconds, milliseconds, cpuSeconds } = result;
  const count = milliseconds.length;
  return {
    nodesPerSecond: count / seconds,
    p50Milliseconds: quantile(milliseconds, 0.5),
    p99Milliseconds: quantile(milliseconds, 0.99),
    serverCpu: (after.cpuMilliseconds - before.cpuMilliseconds) / count,
    generatorCpu: (cpuSeconds * 1000) / count,
    peakMiB: Math.max(peakMiB, after.memoryMiB),
  };
}

/** The row of one server. @param storms the first one, and then those that count */
function rowOf(name: string, restMiB: number, storms: readonly Storm[]): Row {
  const [first, ...counted] = storms;
  const middle = (of: (storm: Storm) => number): number => median(counted.map(of));
  return {
    name,
    value: middle((storm) => storm.nodesPerSecond),
    more: {
      'p50 ms': middle((storm) => storm.p50Milliseconds),
      'p99 ms': middle((storm) => storm.p99Milliseconds),
      'server CPU ms/node': middle((storm) => storm.serverCpu),
      'the same, first storm': first!.serverCpu,
      'generator CPU ms/node': middle((storm) => storm.generatorCpu),
      'MiB at rest': restMiB,
      'MiB at most': Math.max(...storms.map(({ peakMiB }) => peakMiB)),
    },
  };
}

/** What is aimed at, as far as both sides were measured. */
function aimsOf(rows: readonly Row[]): Aim[] {
  const row = (name: string): Row | undefined => rows.find((each) => each.name === name);
  const times = (name: string, other: string, factor: number): Aim[] => {
    const [ours, theirs] = [row(name)?.value, row(other)?.value];
    if (ours === undefined || theirs === undefined) return [];
    return [
      {
        text: `${name}: ${factor} times the nodes a second of ${other}`,
        met: ours >= factor * theirs,
      },
    ];
  };
  const cpu = row(EMBEDDED)?.more?.['server CPU ms/node'];
  return [
    ...times(EMBEDDED, NGINX, TIMES_NGINX),
    ...(cpu === undefined
      ? []
      : [
          {
            text: `${EMBEDDED}: at most ${MILLISECONDS_PER_NODE} ms of server CPU a node`,
            met: cpu <= MILLISECONDS_PER_NODE,
          },
        ]),
    ...times(ON_MINIO, BARE, TIMES_BARE),
  ];
}
