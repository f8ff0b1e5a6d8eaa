import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { ErrorCode } from '../../protocol/errors.ts';
import { isExpired, isExpiring } from '../../protocol/verify.ts';
import type { StoreObserver } from '../../store/timed.ts';
import { STATES_PAGE } from '../states.ts';
import type { PublicState, StatesReader } from '../states.ts';
import { VERSION } from '../version.ts';
import { counter, gauge, histogram } from './exposition.ts';

/** What is counted of a server. */
export interface Metrics {
  /** A request that was answered. `route` as the table has it, `/objects/*`, or `none`. */
  readonly request: (answered: {
    readonly route: string;
    readonly status: number;
    readonly milliseconds: number;
    readonly code?: ErrorCode;
  }) => void;
  readonly store: StoreObserver;
  /** A line of the log that was left out. */
  readonly leftOut: (count: number) => void;
}

/** How {@link createMetrics} looks at the nodes. */
export const LOOK = {
  /** Between two looks at the least; one that took longer than a twentieth of it delays the next. */
  seconds: 60,
  restPerWork: 20,
  /** Nodes of one look: what a reader keeps. Those after them are not counted, and that is said. */
  nodes: 20_000,
  /** How long a scrape waits for a look; then it has what was seen before. */
  patienceSeconds: 5,
} as const;

/** What of a node's configuration is in force, as a label; `none` for a node of which a first proposal waits. */
const CLASSES = ['in_force', 'expiring', 'expired', 'revoked', 'unreadable', 'none'] as const;

interface Seen {
  /** Unix seconds */
  readonly at: number;
  readonly classes: Readonly<Record<(typeof CLASSES)[number], number>>;
  readonly waiting: number;
  /** Unix seconds by the store; absent where nothing waits */
  readonly oldest?: number;
  readonly isWhole: boolean;
}

/**
 * Counts, and renders what it has counted with a look at how nodes stand: of what is not sealed, and of
 * no node by name.
 *
 * @param clock Unix seconds
 */
export function createMetrics(clock: () => number = () => Date.now() / 1000): Metrics & {
  /** @param reader absent until the server has one: then nodes are not shown */
  readonly render: (reader?: StatesReader) => Promise<string>;
} {
  const started = clock() - process.uptime();
  const requests = counter('coatcheck_requests_total', 'Requests that were answered.');
  const durations = histogram('coatcheck_request_duration_seconds', 'How long an answer took.');
  const operations = histogram(
    'coatcheck_store_duration_seconds',
    'How long the store took, as the server asks it.',
  );
  const failures = counter('coatcheck_store_errors_total', 'Operations that the store did not do.');
  let left = 0;
  const looks = createLooks(clock);

  return {
    request: ({ route, status, milliseconds, code = 'none' }) => {
      requests.add({ route, status, code });
      durations.observe({ route }, milliseconds / 1000);
    },
    store: (operation, seconds, code) => {
      operations.observe({ operation }, seconds);
      if (code !== undefined) failures.add({ operation, code });
    },
    leftOut: (count) => (left += count),
    render: async (reader) => {
      const seen = reader && (await looks(reader));
      const { rss } = process.memoryUsage();
      const { user, system } = process.cpuUsage();
      return [
        gauge('coatcheck_build_info', 'Which version this is.', [[{ version: VERSION }, 1]]),
        ...[requests, durations, operations, failures].map(({ render }) => render()),
        gauge(
          'coatcheck_log_left_out_total',
          'Lines left out of the log.',
          [[{}, left]],
          'counter',
        ),
        ...(seen === undefined ? [] : nodesOf(seen, clock())),
        gauge('process_start_time_seconds', 'Start, Unix seconds.', [[{}, started]]),
        gauge('process_resident_memory_bytes', 'Memory in use.', [[{}, rss]]),
        gauge(
          'process_cpu_seconds_total',
          'Time on a processor.',
          [[{}, (user + system) / 1e6]],
          'counter',
        ),
      ].join('');
    },
  };
}

