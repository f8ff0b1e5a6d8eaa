import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { historyKey } from '../../protocol/keys.ts';
import { describeWith } from '../support/components.ts';
import { readStrace } from './disk-log.ts';
import type { Call } from './calls.ts';
import { APPROVED, ID, leftovers, LIFE, live, small } from './life.ts';
import type { Lived } from './life.ts';
import { after, contentsOf, must } from './model.ts';
import type { Contents } from './model.ts';
import { buildTools } from './store-under-fault.ts';
import type { Fault, Tools } from './store-under-fault.ts';

let tools: Tools;

/** Starts the store again as it is, and has it work on. */
async function expectRecovered(folder: string, killed: Lived): Promise<'before' | 'after'> {
  const { acknowledged, underWay } = killed;
  const store = tools.start(folder);
  // Only where not even the making of the store was acknowledged is there none to open.
  must(await store.ask({ do: 'open', create: underWay?.do === 'open' && underWay.create }));
  must(await store.ask({ do: 'secrets' }));
  const found = await contentsOf(store);
  const possible = underWay ? after(acknowledged, underWay) : acknowledged;
  const is = sameAs(found, possible) ? 'after' : 'before';
  if (is === 'before') expect(found).toEqual(acknowledged);

  for (const [key, etag] of found) {
    must(await store.ask({ do: 'replace', key: key as never, ...small('next'), etag }));
  }
  must(await store.ask({ do: 'create', key: historyKey(ID, 77), ...small('new') }));
  for (const key of [...found.keys(), historyKey(ID, 77)]) {
    must(await store.ask({ do: 'delete', key: key as never }));
  }
  expect(await contentsOf(store)).toEqual(new Map());
  await store.end();
  expect(leftovers(folder)).toEqual([]);
  return is;
}

function sameAs(a: Contents, b: Contents): boolean {
  return a.size === b.size && [...a].every(([key, etag]) => b.get(key) === etag);
}

/** A few at a time: each waits for a process most of the time. */
async function forEach<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await act(item);
  };
  await Promise.all([1, 2, 3, 4].map(worker));
}

describeWith('strace', 'a filesystem store that is killed', () => {
  beforeAll(async () => {
    tools = await buildTools();
  });
  afterAll(() => tools.remove());

  it('is killed at every call that changes it: strace sees no other', async () => {
    const folder = join(tools.folder, 'seen', 'store');
    const log = join(tools.folder, 'strace');
    const store = tools.start(folder, { strace: log });
    for (const call of LIFE) must(await store.ask(call));
    const counted = store.calls();
    await store.end();
    const seen = readStrace(log, join(tools.folder, 'seen')).filter(
      ({ call }) => call !== 'answer',
    );
    expect(counted).toEqual(seen.map(({ call, path }) => `${call} ${path}`));
    expect(counted.length).toBeGreaterThan(60);
  });

  it(
    'has all that was acknowledged, nothing half, and works on, wherever it was',
    { tags: 'long' },
    async () => {
      const whole = await live(tools, join(tools.folder, 'whole', 'store'), {});
      expect(whole.underWay).toBeUndefined();
      const faults = whole.calls.flatMap((call, i): Fault[] => {
        const at = i + 1;
        return [
          // Elsewhere the disk is as it was after the last call, and nobody heard more.
          ...(whole.starts.includes(at) ? [{ action: 'kill before', at } as const] : []),
          ...(call.startsWith('write ') ? [{ action: 'kill halfway', at } as const] : []),
          { action: 'kill after', at },
        ];
      });
      const outcomes = { before: 0, after: 0 };
      await forEach(faults, async (fault) => {
        const place = join(tools.folder, `${fault.action}-${fault.at}`);
        const folder = join(place, 'store');
        const killed = await live(tools, folder, { fault });
        const where = `${fault.action} ${fault.at}: ${killed.calls.at(-1)}`;
        expect(killed.underWay, where).toBeDefined();
        expect(killed.calls, where).toHaveLength(fault.at);
        outcomes[await expectRecovered(folder, killed).catch(naming(where))]++;
        fs.rmSync(place, { recursive: true });
      });
      expect(outcomes.before).toBeGreaterThan(20);
      expect(outcomes.after).toBeGreaterThan(20);
    },
  );

  it(
    'is no worse off where it is killed again while it makes that good',
    { tags: 'long' },
    async () => {
      // In the midst of a replacement: its file is staged, and its lock held.
      const { calls } = await live(tools, join(tools.folder, 'first', 'store'), {});
      const at = 1 + calls.findIndex((call) => call.startsWith('rename '));
      const start = join(tools.folder, 'start', 'store');
      const first = await live(tools, start, { fault: { action: 'kill before', at } });
      expect(leftovers(start)).toHaveLength(2);
      const { underWay, acknowledged } = first;
      const next: Call[] = [
        { do: 'open', create: false },
        underWay!,
        { do: 'delete', key: APPROVED },
      ];
      const again = (name: string, fault: Fault | undefined): Promise<Lived> => {
        const folder = join(tools.folder, name, 'store');
        fs.cpSync(start, folder, { recursive: true });
        return live(tools, folder, fault ? { fault } : {}, next, acknowledged);
      };
      const whole = await again('again', undefined);
      expect(whole.calls.length).toBeGreaterThan(20);
      const places = whole.calls.map((_, i) => i + 1);
      await forEach(places, async (at) => {
        const killed = await again(`again-${at}`, { action: 'kill after', at });
        const where = `after ${at}: ${killed.calls.at(-1)}`;
        await expectRecovered(join(tools.folder, `again-${at}`, 'store'), killed).catch(
          naming(where),
        );
      });
    },
  );
});

function naming(where: string) {
  return (error: unknown): never => {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  };
}
