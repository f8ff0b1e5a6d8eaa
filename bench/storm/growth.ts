import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { deriveIdentity } from '../../bundle/identity.ts';
import type { Identity } from '../../bundle/identity.ts';
import { randomBytes } from '../../bundle/platform/node.ts';
import { sealKeyFile } from '../../cli/key-file.ts';
import { createClient } from '../../protocol/client.ts';
import { approvedKey, historyKey } from '../../protocol/keys.ts';
import { formatSite } from '../../protocol/site.ts';
import { ADMIN, ADMIN_SEED } from '../fixtures.ts';
import type { Row, Suite } from '../result.ts';
import { fill, makeFleet, SITE } from './fleet.ts';
import type { FleetNode } from './fleet.ts';
import type { Generator, Visitor } from './generator.ts';
import { folderPlace, memoryPlace, minioPlace } from './places.ts';
import type { Place } from './places.ts';
import { usageOf } from './process.ts';
import { approvals, boots, makeNewcomer, uploads } from './tasks.ts';

export interface GrowthOptions {
  /** Empty; everything is made in here. */
  readonly folder: string;
  /** The folder of the built commands. */
  readonly commands: string;
  readonly generator: Generator;
  /** How many nodes have a configuration in force, ascending. */
  readonly sizes: readonly number[];
  /** New nodes that propose and are approved at each size. */
  readonly newcomers: number;
}

const PLACES = { memory: memoryPlace, folder: folderPlace, MinIO: minioPlace };
const PARALLEL_NEWCOMERS = 8;
const PARALLEL_BOOTS = 50;
const MOST_BOOTS = 1000;

/**
 * What a server does in a second, and what it takes, as its site grows: on a store in memory, in a
 * folder, and on MinIO. Each measured once, on a server that has just started.
 */
export async function growth(options: GrowthOptions): Promise<Suite> {
  const { folder, sizes } = options;
  mkdirSync(folder, { recursive: true });
  const largest = makeFleet(sizes.at(-1)!);
  const home = await administratorHome(folder);
  const rows: Row[] = [];
  for (const [name, open] of Object.entries(PLACES)) {
    let place: Place;
    try {
      place = await open(options);
    } catch (error) {
      rows.push({ name, note: error instanceof Error ? error.message : String(error) });
      continue;
    }
    try {
      for (const [i, size] of sizes.entries()) {
        const added = largest.slice(sizes[i - 1] ?? 0, size);
        await fill(place.store, added, ({ id }) => [approvedKey(id), historyKey(id, 1)]);
        rows.push(await measure(options, { name, place, fleet: largest.slice(0, size), home }));
      }
    } finally {
      await place.stop();
    }
  }
  return { title: 'A site that grows', unit: 'approvals/s', rows };
}

async function measure(
  { generator, commands, newcomers: count }: GrowthOptions,
  site: { name: string; place: Place; fleet: readonly FleetNode[]; home: string },
): Promise<Row> {
  const { name, place, fleet, home } = site;
  const server = await place.serve();
  const { url } = server;
  const memory = (): number => usageOf([server.pid, ...place.pids]).memoryMiB;
  let mostMiB = 0;
  const watch = setInterval(() => (mostMiB = Math.max(mostMiB, memory())), 100);
  const perSecond = async (parallel: number, visitors: readonly Visitor[]): Promise<number> =>
    visitors.length / (await generator.run({ parallel, visitors })).seconds;
  try {
    await sleep(1000); // to rest
    const restMiB = memory();
    const pages = await seconds(() => listPages(url, fleet));
    const cli = await seconds(() => listByCli(join(commands, 'coatcheck.mjs'), home, url, fleet));
    const newcomers = Array.from({ length: count }, () =>
      makeNewcomer(deriveIdentity(randomBytes(32))),
    );
    const uploaded = await perSecond(PARALLEL_NEWCOMERS, uploads(url, newcomers));
    const approved = await perSecond(PARALLEL_NEWCOMERS, approvals(url, newcomers));
    const booted = await perSecond(PARALLEL_BOOTS, boots(url, fleet.slice(0, MOST_BOOTS)));
    return {
      name: `${name}, ${fleet.length.toLocaleString('en-US')} nodes`,
      value: approved,
      more: {
        'uploads/s': uploaded,
        'boots/s': booted,
        'list by HTTP, ms': pages * 1000,
        '`coatcheck list`, s': cli,
        'MiB at rest': restMiB,
        'MiB at most': mostMiB,
      },
    };
  } finally {
    clearInterval(watch);
    await server.stop();
  }
}

async function seconds(task: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await task();
  return (performance.now() - start) / 1000;
}

/** Every page of `approved/`, one after another. @throws Error if a node is missing */
async function listPages(server: string, fleet: readonly FleetNode[]): Promise<void> {
  const client = createClient({ server, site: SITE.id, identity: ADMIN.identity });
  const keys = new Set<string>();
  let after: string | undefined;
  do {
    const page = await client.list({
      prefix: 'approved',
      ...(after === undefined ? {} : { after }),
    });
    for (const { key } of page.objects) keys.add(key);
    after = page.next;
  } while (after !== undefined);
  demandAll(fleet, ({ id }) => keys.has(approvedKey(id)));
}

/** `coatcheck list --json`, which reads and verifies every entry. */
async function listByCli(
  program: string,
  home: string,
  server: string,
  fleet: readonly FleetNode[],
): Promise<void> {
  const args = [program, '--home', home, '--server', server, '--json', 'list'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 28 });
  const { nodes } = JSON.parse(stdout) as { nodes: { node: string; decision?: unknown }[] };
  const verified = new Set(nodes.filter(({ decision }) => decision).map(({ node }) => node));
  demandAll(fleet, ({ id }) => verified.has(id));
}

function demandAll(fleet: readonly FleetNode[], isThere: (node: Identity) => boolean): void {
  const lost = fleet.filter(({ identity }) => !isThere(identity)).length;
  if (lost > 0) throw new Error(`a listing lacks ${lost} of ${fleet.length} nodes`);
}

/** Where `coatcheck list` finds the site and the administrator's key. */
async function administratorHome(folder: string): Promise<string> {
  const home = join(folder, 'administrator');
  mkdirSync(home);
  writeFileSync(join(home, 'site.json'), formatSite(SITE));
  writeFileSync(join(home, 'admin.key'), await sealKeyFile(ADMIN_SEED, undefined), { mode: 0o600 });
  return home;
}
