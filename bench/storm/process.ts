import { readdirSync, readFileSync } from 'node:fs';
import { statFields } from '../../files/process-status.ts';

/** What a server's processes have used by now. */
export interface Usage {
  /** User and system mode, of ended children too, milliseconds. */
  readonly cpuMilliseconds: number;
  /** Pages that several of the processes share are counted once (PSS), MiB. */
  readonly memoryMiB: number;
}

/** Linux counts CPU time in these, whatever the kernel's own tick is (`man 5 proc`). */
const MILLISECONDS_PER_TICK = 10;

/** Of these processes and of all that they started. Linux only. */
export function usageOf(roots: readonly number[]): Usage {
  let ticks = 0;
  let kib = 0;
  for (const pid of familyOf(roots)) {
    ticks += ticksOf(read(`/proc/${pid}/stat`));
    kib += pssOf(read(`/proc/${pid}/smaps_rollup`));
  }
  return { cpuMilliseconds: ticks * MILLISECONDS_PER_TICK, memoryMiB: kib / 1024 };
}

/** `utime`, `stime`, and `cutime` and `cstime`: what ended children had used. @param stat its text */
export function ticksOf(stat: string): number {
  return statFields(stat)
    .slice(11, 15)
    .reduce((sum, text) => sum + Number(text), 0);
}

/** KiB. @param smaps the text of `smaps_rollup` */
export function pssOf(smaps: string): number {
  return Number(/^Pss: +(\d+) kB$/m.exec(smaps)?.[1] ?? 0);
}

function familyOf(roots: readonly number[]): number[] {
  const children = roots.flatMap((pid) =>
    threadsOf(pid).flatMap((thread) =>
      read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
    ),
  );
  return children.length === 0 ? [...roots] : [...roots, ...familyOf(children)];
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // it has ended
  }
}

/** Empty for a process that has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
