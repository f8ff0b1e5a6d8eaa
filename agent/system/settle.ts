import type { Failure } from './failure.ts';
import { unitsBehindUs } from './jobs.ts';
import type { Systemctl, UnitState } from './systemctl.ts';

/** What took effect, and what did not. Units of systemd each. */
export interface Activation {
  readonly reloaded: readonly string[];
  readonly restarted: readonly string[];
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  /** Told, and their turn comes once the unit in which the agent runs has started. */
  readonly waiting: readonly string[];
  readonly failed: readonly Failure[];
}

/** How long units may take for what they were told before a boot goes on without them. */
const SETTLE_SECONDS = 90;
const FIRST_PAUSE_MILLISECONDS = 50;
const LAST_PAUSE_MILLISECONDS = 1000;

/** Where units stand that were told something. */
export interface Standing {
  readonly states: readonly UnitState[];
  /** Those among them whose turn comes only after the agent's own unit */
  readonly waiting: ReadonlySet<string>;
  /** Those that are not done, although it is their turn */
  readonly late: readonly Failure[];
}

/** Waits until units have done what they were told; not for those that wait for this process itself. */
export async function untilDone(
  systemctl: Systemctl,
  units: readonly string[],
  limitSeconds: number,
): Promise<Standing> {
  const end = performance.now() + limitSeconds * 1000;
  for (let milliseconds = FIRST_PAUSE_MILLISECONDS; ; milliseconds *= 2) {
    const states = await systemctl.show(units);
    const busy = states.filter(({ hasJob }) => hasJob).map(({ unit }) => unit);
    const behind = busy.length === 0 ? new Set<string>() : await unitsBehindUs(systemctl);
    const late = busy
      .filter((unit) => !behind.has(unit))
      .map((unit) => ({ what: unit, why: `it is not done after ${limitSeconds} s` }));
    if (late.length === 0 || performance.now() > end) {
      return { states, waiting: new Set(busy.filter((unit) => behind.has(unit))), late };
    }
    await pause(Math.min(milliseconds, LAST_PAUSE_MILLISECONDS));
  }
}

/**
 * Waits for all units of an activation as {@link untilDone} does, for a minute and a half, and says
 * which of them wait for the agent, and which failed.
 * @param since when the first of them was told something, in microseconds of CLOCK_MONOTONIC
 */
export async function settle(
  systemctl: Systemctl,
  activation: Activation,
  since: number,
): Promise<Activation> {
  const { reloaded, restarted, started, stopped, failed } = activation;
  const known = new Set(failed.map(({ what }) => what));
  const units = [...reloaded, ...restarted, ...started].filter((unit) => !known.has(unit));
  if (!systemctl.isLive || units.length === 0) return activation;
  const { states, waiting, late } = await untilDone(systemctl, units, SETTLE_SECONDS);
  const done = states.filter(({ hasJob }) => !hasJob);
  const wasTold = ({ unit }: UnitState): boolean => !reloaded.includes(unit);
  const others = (told: readonly string[]): string[] => told.filter((unit) => !waiting.has(unit));
  return {
    reloaded: others(reloaded),
    restarted: others(restarted),
    started: others(started),
    stopped,
    waiting: [...waiting].sort(),
    failed: [
      ...failed,
      ...late,
      ...done.flatMap((state) => failureOf(state, wasTold(state) ? since : undefined)),
    ],
  };
}

/** @param startedSince when it was told to start, at the earliest; undefined if it was not */
function failureOf(state: UnitState, startedSince: number | undefined): Failure[] {
  const { unit, active, sub, result, reloadResult, checkedAt } = state;
  const failure = (why: string): Failure[] => [{ what: unit, why }];
  if (active === 'failed') return failure(`it failed: ${result}`);
  if (sub === 'auto-restart') return failure(`it ends and is started anew: ${result}`);
  if (reloadResult !== 'success') return failure(`its reload failed: ${reloadResult}`);
  // The manager checks the conditions of a unit first; of one that it gave up it checks none.
  if (active === 'inactive' && startedSince !== undefined && checkedAt < startedSince) {
    return failure('its start was given up, as where a unit that it requires has failed');
  }
  return [];
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
