import { uptime } from 'node:os';
import * as v from 'valibot';
import { removeIn } from '../../tree/files.ts';
import { Count, readState, writeState } from '../../tree/state-file.ts';
import { stateOfThisBoot } from '../../tree/state-place.ts';
import type { StatePlace } from '../../tree/state-place.ts';

/** What a clock said before a time was tried on it that nobody vouches for. It outlives the process. */
export interface Before {
  /**
   * @param unixSeconds what it says
   * @throws file_denied, disk_full and the like: then nothing may be tried
   */
  keep(unixSeconds: number): void;
  /** What it would say by now; undefined where nothing is being tried */
  now(): number | undefined;
  forget(): void;
}

const FILE = 'clock.json';
const Kept = v.strictObject({
  coatcheck: v.literal('clock/1'),
  /** Unix seconds */
  said: v.pipe(v.number(), v.safeInteger()),
  /** Seconds since the kernel started, at that moment */
  uptime: Count,
});

/** @param up seconds since the kernel started: the same clock for every process */
export function keptBefore(place: StatePlace = stateOfThisBoot('/'), up = uptime): Before {
  return {
    keep(said) {
      const kept = { coatcheck: 'clock/1', said, uptime: Math.round(up()) };
      place.change((folder) => writeState(folder, FILE, kept));
    },
    now() {
      const kept = place.look((folder) => readState(folder, FILE, Kept));
      return kept && kept.said + Math.round(up()) - kept.uptime;
    },
    forget() {
      place.look((folder) => removeIn(folder, FILE));
    },
  };
}