function nodesOf(seen: Seen | 'away', now: number): string[] {
  const up = gauge('coatcheck_store_up', 'Whether the last look at the store succeeded.', [
    [{}, seen === 'away' ? 0 : 1],
  ]);
  // What was so before would pass for what is so.
  if (seen === 'away') return [up];
  const { classes, waiting, oldest, isWhole, at } = seen;
  return [
    up,
    gauge(
      'coatcheck_nodes',
      'Nodes by what is in force for them.',
      CLASSES.map((state) => [{ state }, classes[state]]),
    ),
    gauge('coatcheck_proposals_waiting', 'Proposals that wait for a decision.', [[{}, waiting]]),
    gauge(
      'coatcheck_oldest_waiting_seconds',
      'How long the oldest of them has waited; 0 for none.',
      [[{}, oldest === undefined ? 0 : Math.max(0, now - oldest)]],
    ),
    gauge('coatcheck_nodes_complete', `Whether all nodes were counted: up to ${LOOK.nodes} are.`, [
      [{}, isWhole ? 1 : 0],
    ]),
    gauge(
      'coatcheck_nodes_seen_timestamp_seconds',
      'When the nodes were looked at, Unix seconds.',
      [[{}, at]],
    ),
  ];
}

/** One look for all who ask, as seldom as {@link LOOK} says; undefined while the first is under way. */
function createLooks(
  clock: () => number,
): (reader: StatesReader) => Promise<Seen | 'away' | undefined> {
  let seen: Seen | 'away' | undefined;
  let until = 0;
  let looking: Promise<void> | undefined;

  async function look(reader: StatesReader): Promise<void> {
    const start = performance.now();
    try {
      seen = await count(reader, clock());
    } catch {
      // The store says why in coatcheck_store_errors_total.
      seen = 'away';
    }
    const end = performance.now();
    until = end + Math.max(LOOK.seconds * 1000, (end - start) * LOOK.restPerWork);
  }
  return async (reader) => {
    if (performance.now() < until) return seen;
    looking ??= look(reader).finally(() => (looking = undefined));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, LOOK.patienceSeconds * 1000);
    });
    await Promise.race([looking, patience]);
    clearTimeout(timer);
    return seen;
  };
}

async function count(reader: StatesReader, now: number): Promise<Seen> {
  const classes = Object.fromEntries(CLASSES.map((name) => [name, 0])) as Record<
    (typeof CLASSES)[number],
    number
  >;
  let waiting = 0;
  let oldest: number | undefined;
  let after: PublicState['node'] | undefined;
  for (let pages = 0; pages < LOOK.nodes / STATES_PAGE; pages++) {
    const { states, next } = await reader.page(after);
    for (const state of states) {
      classes[classOf(state, now)]++;
      waiting += state.waiting.length;
      for (const { since } of state.waiting) oldest = Math.min(oldest ?? since, since);
    }
    after = next;
    if (after === undefined) break;
  }
  return {
    ...{ at: now, classes, waiting, isWhole: after === undefined },
    ...(oldest === undefined ? {} : { oldest }),
  };
}

function classOf({ shown, problem }: PublicState, now: number): (typeof CLASSES)[number] {
  if (problem !== undefined) return 'unreadable';
  if (shown === undefined) return 'none';
  if (shown.type === 'revoke') return 'revoked';
  if (isExpired(shown, [now])) return 'expired';
  return isExpiring(shown, now) ? 'expiring' : 'in_force';
}

/** Answers `GET /metrics`, and nothing else. @param render what to answer */
export function createMetricsServer(render: () => Promise<string>): Server {
  return createServer({ maxHeaderSize: 8 * 1024, requestTimeout: 10_000 }, (request, response) => {
    const isAsked = request.url?.split('?')[0] === '/metrics';
    if (!isAsked || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(isAsked ? 405 : 404, { connection: 'close' }).end();
      return;
    }
    void render().then((text) => {
      response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
      response.end(text);
    });
  });
}
