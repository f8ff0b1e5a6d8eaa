import { setTimeout as sleep } from 'node:timers/promises';
import type { Manifest } from '../../bundle/manifest.ts';
import type { Folder } from '../tree/folder.ts';
import { closeFolder, isOwnRoot, openRoot } from '../tree/folder.ts';
import { claimUnits, releaseUnits, rememberUnits } from './enablement.ts';
import type { Enablement } from './enablement.ts';
import { trying } from './failure.ts';
import type { Failure } from './failure.ts';
import { hostnameOf, setHostname } from './hostname.ts';
import { NETWORK_MANAGER, takeUpProfiles } from './network-profiles.ts';
import { changeActivationRecord, readActivationRecord } from './activation-record.ts';
import type { ActivationRecord } from './activation-record.ts';
import type { RestartMap } from './restart-map.ts';
import { readRestartMap, RESTART_MAP } from './restart-map.ts';
import { restartsFor } from './restarts.ts';
import { settle } from './settle.ts';
import type { Activation } from './settle.ts';
import { setSwap } from './swap.ts';
import { createSystemctl, saidBy } from './systemctl.ts';
import { tellUnits } from './tell-units.ts';
import { setTimezone } from './timezone.ts';
import { setUnitLinks } from './unit-links.ts';

/** A bundle whose files are in place. */
export interface ActivateInput {
  readonly rootPath: string;
  /** The bundle whose files are in place */
  readonly manifest: Pick<Manifest, 'files' | 'metadata'>;
  /** Digest of the statement that ordered it, hex */
  readonly statement: string;
  /** Whether somebody decided it who is not this machine */
  readonly byAdministrator?: boolean;
  /** Asked once the network was restarted, again and again for a minute; rejects if nobody answers. */
  readonly stillAnswers?: (() => Promise<unknown>) | undefined;
}

/** Waits until the units have done what they were told, and says what took effect. */
export type Settle = () => Promise<Activation>;

/** What was done of a configuration before the agent's own unit has started, and how to wait for the rest. */
export interface Activated {
  /** What failed already */
  readonly failed: readonly Failure[];
  readonly settle: Settle;
}

/**
 * Makes what was applied take effect (docs/node.md): the manager reads changed units, units are
 * enabled, disabled and masked, the host name and the time zone set, units whose files changed
 * reloaded or restarted, swap made, and the network told last, since the connection hangs on it.
 * What fails is in the answer, and the rest is done all the same. Below another root than `/`
 * only links are made; where no systemd runs, these and the host name.
 *
 * What could be done before the agent's own unit has started is done then; what is ordered after it
 * has its turn once the service manager is told so (docs/adr/0125), which is the time to settle.
 *
 * What is still to be done is kept below the root until it is: killed at any point and run again,
 * the result is the same; no unit whose file changed is forgotten (docs/adr/0116).
 *
 * @throws file_malformed where the agent's own record is damaged, file_denied, disk_full
 */
export async function activate(input: ActivateInput): Promise<Activated> {
  const root = openRoot(input.rootPath);
  try {
    return await activateIn(root, input);
  } finally {
    closeFolder(root);
  }
}

/** networkd's reload needs a bus, which not every image has. */
const NETWORK = { orRestart: true };
const NO_MAP: RestartMap = { reload: {}, restart: {} };

/** What {@link activateIn} adds to as it goes. */
type Doing = { readonly [K in keyof Activation]: Activation[K][number][] };

async function activateIn(root: Folder, input: ActivateInput): Promise<Activated> {
  const { manifest, statement } = input;
  const { metadata } = manifest;
  const record = readActivationRecord(root);
  const systemctl = createSystemctl(input.rootPath);
  const since = Number(process.hrtime.bigint() / 1000n);
  const doing: Doing = {
    ...{ reloaded: [], restarted: [], started: [], stopped: [], waiting: [], failed: [] },
  };
  const { failed } = doing;

  const map = (await trying(failed, RESTART_MAP, () => readRestartMap(root))) ?? NO_MAP;
  const restarts = restartsFor(Object.keys(record.pending), metadata.restart ?? {}, map);
  const isNew = record.done !== statement;
  let isReloadDue = restarts.daemonReload;
  if (isNew) {
    add(doing, await releaseUnits(root, systemctl, metadata));
    await rememberUnits(root, systemctl, metadata);
    const links = await setUnitLinks(root, metadata);
    failed.push(...links.failed);
    isReloadDue ||= links.isChanged;
  }
  if (systemctl.isLive && isReloadDue) {
    const ran = await systemctl.ask('daemon-reload');
    if (ran.status !== 0) failed.push({ what: 'daemon-reload', why: saidBy(ran) });
  }
  if (isNew) add(doing, await claimUnits(root, systemctl, metadata));
  if (isOwnRoot(input.rootPath)) {
    await trying(failed, 'hostname', () => {
      const hostname = hostnameOf(manifest);
      if (hostname !== undefined) setHostname(hostname);
    });
  }
  await trying(failed, 'timezone', () => setTimezone(root, metadata.timezone));
  await trying(failed, 'units', () => tellUnits(systemctl, restarts, doing));
  const { swap = 'none' } = metadata;
  if (systemctl.isLive) await trying(failed, 'swap', () => setSwap(swap));
  else if (swap !== 'none' && isOwnRoot(input.rootPath)) {
    failed.push({ what: 'swap', why: 'there is no systemd here that would make it' });
  }
  await trying(failed, 'network', async () => {
    const paths = manifest.files.map(({ path }) => path);
    const isTold = await tellUnits(systemctl, restarts.network, doing, NETWORK);
    if (doing.restarted.includes(NETWORK_MANAGER)) await takeUpProfiles(paths);
    if (isTold) await waitForAnswer(input.stillAnswers);
  });
  changeActivationRecord(root, (now) => finished(now, record, statement));
  return { failed: [...failed], settle: () => settle(systemctl, doing, since) };
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
    await sleep(1000);
  }
}
