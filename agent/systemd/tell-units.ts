import type { Failure } from './failure.ts';
import { untilDone } from './settle.ts';
import { JOB_SECONDS, saidBy } from './systemctl.ts';
import type { Verb } from './restart-map.ts';
import type { Systemctl, UnitState } from './systemctl.ts';

/** What {@link tellUnits} adds to. */
export interface Told {
  readonly reloaded: string[];
  readonly restarted: string[];
  readonly stopped: string[];
  readonly failed: Failure[];
}

/**
 * Reloads or restarts those of some units that run, and waits until they have done it, each within
 * its time. What became of them is in their states afterwards, but for those that could not even be
 * told, or are late: they have failed.
 *
 * @param options.orRestart what could not be reloaded is restarted
 * @returns whether there was anything to tell
 */
export async function tellUnits(
  systemctl: Systemctl,
  units: Readonly<Record<Verb, readonly string[]>>,
  told: Told,
  { orRestart = false }: { readonly orRestart?: boolean } = {},
): Promise<boolean> {
  if (!systemctl.isLive) return false;
  const toRestart = (await systemctl.show(units.restart)).filter(isAffected);
  const toReload = (await systemctl.show(units.reload))
    .filter(isAffected)
    .filter(({ unit }) => !toRestart.some((other) => other.unit === unit));
  // Two names of one unit are one unit here.
  const verbs = new Map([
    ...toReload.map((state) => [state.unit, reloadVerb(state)] as const),
    ...toRestart.map((state) => [state.unit, restartVerb(state)] as const),
  ]);
  // One after another: a unit that is ordered after another must not have its turn before that one was told.
  for (const [unit, verb] of verbs) {
    // A unit that is ordered after the agent has its turn when the agent is done: asked for only.
    const now = verb === 'stop' ? [] : ['--no-block'];
    const ran = await systemctl.ask(...now, verb, '--', unit);
    if (ran.status !== 0) told.failed.push({ what: unit, why: saidBy(ran) });
    else told[DONE[verb]].push(unit);
  }
  const { late, states } = await untilDone(systemctl, [...verbs.keys()], JOB_SECONDS);
  told.failed.push(...late);
  const deaf = states
    .filter(({ unit, reloadResult }) => told.reloaded.includes(unit) && reloadResult !== 'success')
    .map(({ unit }) => unit);
  if (orRestart && deaf.length > 0) {
    for (const unit of deaf) told.reloaded.splice(told.reloaded.indexOf(unit), 1);
    await tellUnits(systemctl, { reload: [], restart: deaf }, told);
  }
  return verbs.size > 0;
}

/** What runs, or tried to with the files that were there before. */
const isAffected = ({ active }: UnitState): boolean =>
  !['inactive', 'deactivating', ''].includes(active);

const DONE = {
  reload: 'reloaded',
  restart: 'restarted',
  'try-restart': 'restarted',
  stop: 'stopped',
} as const;

/** A unit whose file is gone can only be stopped. */
function restartVerb({ active, load }: UnitState): keyof typeof DONE {
  if (load === 'not-found') return 'stop';
  return active === 'failed' ? 'restart' : 'try-restart';
}

const reloadVerb = (state: UnitState): keyof typeof DONE =>
  state.canReload && state.active === 'active' ? 'reload' : restartVerb(state);
