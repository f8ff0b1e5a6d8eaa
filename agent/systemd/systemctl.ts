import * as fs from 'node:fs';
import { fail } from '../../protocol/errors.ts';
import { isOwnRoot } from '../tree/folder.ts';
import { run } from '../programs/run.ts';
import type { Ran } from '../programs/run.ts';

/** What a program of the image said on its standard error, as one line for people. */
export function saidBy({ status, stderr }: Ran): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const said = lines.filter((line) => line !== '').join('; ');
  return said === '' ? `exit status ${status}` : said.slice(0, 300);
}

/** What the manager knows of a unit (`systemctl show`, org.freedesktop.systemd1(5)). */
export interface UnitState {
  readonly unit: string;
  /** `loaded`, `not-found`, `masked`, ... */
  readonly load: string;
  /** `active`, `inactive`, `failed`, `activating`, ... */
  readonly active: string;
  readonly sub: string;
  /** `success`, or how it ended */
  readonly result: string;
  readonly canReload: boolean;
  /** `success`, or how its last reload ended */
  readonly reloadResult: string;
  /** When its last start began, in microseconds of CLOCK_MONOTONIC: its conditions are checked then. */
  readonly checkedAt: number;
  /** When it last began to be anything but inactive or failed, on the same clock */
  readonly begunAt: number;
  /** Whether its conditions, and what it asserts, held at its last start (systemd.unit(5)). */
  readonly conditionsHeld: boolean;
  readonly assertsHeld: boolean;
  /** Another loaded unit pulls it in: systemd may forget one that is not, and ended. */
  readonly isWanted: boolean;
  /** It waits to be started or stopped, or is being so. */
  readonly hasJob: boolean;
}

const PULLED_IN_BY = ['WantedBy', 'RequiredBy', 'BoundBy', 'TriggeredBy'];
const PROPERTIES = [
  ...['Id', 'LoadState', 'ActiveState', 'SubState', 'Result', 'Job'],
  ...[
    'CanReload',
    'ReloadResult',
    'ConditionTimestampMonotonic',
    'InactiveExitTimestampMonotonic',
    'ConditionResult',
    'AssertResult',
    ...PULLED_IN_BY,
  ],
];
/** A unit that stops takes up to 90 s (DefaultTimeoutStopSec) before systemd kills it. */
export const JOB_SECONDS = 120;

/** `systemctl` on the running machine, or on the files of another root. */
export interface Systemctl {
  /** Whether there is a manager that runs, so that units can be started and stopped. */
  readonly isLive: boolean;
  /** `systemctl <args>`: in another root as `systemctl --root`. */
  ask(...args: string[]): Promise<Ran>;
  /**
   * Of loaded units; a pattern gives those that match. Only where `isLive`.
   * @throws step_failed: then nothing is known of any of them
   */
  show(units: readonly string[]): Promise<readonly UnitState[]>;
}

/** A manager runs where it made this folder: sd_booted(3). It manages `/` and nothing else. */
export function createSystemctl(rootPath: string): Systemctl {
  const isLive = isOwnRoot(rootPath) && fs.existsSync('/run/systemd/system');
  const where = isLive ? ['--no-ask-password'] : [`--root=${rootPath}`];
  const ask = (...args: string[]): Promise<Ran> =>
    run('systemctl', [...where, ...args], { timeoutSeconds: JOB_SECONDS });
  return {
    isLive,
    ask,
    async show(units) {
      if (units.length === 0) return [];
      const ran = await ask('show', `--property=${PROPERTIES.join(',')}`, '--', ...units);
      if (ran.status !== 0) throw fail('step_failed', `systemctl show: ${saidBy(ran)}`);
      return ran.stdout.toString('utf8').trim().split('\n\n').filter(Boolean).map(readState);
    },
  };
}

function readState(block: string): UnitState {
  const values = new Map(
    block.split('\n').map((line) => {
      const end = line.indexOf('=');
      return [line.slice(0, end), line.slice(end + 1)] as const;
    }),
  );
  const of = (name: string): string => values.get(name) ?? '';
  return {
    unit: of('Id'),
    load: of('LoadState'),
    active: of('ActiveState'),
    sub: of('SubState'),
    result: of('Result'),
    canReload: of('CanReload') === 'yes',
    reloadResult: of('ReloadResult') || 'success',
    checkedAt: Number(of('ConditionTimestampMonotonic')),
    begunAt: Number(of('InactiveExitTimestampMonotonic')),
    conditionsHeld: of('ConditionResult') === 'yes',
    assertsHeld: of('AssertResult') === 'yes',
    isWanted: PULLED_IN_BY.some((property) => of(property) !== ''),
    hasJob: !['', '0'].includes(of('Job')),
  };
}
