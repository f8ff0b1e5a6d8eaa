import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../support/random.ts';
import type { Machine } from './lab.ts';

/** When the power goes. */
export interface Moment {
  /** Where what the machine writes is kept: the first change to it is where the time begins. */
  readonly kept: string;
  /** A line that comes once it was written, at the latest */
  readonly at?: RegExp;
  /** ms from then on, at most */
  readonly within: number;
}

/** Cuts the power of machines, at moments that follow from a seed and from what they do. */
export function cutting(
  seed: number,
): (machine: Pick<Machine, 'at' | 'stop'>, moment: Moment) => Promise<void> {
  const random = new Random(seed);
  return async (machine, { kept, at, within }) => {
    const before = stampOf(kept);
    const isOver = (): boolean => at !== undefined && machine.at(at) !== undefined;
    while (stampOf(kept) === before && !isOver()) await sleep(1);
    await sleep(random.below(within + 1));
    await machine.stop();
  };
}

/** Another one after each write. */
function stampOf(file: string): string {
  const { ino, mtimeNs } = statSync(file, { bigint: true });
  return `${ino} ${mtimeNs}`;
}
