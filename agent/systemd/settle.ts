import { setTimeout as sleep } from 'node:timers/promises';
import { trying } from './failure.ts';
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
export interface UnitsStanding {
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
): Promise<UnitsStanding> {
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
    await sleep(Math.min(milliseconds, LAST_PAUSE_MILLISECONDS));
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
  const unknown: Failure[] = [];
  const standing = await trying(unknown, 'units', () =>
    untilDone(systemctl, units, SETTLE_SECONDS),
  );
  if (standing === undefined) return { ...activation, failed: [...failed, ...unknown] };
  const { states, waiting, late } = standing;
  const failureOf = (state: UnitState): Failure[] => {
    const why = reasonFor(state, reloaded.includes(state.unit) ? 0 : since);
    return why === undefined ? [] : [{ what: state.unit, why }];
  };
  const others = (told: readonly string[]): string[] => told.filter((unit) => !waiting.has(unit));
  return {
    reloaded: others(reloaded),
    restarted: others(restarted),
    started: others(started),
    stopped,
    waiting: [...waiting].sort(),
    failed: [...failed, ...late, ...states.filter(isDone).flatMap(failureOf)],
  };
}

const isDone = ({ hasJob }: UnitState): boolean => !hasJob;

/**
 * Why a unit that has nothing more to do is not as it should be; undefined if it is.
 * @param startedSince its last start cannot have been before; 0 if it was not told to start
 */
function reasonFor(state: UnitState, startedSince: number): string | undefined {
  const { active, sub, result, reloadResult, checkedAt, begunAt } = state;
  if (active === 'failed') return `it failed: ${result}`;
  // One that ended well and is to run again (Restart=always) is between two starts.
  if (sub.startsWith('auto-restart') && result !== 'success') {
    return `it ends and is started anew: ${result}`;
  }
  if (reloadResult !== 'success') return `its reload failed: ${reloadResult}`;
  if (active !== 'inactive') return undefined;
  // Forgotten: where it had failed, it would not be.
  if (checkedAt === 0 && !state.isWanted) return undefined;
  // A start checks the conditions of a unit first; one that was given up has not come to it.
  if (checkedAt < startedSince) {
    return 'its start was given up: a unit that it requires has failed, or ended';
  }
  // What was to be done and then ended well has begun; what its conditions skip is as it should be.
  if (!state.conditionsHeld || begunAt >= startedSince) return undefined;
  return state.assertsHeld
    ? 'its start was refused: the journal says why'
    : 'what it asserts does not hold';
}
