import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { COMMANDS, commandsBuilt } from '../commands.ts';
import { median, quantile } from '../measure.ts';
import { compare } from '../result.ts';
import type { Suite } from '../result.ts';
import { startCoatcheck } from '../storm/servers/coatcheck.ts';

const ROUNDS = 3;
const PROBES = 100;
const BETWEEN_MILLISECONDS = 10;
const AIM_MILLISECONDS = 100;

const ALONE = 'nobody else';
const ALL = 'all of these';
/** Idle, slow and pipelining connections. */
const LOADS: Readonly<Record<string, readonly [number, number, number]>> = {
  [ALONE]: [0, 0, 0],
  '2,000 idle': [2000, 0, 0],
  '500 slow': [0, 500, 0],
  '30 pipelining': [0, 0, 30],
  [ALL]: [2000, 500, 30],
};

/**
 * How long `/v1/health` takes on a connection of its own while strangers hang on the server, by turns.
 * The flood is a process of its own, so that only the server's loop is measured.
 * @param folder empty
 */
export async function strangersSuite(folder: string): Promise<Suite> {
  await commandsBuilt();
  const server = await startCoatcheck(join(folder, 'strangers'), { commands: COMMANDS });
  const port = Number(new URL(server.url).port);
  const p95s = new Map<string, number[]>(Object.keys(LOADS).map((name) => [name, []]));
  const most = new Map<string, number>();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, load] of Object.entries(LOADS)) {
        const times = await underLoad(port, load);
        p95s.get(name)!.push(quantile(times, 0.95));
        most.set(name, Math.max(most.get(name) ?? 0, times.at(-1)!));
      }
    }
  } finally {
    await server.stop();
  }
  const measured = [...p95s].map(([name, values]) => ({
    ...{ name, value: median(values), more: { 'ms at most': most.get(name)! } },
  }));
  const rows = compare(measured, ALONE);
  const met = rows.some(({ name, value }) => name === ALL && value! <= AIM_MILLISECONDS);
  return {
    ...{ title: '`/v1/health` while strangers hang on', unit: 'ms, p95', baseline: ALONE, rows },
    aims: [{ text: `${ALL}: at most ${AIM_MILLISECONDS} ms`, met }],
  };
}

/** @returns milliseconds, ascending */
async function underLoad(port: number, load: readonly number[]): Promise<number[]> {
  const program = fileURLToPath(new URL('./flood.ts', import.meta.url));
  const args = [...process.execArgv, program, String(port), ...load.map(String)];
  const flood = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    if (load.some((count) => count > 0)) await once(flood.stdout, 'data');
    const times: number[] = [];
    for (let i = 0; i < PROBES; i++) {
      times.push(await probe(port));
      await sleep(BETWEEN_MILLISECONDS);
    }
    return times.sort((a, b) => a - b);
  } finally {
    flood.kill();
    if (flood.exitCode === null && flood.signalCode === null) await once(flood, 'exit');
    // The server hears of what was closed.
    await sleep(1000);
  }
}

async function probe(port: number): Promise<number> {
  const started = performance.now();
  const asked = request({ port, host: '127.0.0.1', path: '/v1/health', agent: false }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  if (answer.statusCode !== 200) throw new Error(`/v1/health answered ${answer.statusCode}`);
  return performance.now() - started;
}
