import { setTimeout as pause } from 'node:timers/promises';
import { readStates } from '../admin/monitor.ts';
import type { MonitorView } from '../admin/monitor.ts';
import type { Client } from '../protocol/client.ts';
import { hasCode } from '../protocol/errors.ts';

/** Between two looks while a screen is open, and while none is, milliseconds. */
const PAUSE = { watched: 5_000, alone: 60_000 };

/** How the nodes stand, as of the last look that succeeded. */
export interface WallPicture {
  /** Counts up with every change of what is shown. */
  readonly version: number;
  /** none once the right to be told has ended */
  readonly nodes: readonly MonitorView[];
  /** of the look that `nodes` are of, unix seconds; absent before the first */
  readonly at?: number | undefined;
  /** why the last look failed: what is shown is older */
  readonly error?: unknown;
  /** whether that is because the right to be told has ended, or is void */
  readonly isOver: boolean;
}

/** What looks again and again, by a capability alone. */
export interface WallWatch {
  picture(): WallPicture;
  /** Tells of every look, until what it gives is called. */
  subscribe(listener: (picture: WallPicture) => void): () => void;
  close(): Promise<void>;
}

/**
 * Asks how the nodes stand until it is closed. What ended may be asked for again: a server that knew of
 * other administrators for a moment does not end a screen for good.
 * @param onOver told when it ends
 */
export function createWallWatch(client: Client, onOver: (error: unknown) => void): WallWatch {
  let picture: WallPicture = { version: 0, nodes: [], isOver: false };
  const listeners = new Set<(picture: WallPicture) => void>();
  const stopping = new AbortController();
  let wake = new AbortController();

  const show = (next: Omit<WallPicture, 'version'>): void => {
    const shown = ({ nodes, at, error, isOver }: Omit<WallPicture, 'version'>): string =>
      JSON.stringify([nodes, at === undefined, error === undefined, isOver]);
    const isSame = shown(picture) === shown(next);
    if (next.isOver && !picture.isOver) onOver(next.error);
    picture = { ...next, version: picture.version + (isSame ? 0 : 1) };
    for (const listener of listeners) listener(picture);
  };

  async function look(): Promise<void> {
    try {
      const nodes = await readStates(client);
      show({ nodes, at: client.now(), isOver: false });
    } catch (error) {
      const isOver = hasCode(error, 'capability_refused');
      show({ nodes: isOver ? [] : picture.nodes, at: picture.at, error, isOver });
    }
  }

  async function keepLooking(): Promise<void> {
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      await look();
      const signal = AbortSignal.any([wake.signal, stopping.signal]);
      const isWatched = listeners.size > 0 && !picture.isOver;
      await pause(isWatched ? PAUSE.watched : PAUSE.alone, undefined, { signal }).catch(
        () => undefined,
      );
    }
  }
  const looking = keepLooking();

  return {
    picture: () => picture,
    subscribe: (listener) => {
      listeners.add(listener);
      if (listeners.size === 1) wake.abort();
      return () => void listeners.delete(listener);
    },
    close: async () => {
      stopping.abort();
      await looking;
    },
  };
}
