import type { Metadata } from '../../bundle/manifest.ts';
import type { Folder } from '../tree/folder.ts';
import { targetIn } from '../tree/resolve.ts';
import { trying } from './failure.ts';
import type { Failure } from './failure.ts';
import { changeActivationRecord, readActivationRecord } from './activation-record.ts';
import type { ActivationRecord } from './activation-record.ts';
import { saidBy } from './systemctl.ts';
import { installLinks, ownFolder } from './unit-files.ts';
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
    await fulfil(root, systemctl, unit, wishFor(before), done, { mayStop: !before.endsWith(RAN) });
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
  const wishes = [...wishesOf(metadata)].sort(
    ([, a], [, b]) => ORDER.indexOf(a) - ORDER.indexOf(b),
  );
  const done: Done = { started: [], stopped: [], failed: [] };
  for (const [unit, wish] of wishes) await fulfil(root, systemctl, unit, wish, done);
  for (const [by, unit] of pulledIn(metadata, wishesOf(metadata))) {
    await startIfWanted(systemctl, by, unit, done);
  }
  return done;
}

/** What a unit gives up another may take: a name like `display-manager.service`. */
const ORDER: readonly Wish[] = ['disable', 'mask', 'enable'];

/** Where a bundle says two things of one unit the stricter one counts. */
function wishesOf({ enable = [], disable = [], mask = [] }: Metadata): ReadonlyMap<string, Wish> {
  return new Map<string, Wish>([
    ...enable.map((unit) => [unit, 'enable'] as const),
    ...disable.map((unit) => [unit, 'disable'] as const),
    ...mask.map((unit) => [unit, 'mask'] as const),
  ]);
}

/** The units of the machine that others pull in, each after what pulls it in. */
function pulledIn(
  { wants = [] }: Metadata,
  wishes: ReadonlyMap<string, Wish>,
): (readonly [by: string, unit: string])[] {
  return wants
    .filter((word) => !word.startsWith('user/'))
    .map((word) => word.split(/\.(?:wants|requires|upholds)\//) as [string, string])
    .filter(([, unit]) => !wishes.has(unit));
}

/** As the manager would have done, had the link been there when it started what pulls the unit in. */
async function startIfWanted(
  systemctl: Systemctl,
  by: string,
  unit: string,
  { started, failed }: Done,
): Promise<void> {
  const [puller, state] = [await stateOf(systemctl, by), await stateOf(systemctl, unit)];
  if (puller === undefined || state === undefined || isRunning(state) || state.hasJob) return;
  if (!isRunning(puller) && !puller.hasJob) return;
  const ran = await systemctl.ask('start', '--no-block', '--', unit);
  if (ran.status === 0) started.push(unit);
  else failed.push({ what: unit, why: saidBy(ran) });
}

/** What a record says of a unit that ran, enabled or not, before a bundle said anything. */
const RAN = ' running';

/** What a unit was, in the words of `systemctl is-enabled`, as a wish. */
function wishFor(before: string): Wish {
  if (before.startsWith('enabled')) return 'enable';
  return before.startsWith('masked') ? 'mask' : 'disable';
}

/**
 * Notes what units of a bundle were, before anything is changed: an agent that is killed in between must
 * not take its own for theirs.
 */
export async function rememberUnits(
  root: Folder,
  systemctl: Systemctl,
  metadata: Metadata,
): Promise<void> {
  const units = [...wishesOf(metadata).keys()];
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

/** Whether enabling it would make no link that is not there: each makes the manager read all its files. */
function isEnabled(root: Folder, unit: string): boolean {
  const made = installLinks(root, unit);
  const links = made && [...made.wants, ...made.aliases.keys()];
  return (
    links?.every((link) => targetIn(root, `${ownFolder('system')}/${link}`) !== undefined) === true
  );
}

async function fulfil(
  root: Folder,
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
  const isRight = wish === 'enable' && isEnabled(root, unit);
  if (wish !== 'mask' && !isRight) await why('unmask');
  const refused = isRight ? undefined : await why(wish);
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
