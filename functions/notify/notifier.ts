import type { NotifyEvent } from './event.ts';

/** Which events were told before, over restarts. */
export interface ToldPort {
  /** By id, when: unix seconds */
  load(): Promise<ReadonlyMap<string, number>>;
  /** Takes the place of what was there. @throws what cannot be written */
  save(told: ReadonlyMap<string, number>): Promise<void>;
}

/** Tells one receiver what is so. */
export interface Notifier {
  /** All that is so now: what is over and was not told yet is not told any more. */
  saw(events: readonly NotifyEvent[]): void;
  /** Ends what is under way, which counts as not told. */
  stop(): Promise<void>;
}

/** What {@link createNotifier} works with. */
export interface NotifierOptions {
  /** @throws why it was not received, also where it was told to end */
  readonly send: (events: readonly NotifyEvent[], signal: AbortSignal) => Promise<void>;
  readonly told: ToldPort;
  /** Unix time, seconds */
  readonly now: () => number;
  /** Why something was not told or not kept: it is tried again. */
  readonly failed: (error: unknown) => void;
  /** Between two messages, seconds */
  readonly everySeconds?: number;
}

const EVERY_SECONDS = 60;
const MAX_PAUSE_SECONDS = 3600;
/** How long an event that is over is known, so that it is not told anew where it comes back. */
const KEPT_SECONDS = 30 * 86_400;
const MAX_KEPT = 100_000;

/**
 * At most a message a minute, with all that was not told before; one that is not received is sent again after a
 * minute, two, four, up to an hour. An event counts as told once its message was received: where this process
 * ends between the two, it is told again, with the same id.
 */
export function createNotifier(options: NotifierOptions): Notifier {
  const { send, told: port, now, failed, everySeconds = EVERY_SECONDS } = options;
  let current: readonly NotifyEvent[] = [];
  const ending = new AbortController();
  const isStopped = (): boolean => ending.signal.aborted;
  let isIdle = false;
  let endPause: () => void = () => undefined;

  /** For so long, or until something is seen. */
  const pause = (seconds?: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = seconds === undefined ? undefined : setTimeout(resolve, seconds * 1000);
      isIdle = seconds === undefined;
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
      if (isStopped()) endPause();
    });

  async function run(): Promise<void> {
    let told = await loaded();
    let tries = 0;
    while (!isStopped()) {
      const news = current.filter(({ id }) => !told.has(id));
      if (news.length === 0) {
        await pause();
        continue;
      }
      try {
        await send(news, ending.signal);
        tries = 0;
        told = afterTelling(told, news);
        await port.save(told).catch(failed);
      } catch (error) {
        if (isStopped()) break;
        tries++;
        failed(error);
      }
      await pause(Math.min(everySeconds * 2 ** Math.max(0, tries - 1), MAX_PAUSE_SECONDS));
    }
  }

  async function loaded(): Promise<ReadonlyMap<string, number>> {
    try {
      return await port.load();
    } catch (error) {
      failed(error);
      return new Map();
    }
  }

  function afterTelling(
    before: ReadonlyMap<string, number>,
    news: readonly NotifyEvent[],
  ): ReadonlyMap<string, number> {
    const time = now();
    const isSo = new Set(current.map(({ id }) => id));
    const all = [...before, ...news.map(({ id }) => [id, time] as const)];
    const kept = all.filter(([id, then]) => isSo.has(id) || time - then < KEPT_SECONDS);
    return new Map(kept.slice(-MAX_KEPT));
  }

  const running = run();
  return {
    saw: (events) => {
      current = events;
      if (isIdle) endPause();
    },
    stop: async () => {
      ending.abort();
      endPause();
      await running;
    },
  };
}
