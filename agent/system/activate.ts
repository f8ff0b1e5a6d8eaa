import type { Manifest } from '../../bundle/manifest.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import type { Folder } from '../tree/folder.ts';
import { closeFolder, openRoot } from '../tree/folder.ts';
import { errnoOf } from '../tree/system-error.ts';
import { claimUnits, releaseUnits } from './enablement.ts';
import type { Enablement, Failure } from './enablement.ts';
import { hostnameOf, setHostname } from './hostname.ts';
import { changeRecord, readRecord } from './record.ts';
import type { ActivationRecord } from './record.ts';
import { readRestartMap, RESTART_MAP } from './restart-map.ts';
import type { RestartMap, Verb } from './restart-map.ts';
import { restartsFor } from './restarts.ts';
import { setSwap } from './swap.ts';
import { createSystemctl, saidBy } from './systemctl.ts';
import type { Systemctl, UnitState } from './systemctl.ts';
import { setTimezone } from './timezone.ts';

export type { Failure } from './enablement.ts';

/** What took effect, and what did not. Units of systemd each. */
export interface Activation {
  readonly reloaded: readonly string[];
  readonly restarted: readonly string[];
  /** Asked to start: {@link settle} says what became of them. */
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  readonly failed: readonly Failure[];
}

export interface ActivateInput {
  readonly rootPath: string;
  /** The bundle whose files are in place */
  readonly manifest: Pick<Manifest, 'files' | 'metadata'>;
  /** Digest of the statement that ordered it, hex */
  readonly statement: string;
  /** Asked once the network was restarted, again and again for a minute; rejects if nobody answers. */
  readonly stillAnswers?: (() => Promise<unknown>) | undefined;
}

/**
 * Makes what was applied take effect (docs/node.md): the manager reads changed units, units are
 * enabled, disabled and masked, the host name and the time zone set, units whose files changed
 * reloaded or restarted, swap made, and the network told last, since the connection hangs on it.
 * What fails is in the answer, and the rest is done all the same. Below another root than `/`, or
 * where no systemd runs, only links are made.
 *
 * What is still to be done is kept below the root until it is: killed at any point and run again,
 * the result is the same; no unit whose file changed is forgotten (docs/adr/0116).
 *
 * @throws file_malformed where the agent's own record is damaged, file_denied, disk_full
 */
export async function activate(input: ActivateInput): Promise<Activation> {
  const root = openRoot(input.rootPath);
  try {
    return await activateIn(root, input);
  } finally {
    closeFolder(root);
  }
}

/** What {@link activateIn} adds to as it goes. */
type Doing = { readonly [K in keyof Activation]: Activation[K][number][] };

async function activateIn(root: Folder, input: ActivateInput): Promise<Activation> {
  const { manifest, statement } = input;
  const { metadata } = manifest;
  const record = readRecord(root);
  const systemctl = createSystemctl(input.rootPath);
  const doing: Doing = { reloaded: [], restarted: [], started: [], stopped: [], failed: [] };
  const trying = async (what: string, act: () => unknown): Promise<void> => {
    try {
      await act();
    } catch (error) {
      // What the kernel refuses, too: the rest is done all the same. A bug is thrown.
      const isOurs = error instanceof CoatcheckError || errnoOf(error) !== undefined;
      if (!isOurs) throw error;
      doing.failed.push({ what, why: (error as Error).message });
    }
  };

  let map: RestartMap = { reload: {}, restart: {} };
  await trying(RESTART_MAP, () => (map = readRestartMap(root)));
  const restarts = restartsFor(Object.keys(record.pending), metadata.restart ?? {}, map);
  const isNew = record.done !== statement;
  if (isNew) add(doing, await releaseUnits(root, systemctl, metadata));
  if (systemctl.isLive && restarts.daemonReload) {
    const ran = await systemctl.ask('daemon-reload');
    if (ran.status !== 0) doing.failed.push({ what: 'daemon-reload', why: saidBy(ran) });
  }
  if (isNew) add(doing, await claimUnits(root, systemctl, metadata));
  if (systemctl.isLive) {
    await trying('hostname', () => {
      const hostname = hostnameOf(manifest);
      if (hostname !== undefined) setHostname(hostname);
    });
  }
  await trying('timezone', () => setTimezone(root, metadata.timezone));
  await tellUnits(systemctl, restarts, doing);
  if (systemctl.isLive) await trying('swap', () => setSwap(metadata.swap ?? 'none'));
  if (await tellUnits(systemctl, restarts.network, doing)) {
    await trying('network', () => waitForAnswer(input.stillAnswers));
  }
  changeRecord(root, (now) => finished(now, record, statement));
  return doing;
}

function add(doing: Doing, { started, stopped, failed }: Enablement): void {
  doing.started.push(...started);
  doing.stopped.push(...stopped);
  doing.failed.push(...failed);
}

/** What changed while this went on is still to be done. */
function finished(
  now: ActivationRecord,
  { pending: told }: ActivationRecord,
  statement: string,
): ActivationRecord {
  const pending = Object.entries(now.pending).filter(([path, by]) => told[path] !== by);
  return { ...now, pending: Object.fromEntries(pending), done: statement };
}

/** @returns whether there was anything to tell */
async function tellUnits(
  systemctl: Systemctl,
  units: Readonly<Record<Verb, readonly string[]>>,
  doing: Doing,
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
  await Promise.all(
    [...verbs].map(async ([unit, verb]) => {
      const ran = await systemctl.ask(verb, '--', unit);
      if (ran.status !== 0) doing.failed.push({ what: unit, why: saidBy(ran) });
      else doing[DONE[verb]].push(unit);
    }),
  );
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

/** How long a network may take to come back. */
const ANSWER_SECONDS = 60;

/** @throws what the last try threw */
export async function waitForAnswer(
  ask: ActivateInput['stillAnswers'],
  limitSeconds = ANSWER_SECONDS,
): Promise<void> {
  const end = performance.now() + limitSeconds * 1000;
  for (;;) {
    try {
      await ask?.();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await pause(1000);
  }
}

/** How long a unit that was asked to start may take before a boot goes on without it. */
const SETTLE_SECONDS = 90;

/**
 * Waits until the units that were told something have done it, for a minute and a half, and adds
 * those that failed.
 */
export async function settle(rootPath: string, activation: Activation): Promise<Activation> {
  const systemctl = createSystemctl(rootPath);
  const { reloaded, restarted, started, failed } = activation;
  const known = new Set(failed.map(({ what }) => what));
  const units = [...reloaded, ...restarted, ...started].filter((unit) => !known.has(unit));
  if (!systemctl.isLive || units.length === 0) return activation;
  const end = performance.now() + SETTLE_SECONDS * 1000;
  for (;;) {
    const states = await systemctl.show(units);
    if (states.every(isSettled) || performance.now() > end) {
      return { ...activation, failed: [...failed, ...states.flatMap(failureOf)] };
    }
    await pause(250);
  }
}

const isSettled = ({ hasJob }: UnitState): boolean => !hasJob;

function failureOf({ unit, active, sub, result, hasJob }: UnitState): Failure[] {
  if (active === 'failed') return [{ what: unit, why: `it failed: ${result}` }];
  if (sub === 'auto-restart')
    return [{ what: unit, why: `it ends and is started anew: ${result}` }];
  if (hasJob) return [{ what: unit, why: `it is not done after ${SETTLE_SECONDS} s` }];
  return [];
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
