import type { Metadata } from '../../bundle/manifest.ts';
import type { Folder } from '../tree/folder.ts';
import { trying } from './failure.ts';
import type { Failure } from './failure.ts';
import { changeActivationRecord, readActivationRecord } from './activation-record.ts';
import type { ActivationRecord } from './activation-record.ts';
import { saidBy } from './systemctl.ts';
import type { Systemctl, UnitState } from './systemctl.ts';

/** What was done to units, and what could not be. */
export interface Enablement {
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  readonly failed: readonly Failure[];
}

type Wish = 'enable' | 'disable' | 'mask';

/**
 * Gives units that the bundle before said something of, and this one does not, back: they are what
 * they were. Before the manager reads changed units: a unit whose file is gone is stopped as that
 * file said.
 */
export async function releaseUnits(
  root: Folder,
  systemctl: Systemctl,
  metadata: Metadata,
): Promise<Enablement> {
  const wishes = wishesOf(metadata);
  const done: Done = { started: [], stopped: [], failed: [] };
  for (const [unit, before] of Object.entries(readActivationRecord(root).units)) {
    if (wishes.has(unit)) continue;
    await fulfil(systemctl, unit, wishFor(before), done, { mayStop: !before.endsWith(RAN) });
    changeActivationRecord(root, (record) => withUnits(record, without(record.units, unit)));
  }
  return done;
}

/**
 * Makes units start with the machine, or not, as a bundle says, and starts or stops them now where
 * a manager runs. A unit that is to be enabled and is not there is a failure; one that is not there
 * is disabled already. A start is only asked for: at boot it may have to wait for the agent's end.
 */
export async function claimUnits(
  root: Folder,
  systemctl: Systemctl,
  metadata: Metadata,
): Promise<Enablement> {
  const wishes = wishesOf(metadata);
  const done: Done = { started: [], stopped: [], failed: [] };
  await remember(root, systemctl, [...wishes.keys()]);
  for (const [unit, wish] of wishes) await fulfil(systemctl, unit, wish, done);
  return done;
}

/** Where a bundle says two things of one unit the stricter one counts. */
function wishesOf({ enable = [], disable = [], mask = [] }: Metadata): ReadonlyMap<string, Wish> {
  return new Map<string, Wish>([
    ...enable.map((unit) => [unit, 'enable'] as const),
    ...disable.map((unit) => [unit, 'disable'] as const),
    ...mask.map((unit) => [unit, 'mask'] as const),
  ]);
}

/** What a record says of a unit that ran, enabled or not, before a bundle said anything. */
const RAN = ' running';

/** What a unit was, in the words of `systemctl is-enabled`, as a wish. */
function wishFor(before: string): Wish {
  if (before.startsWith('enabled')) return 'enable';
  return before.startsWith('masked') ? 'mask' : 'disable';
}

/** Before anything is changed: an agent that is killed in between must not take its own for theirs. */
async function remember(
  root: Folder,
  systemctl: Systemctl,
  units: readonly string[],
): Promise<void> {
  const known = readActivationRecord(root).units;
  const found: Record<string, string> = {};
  for (const unit of units.filter((name) => !Object.hasOwn(known, name))) {
    const { stdout } = await systemctl.ask('is-enabled', '--', unit);
    const state = await stateOf(systemctl, unit);
    const ran = state !== undefined && isRunning(state) ? RAN : '';
    found[unit] = `${stdout.toString('utf8').trim() || 'absent'}${ran}`;
  }
  changeActivationRecord(root, (record) => withUnits(record, { ...found, ...record.units }));
}

const withUnits = (
  record: ActivationRecord,
  units: ActivationRecord['units'],
): ActivationRecord => ({ ...record, units });

const without = (units: ActivationRecord['units'], unit: string): ActivationRecord['units'] =>
  Object.fromEntries(Object.entries(units).filter(([name]) => name !== unit));

/** Undefined where no manager runs, or it has none: whatever else it is asked then says why. */
async function stateOf(systemctl: Systemctl, unit: string): Promise<UnitState | undefined> {
  const states = systemctl.isLive && (await trying([], unit, () => systemctl.show([unit])));
  return states ? states[0] : undefined;
}

const isRunning = ({ active }: UnitState): boolean => !['inactive', 'failed'].includes(active);

interface Done {
  readonly started: string[];
  readonly stopped: string[];
  readonly failed: Failure[];
}

async function fulfil(
  systemctl: Systemctl,
  unit: string,
  wish: Wish,
  { started, stopped, failed }: Done,
  { mayStop = true } = {},
): Promise<void> {
  const why = async (...args: string[]): Promise<string | undefined> => {
    const ran = await systemctl.ask(...args, '--', unit);
    return ran.status === 0 ? undefined : saidBy(ran);
  };
  const state = await stateOf(systemctl, unit);
  const runs = state !== undefined && isRunning(state);
  if (wish !== 'enable' && mayStop && (runs || state?.hasJob === true)) {
    const refused = await why('stop');
    if (refused === undefined) stopped.push(unit);
    else failed.push({ what: unit, why: refused });
  }
  if (wish !== 'mask') await why('unmask');
  const refused = await why(wish);
  // `systemctl disable` removes the links of a unit that is gone, and says that it is.
  const isGone = wish === 'disable' && /does not exist|not found|No such file/.test(refused ?? '');
  if (refused !== undefined && !isGone) {
    failed.push({ what: unit, why: refused });
  } else if (wish === 'enable' && systemctl.isLive && !runs) {
    const late = await why('start', '--no-block');
    if (late === undefined) started.push(unit);
    else failed.push({ what: unit, why: late });
  }
}
