import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { DEFAULT_THROTTLE, THROTTLES } from '../infra/props.ts';
import { ROUTES } from '../protocol/http.ts';
import type { Route, RouteName } from '../protocol/http.ts';
import { PRICES } from './prices.ts';

/** `npm run cost`: writes the tables of docs/cost.md, from the prices of prices.ts and the throttles of the stack. */
const FILE = 'docs/cost.md';
const MONTH_SECONDS = 30 * 24 * 3600;
const MEMORY_GB = 0.5;

/** What one request to a route costs, besides the gateway. */
interface Load {
  /** Milliseconds that a function is billed */
  readonly ms: number;
  /** Requests to S3 of a dear kind (PUT, LIST) and of a cheap one (GET) */
  readonly puts: number;
  readonly gets: number;
  /** Bytes of the two logs */
  readonly log: number;
}

/** A refused stranger's: a function runs and asks S3 nothing. */
const REFUSED: Load = { ms: 15, puts: 0, gets: 0, log: 700 };
/** By the routes that a stranger gets further with (functions/routes/upload.ts: two LISTs, and the cap's third). */
const STRANGERS: { readonly [N in RouteName]?: Load } = {
  config: { ms: 20, puts: 0, gets: 0, log: 700 },
  propose: { ms: 60, puts: 3, gets: 0, log: 700 },
};

/** US dollars. */
function costOf(requests: number, { ms, puts, gets, log }: Load): number {
  const p = PRICES;
  return (
    (requests *
      (p.apiPerMillion +
        p.lambdaPerMillion +
        puts * 1000 * p.s3PutPerThousand +
        gets * 1000 * p.s3GetPerThousand)) /
      1e6 +
    requests * (ms / 1000) * MEMORY_GB * p.lambdaPerGbSecond +
    (requests * log * p.logsPerGb) / 1e9
  );
}

const usd = (value: number): string =>
  value < 0.005
    ? '0.00'
    : value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** Every route at its throttle, all month, by somebody who has no key. */
function flood(): string {
  const rows = (Object.entries(ROUTES) as [RouteName, Route][]).map(([name, { method, path }]) => {
    const rate = (THROTTLES[name] ?? DEFAULT_THROTTLE).rate;
    return {
      route: `${method} ${path}`,
      rate,
      cost: costOf(rate * MONTH_SECONDS, STRANGERS[name] ?? REFUSED),
    };
  });
  const total = rows.reduce((sum, { cost }) => sum + cost, 0);
  return [
    '| route | requests a second | USD a month |',
    '| --- | ---: | ---: |',
    ...rows.map(({ route, rate, cost }) => `| \`${route}\` | ${rate} | ${usd(cost)} |`),
    `| all of them at once | ${rows.reduce((sum, { rate }) => sum + rate, 0)} | ${usd(total)} |`,
  ].join('\n');
}

/** A fleet that boots once a day, looks hourly, reports after each boot, and has a change a month. */
function steady(nodes: number): { parts: [string, number][]; total: number } {
  const p = PRICES;
  const month = 30 * nodes;
  const asked = month * 25;
  const stored = (nodes * 14 * 50_000) / 1e9;
  const parts: [string, number][] = [
    ['boots and hourly looks', costOf(asked, { ms: 20, puts: 0, gets: 1, log: 700 })],
    ['reports', costOf(month, { ms: 25, puts: 1, gets: 0, log: 700 })],
    ['a change of each node', costOf(nodes, { ms: 300, puts: 8, gets: 30, log: 3_000 })],
    ['storage of a year of changes', stored * p.s3GbMonth],
    ['bytes out, 50 KB a boot', ((month * 50_000) / 1e9) * p.outPerGb],
    ['the count of what waits', costOf(4 * 24 * 30, { ms: 60, puts: 1, gets: 0, log: 300 })],
    ['alarms, dashboard, metrics', 12 * p.alarm + p.dashboard + 2 * p.metric],
  ];
  return { parts, total: parts.reduce((sum, [, cost]) => sum + cost, 0) };
}

function fleets(sizes: readonly number[]): string {
  const all = sizes.map(steady);
  const names = all[0]!.parts.map(([name]) => name);
  return [
    `| USD a month | ${sizes.map((n) => `${n.toLocaleString('en-US')} nodes`).join(' | ')} |`,
    `| --- | ${sizes.map(() => '---:').join(' | ')} |`,
    ...names.map(
      (name, i) => `| ${name} | ${all.map(({ parts }) => usd(parts[i]![1])).join(' | ')} |`,
    ),
    `| **together** | ${all.map(({ total }) => `**${usd(total)}**`).join(' | ')} |`,
  ].join('\n');
}

/** What S3 takes a second of one partition of a prefix, at least (User Guide, "Best practices design patterns"). */
const S3_GETS_A_SECOND = 5_500;
/** How long a page of a listing takes from an administrator's machine, seconds: an assumption. */
const PAGE_SECONDS = 0.05;
/** In which all boot, after a power cut. */
const STORM_SECONDS = 600;
const PAGE_KEYS = 1000;

/** What a fleet of each size asks of the parts that do not grow with it. */
function scale(sizes: readonly number[]): string {
  const number = (value: number): string =>
    value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 2 : 0 });
  const rows: [string, (nodes: number) => string][] = [
    ['boots and looks of a day, a second', (n) => number((25 * n) / 86_400)],
    ['all boot within ten minutes, a second', (n) => number(n / STORM_SECONDS)],
    [
      `of what S3 takes of GETs of one prefix (${number(S3_GETS_A_SECOND)} a second)`,
      (n) => `${number((100 * n) / STORM_SECONDS / S3_GETS_A_SECOND)} %`,
    ],
    ['LISTs of a look at all (`status`)', (n) => number((3 * n) / PAGE_KEYS)],
    ['seconds of them, a prefix beside the others', (n) => number((n / PAGE_KEYS) * PAGE_SECONDS)],
    [
      'the first look: a GET of each, US dollars with the LISTs',
      (n) =>
        usd(
          ((3 * n) / PAGE_KEYS / 1000) * PRICES.s3PutPerThousand +
            (n / 1000) * 2 * PRICES.s3GetPerThousand,
        ),
    ],
    ['US dollars a month, as above', (n) => usd(steady(n).total)],
  ];
  return [
    `| nodes | ${sizes.map((n) => n.toLocaleString('en-US')).join(' | ')} |`,
    `| --- | ${sizes.map(() => '---:').join(' | ')} |`,
    ...rows.map(([name, of]) => `| ${name} | ${sizes.map(of).join(' | ')} |`),
  ].join('\n');
}

/** The text with what stands between two marks written anew. */
export function withTables(text: string): string {
  const tables = {
    flood: flood(),
    steady: fleets([100, 10_000]),
    scale: scale([10_000, 100_000, 1_000_000]),
  };
  return Object.entries(tables).reduce(
    (before, [name, table]) =>
      before.replace(
        new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- end -->)`),
        (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`,
      ),
    text,
  );
}

/** docs/cost.md as it is to be. */
export async function costPage(): Promise<string> {
  const options = await resolveConfig(FILE);
  return format(withTables(await readFile(FILE, 'utf8')), { ...options, filepath: FILE });
}

if (process.argv[1]?.endsWith('cost.ts') === true) await writeFile(FILE, await costPage());
