import type { Metadata } from '../../bundle/manifest.ts';
import type { Folder } from '../tree/folder.ts';
import { changeRecord, readRecord } from './record.ts';
import type { ActivationRecord } from './record.ts';
import { saidBy } from './systemctl.ts';
import type { Systemctl } from './systemctl.ts';

/** What was done to units, and what could not be. */
export interface Enablement {
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  readonly failed: readonly Failure[];
}

/** Something that shall take effect and does not. */
export interface Failure {
  /** A unit, or `hostname`, `timezone`, `swap`, `network` */
  readonly what: string;
  /** A program's words: whoever prints them must escape them */
  readonly why: string;
}

type Wish = 'enable' | 'disable' | 'mask';

/**
 * Makes units start with the machine, or not, as a bundle says, and starts or stops them now where
 * a manager runs. What the bundle before said, and this one does not, goes back to what it was. A
 * unit that is to be enabled and is not there is a failure; one that is not there is disabled
 * already. A start is only asked for: at boot it may have to wait until the agent is done.
 */
export async function enableUnits(
  root: Folder,
  systemctl: Systemctl,
  { enable = [], disable = [], mask = [] }: Metadata,
): Promise<Enablement> {
  // The later word counts where a bundle says two things of one unit: the stricter one.
  const wishes = new Map<string, Wish>([
    ...enable.map((unit) => [unit, 'enable'] as const),
    ...disable.map((unit) => [unit, 'disable'] as const),
    ...mask.map((unit) => [unit, 'mask'] as const),
  ]);
  const dropped = Object.entries(readRecord(root).units).filter(([unit]) => !wishes.has(unit));
  const done: Done = { started: [], stopped: [], failed: [] };
  for (const [unit, before] of dropped) {
    await fulfil(systemctl, unit, wishFor(before), done);
    changeRecord(root, (record) => withUnits(record, without(record.units, unit)));
  }
  await remember(root, systemctl, [...wishes.keys()]);
  for (const [unit, wish] of wishes) await fulfil(systemctl, unit, wish, done);
  return done;
}

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
  const known = readRecord(root).units;
  const found: Record<string, string> = {};
  for (const unit of units.filter((name) => !Object.hasOwn(known, name))) {
    const { stdout } = await systemctl.ask('is-enabled', '--', unit);
    found[unit] = stdout.toString('utf8').trim() || 'absent';
  }
  changeRecord(root, (record) => withUnits(record, { ...found, ...record.units }));
}

const withUnits = (
  record: ActivationRecord,
  units: ActivationRecord['units'],
): ActivationRecord => ({ ...record, units });

const without = (units: ActivationRecord['units'], unit: string): ActivationRecord['units'] =>
  Object.fromEntries(Object.entries(units).filter(([name]) => name !== unit));

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
): Promise<void> {
  const quietly = async (...args: string[]): Promise<string | undefined> => {
    const ran = await systemctl.ask(...args, '--', unit);
    return ran.status === 0 ? undefined : saidBy(ran);
  };
  if (wish !== 'mask') await quietly('unmask');
  const why = await quietly(wish);
  // `systemctl disable` removes the links of a unit that is gone, and says that it is.
  const isGone = wish === 'disable' && /does not exist|not found|No such file/.test(why ?? '');
  if (why !== undefined && !isGone) {
    failed.push({ what: unit, why });
    return;
  }
  if (!systemctl.isLive) return;
  const [state] = await systemctl.show([unit]);
  const runs = state !== undefined && !['inactive', 'failed'].includes(state.active);
  if (wish === 'enable' && !runs) {
    const refused = await quietly('start', '--no-block');
    if (refused === undefined) started.push(unit);
    else failed.push({ what: unit, why: refused });
  } else if (wish !== 'enable' && (runs || state?.hasJob === true)) {
    const refused = await quietly('stop');
    if (refused === undefined) stopped.push(unit);
    else failed.push({ what: unit, why: refused });
  }
}
