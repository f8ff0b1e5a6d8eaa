import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NotifyEvent } from './event.ts';
import { createNotifier } from './notifier.ts';
import type { Notifier } from './notifier.ts';
import { toldFile } from './told-file.ts';

let folder: string;
let path: string;
const open: Notifier[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coatcheck-notify-'));
  path = join(folder, 'told.json');
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.stop()));
  await rm(folder, { recursive: true });
});

const event = (n: number): NotifyEvent => ({
  ...{ id: n.toString(16).padStart(64, '0'), kind: 'waiting' },
  ...{ node: 'a'.repeat(32) as NotifyEvent['node'], words: 'w' },
});

/** A receiver that does as it is told, and what it was sent. */
function start(
  answer: (message: number, signal: AbortSignal) => Promise<void> | void = () => undefined,
) {
  const sent: string[][] = [];
  const failures: unknown[] = [];
  const notifier = createNotifier({
    send: async (events, signal) => {
      sent.push(events.map(({ id }) => id));
      await answer(sent.length, signal);
    },
    ...{ told: toldFile(path), now: () => 1_790_000_000, everySeconds: 0.01 },
    failed: (error) => failures.push(error),
  });
  open.push(notifier);
  return { notifier, sent, failures };
}
const ids = (...numbers: number[]) => numbers.map((n) => event(n).id);
const toldIn = async (): Promise<string[]> => {
  const text = await readFile(path, 'utf8').catch(() => '{"told":{}}');
  return Object.keys((JSON.parse(text) as { told: object }).told).sort();
};

describe('who is notified', () => {
  it('is told each thing once, together with what came meanwhile, over restarts too', async () => {
    const first = start();
    first.notifier.saw([event(1)]);
    await expect.poll(toldIn).toEqual(ids(1));
    first.notifier.saw([event(1), event(2)]);
    first.notifier.saw([event(1), event(2), event(3)]);
    await expect.poll(toldIn).toEqual(ids(1, 2, 3));
    expect(first.sent).toEqual([ids(1), ids(2, 3)]);
    await first.notifier.stop();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const second = start();
    second.notifier.saw([event(3), event(4)]);
    await expect.poll(toldIn).toEqual(ids(1, 2, 3, 4));
    expect(second.sent).toEqual([ids(4)]);
    // What was over for a while is not told anew either.
    second.notifier.saw([]);
    second.notifier.saw([event(1), event(5)]);
    await expect.poll(() => second.sent).toEqual([ids(4), ids(5)]);
  });

  it('is told again until it was received, and then with what came meanwhile', async () => {
    const { notifier, sent, failures } = start((message) => {
      notifier.saw([event(1), event(2)]);
      if (message <= 2) throw new Error('no');
    });
    notifier.saw([event(1)]);
    await expect.poll(toldIn).toEqual(ids(1, 2));
    expect(failures).toHaveLength(2);
    expect(sent).toEqual([ids(1), ids(1, 2), ids(1, 2)]);
  });

  it('is not told any more what was over before it could be told', async () => {
    const { notifier, sent } = start((message) => {
      if (message > 1) return;
      notifier.saw([event(2)]);
      throw new Error('no');
    });
    notifier.saw([event(1), event(2)]);
    await expect.poll(toldIn).toEqual(ids(2));
    expect(sent.at(-1)).toEqual(ids(2));
  });

  it('holds up nobody while it is slow, and is told anew what it had not taken', async () => {
    const slow = start(
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('ended')));
        }),
    );
    slow.notifier.saw([event(1)]);
    for (let n = 1; n < 1000; n++) slow.notifier.saw([event(n)]);
    await expect.poll(() => slow.sent.length).toBe(1);
    await slow.notifier.stop();
    expect(slow.failures).toEqual([]);
    expect(await toldIn()).toEqual([]);
    const next = start();
    next.notifier.saw([event(1)]);
    await expect.poll(() => next.sent).toEqual([ids(1)]);
  });

  it('is told all again where the file is damaged, and where it cannot be written once each', async () => {
    await writeFile(path, '{"coatcheck":"told/1","told":{"x":1}}');
    const damaged = start();
    damaged.notifier.saw([event(1)]);
    await expect.poll(() => damaged.sent).toEqual([ids(1)]);
    expect(String(damaged.failures)).toContain('does not say what was told');
    await expect.poll(toldIn).toEqual(ids(1));
    await rm(path);
    path = join(folder, 'nowhere', 'told.json');
    const unkept = start();
    unkept.notifier.saw([event(1)]);
    await expect.poll(() => unkept.failures).toHaveLength(1);
    unkept.notifier.saw([event(1), event(2)]);
    await expect.poll(() => unkept.sent).toEqual([ids(1), ids(2)]);
  });
});
