import { describe, expect, it } from 'vitest';
import { utf8 } from '../bundle/bytes.ts';
import { parseDigest, pendingKey } from '../protocol/keys.ts';
import { createMemoryStore } from '../store/memory.ts';
import { makeNode } from '../tests/support/site.ts';
import { createEvents } from './events.ts';

const node = makeNode();
const keyOf = (n: number) => pendingKey(node.id, parseDigest(`${n}`.repeat(64)));

/** A store that counts how often it is listed. */
function counting() {
  const store = createMemoryStore();
  const looks = { number: 0 };
  const list: typeof store.list = (...asked) => (looks.number++, store.list(...asked));
  return { store: { ...store, list }, looks };
}

describe('who asks what waits', () => {
  it('is told at once, again where something else waits, and shares one look with the others', async () => {
    const { store, looks } = counting();
    await store.create(keyOf(1), utf8('x'));
    const events = createEvents(store, { holdSeconds: 30 });
    const [first, ...others] = await Promise.all(Array.from({ length: 20 }, () => events.wait()));
    expect(first).toMatchObject({ waiting: 1, again: 0 });
    expect(others.every((other) => other.cursor === first!.cursor)).toBe(true);
    expect(looks.number).toBe(1);
    const held = Array.from({ length: 20 }, () => events.wait(first!.cursor));
    await store.create(keyOf(2), utf8('x'));
    events.stir();
    for (const moment of await Promise.all(held)) {
      expect(moment).toMatchObject({ waiting: 2, again: 0 });
      expect(moment.cursor).not.toBe(first!.cursor);
    }
    expect(looks.number).toBe(2);
    events.stop();
  });

  it('is told what another server took, without a word of it', async () => {
    const { store } = counting();
    const events = createEvents(store, { holdSeconds: 30, lookSeconds: 0.01 });
    const { cursor } = await events.wait();
    const held = events.wait(cursor);
    await store.create(keyOf(1), utf8('x'));
    expect(await held).toMatchObject({ waiting: 1 });
    events.stop();
  });

  it('is not held where a connection cannot be, and is told when to ask again', async () => {
    const events = createEvents(createMemoryStore(), { holdSeconds: 0 });
    const { cursor } = await events.wait();
    expect(await events.wait(cursor)).toEqual({ cursor, waiting: 0, again: 5 });
  });

  it('is answered when its time is over, and beyond so many at once', async () => {
    const { store } = counting();
    const events = createEvents(store, { holdSeconds: 0.05, lookSeconds: 0.01, most: 1 });
    const { cursor } = await events.wait();
    const [held, answered] = [events.wait(cursor), events.wait(cursor)];
    expect(await answered).toMatchObject({ cursor, again: 0.01 });
    expect(await held).toMatchObject({ cursor });
  });

  it('is answered when the server stops', async () => {
    const events = createEvents(createMemoryStore(), { holdSeconds: 1000, lookSeconds: 1000 });
    const { cursor } = await events.wait();
    const held = events.wait(cursor);
    await Promise.resolve();
    await Promise.resolve();
    events.stop();
    expect(await held).toMatchObject({ cursor });
  });

  it('is refused where the store cannot be listed', async () => {
    const list = (): Promise<never> => Promise.reject(new Error('no store'));
    const events = createEvents({ list }, { holdSeconds: 30 });
    await expect(events.wait()).rejects.toThrow('no store');
  });
});
