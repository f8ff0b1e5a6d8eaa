import { expect, it } from 'vitest';
import { sha256 } from '#platform';
import { toHex } from '../bundle/bytes.ts';
import { decodeEvents, encodeEvents, MAX_EVENTS_BYTES, replayed } from './measured-events.ts';
import type { MeasuredEvent } from './measured-events.ts';

const event = (register: number, name: string, fill: number): MeasuredEvent => ({
  ...{ register, name },
  digest: new Uint8Array(32).fill(fill),
});
it('are written one way', () => {
  const events = [event(7, 'db', 1), event(7, 'db authority', 2), event(11, '.linux', 3)];
  const bytes = encodeEvents(events);
  expect(decodeEvents(bytes)).toEqual(events);
  expect(bytes.length).toBe(36 + 46 + 40);
  expect(encodeEvents([])).toEqual(new Uint8Array());
});

it('are of the registers that a policy is about, with names that can be printed', () => {
  for (const register of [0, 4, 8, 14]) {
    expect(() => decodeEvents(encodeEvents([event(register, 'x', 1)]))).toThrow('no event');
  }
  for (const name of ['', 'a\n', 'a\x1b', 'x'.repeat(33), 'ä']) {
    expect(() => decodeEvents(encodeEvents([event(7, name, 1)]))).toThrow();
  }
  const bytes = encodeEvents([event(7, 'db', 1)]);
  for (let length = 1; length < bytes.length; length++) {
    expect(() => decodeEvents(bytes.subarray(0, length)), `${length}`).toThrow();
  }
  const many = Array.from({ length: 40 }, () => event(7, 'db', 1));
  expect(() => decodeEvents(encodeEvents(many))).toThrow(`${MAX_EVENTS_BYTES}`);
});

it('give registers that begin empty, each extended by its own', () => {
  const digest = new Uint8Array(32).fill(1);
  const once = sha256(new Uint8Array(32), digest);
  const events = [event(7, 'a', 1), event(12, 'b', 1), event(7, 'c', 1)];
  const empty = '00'.repeat(32);
  expect(replayed(events).map(toHex)).toEqual([
    toHex(sha256(once, digest)),
    empty,
    toHex(once),
    empty,
  ]);
  expect(replayed([]).map(toHex)).toEqual([empty, empty, empty, empty]);
});
