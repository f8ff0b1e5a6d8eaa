import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../support/components.ts';
import { readStrace, tooEarly } from './disk-log.ts';
import type { DiskEvent } from './disk-log.ts';
import { LIFE, live } from './life.ts';
import { buildTools } from './store-under-fault.ts';
import type { StartOptions, Tools } from './store-under-fault.ts';

let tools: Tools;

/** What a power cut may take: nobody was told of it. */
const isScratch = (path: string): boolean => /\/(staging|locks)\//.test(path);

interface Watched {
  readonly store: string;
  /** What strace saw, so far. */
  readonly events: () => DiskEvent[];
  readonly trace: (name: string) => StartOptions;
}

/** A place for a store, and for the logs of the processes that work on it. */
function watch(name: string): Watched {
  const place = join(tools.folder, name);
  const logs: string[] = [];
  return {
    store: join(place, 'store'),
    trace: (log) => {
      logs.push(join(tools.folder, `${name}-${log}`));
      return { strace: logs.at(-1)! };
    },
    events: () => logs.flatMap((log) => readStrace(log, place)),
  };
}

describeWith('strace', 'a filesystem store before a power cut', () => {
  beforeAll(async () => {
    tools = await buildTools();
  });
  afterAll(() => tools.remove());

  it('has synced every byte before its name, and every name before its answer', async () => {
    const { store, events, trace } = watch('whole');
    await live(tools, store, trace('life'));
    expect(events().filter(({ call }) => call === 'answer')).toHaveLength(LIFE.length);
    expect(tooEarly(events(), isScratch)).toEqual([]);
  });

  it('would be caught without any one of its syncs', { tags: 'long' }, async () => {
    const { store, events, trace } = watch('without');
    await live(tools, store, trace('life'));
    const isSync = ({ call }: DiskEvent): boolean => call === 'fsync' || call === 'fdatasync';
    const synced = new Set(
      events()
        .filter(isSync)
        .map(({ path }) => path),
    );
    expect(synced.size).toBeGreaterThan(10);
    for (const path of synced) {
      const without = events().filter((event) => !(isSync(event) && event.path === path));
      expect(tooEarly(without, isScratch), path).not.toEqual([]);
    }
  });

  it(
    'syncs what it changed just before it was killed, before it answers again',
    { tags: 'long' },
    async () => {
      const { calls } = await live(tools, join(tools.folder, 'count', 'store'), {});
      const changes = calls.flatMap((call, i) =>
        /^(mkdir|rmdir|link|rename|unlink) /.test(call) && !isScratch(call) ? [i + 1] : [],
      );
      expect(changes.length).toBeGreaterThan(15);
      for (const at of changes) {
        const { store, events, trace } = watch(`killed-${at}`);
        const fault = { action: 'kill after', at } as const;
        const { underWay } = await live(tools, store, { ...trace('killed'), fault });
        const again = tools.start(store, trace('again'));
        const create = underWay?.do === 'open' && underWay.create;
        await again.ask({ do: 'open', create });
        await again.ask({ do: 'list', prefix: '' });
        await again.ask(underWay!);
        await again.end();
        expect(events().some(({ call }) => call === 'answer')).toBe(true);
        expect(tooEarly(events(), isScratch), `after ${calls[at - 1]}`).toEqual([]);
      }
    },
  );

  it('syncs what it could not sync, before it answers again', { tags: 'long' }, async () => {
    const { calls } = await live(tools, join(tools.folder, 'failing', 'store'), {});
    const syncs = calls.flatMap((call, i) => {
      const follows = /^(link|rename|unlink) /.test(calls[i - 1] ?? '');
      return call.startsWith('fsync ') && call.includes('/objects/') && follows ? [i + 1] : [];
    });
    expect(syncs.length).toBeGreaterThan(7);
    for (const at of syncs) {
      const { store, events, trace } = watch(`failed-${at}`);
      const failing = tools.start(store, {
        ...trace('failing'),
        fault: { action: 'fail', at, errno: 'EIO' },
      });
      let failed = 0;
      for (const call of LIFE) {
        const answer = await failing.ask(call);
        if (!/^store_unknown|^ServiceUnavailable/.test(answer!.error ?? '')) continue;
        failed++;
        await failing.ask({ do: 'list', prefix: '' });
        await failing.ask(call);
      }
      await failing.end();
      expect(failed, calls[at - 1]).toBe(1);
      expect(tooEarly(events(), isScratch), calls[at - 1]).toEqual([]);
    }
  });
});
