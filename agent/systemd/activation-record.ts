import * as v from 'valibot';
import type { Folder } from '../tree/folder.ts';
import { withLock } from '../tree/lock.ts';
import { HexDigest, readState, writeState } from '../tree/state-file.ts';
import { lookIntoState, withState } from '../tree/state-place.ts';

const FILE = 'activation.json';

const RecordFile = v.strictObject({
  coatcheck: v.literal('activation/1'),
  pending: v.record(v.string(), HexDigest),
  done: v.nullable(HexDigest),
  units: v.record(v.string(), v.string()),
  localtime: v.exactOptional(v.nullable(v.string())),
  links: v.exactOptional(v.record(v.string(), v.nullable(v.string()))),
  shown: v.exactOptional(
    v.strictObject({ statement: HexDigest, settings: v.record(v.string(), v.string()) }),
  ),
});

/** How far a root's configuration took effect (docs/adr/0116). */
export interface ActivationRecord {
  /**
   * The paths that changed, each with the statement that changed it, and that no unit has heard of
   * yet. Written before the first of them is replaced: an agent that is killed between applying and
   * activating finds them here.
   */
  readonly pending: Readonly<Record<string, string>>;
  /** The statement whose units are enabled, disabled and masked; hex */
  readonly done: string | null;
  /**
   * What each unit was before a bundle said what it shall be, as `systemctl is-enabled` says it, and
   * whether it ran: `disabled`, `static running`, ...
   */
  readonly units: Readonly<Record<string, string>>;
  /** Target of /etc/localtime before a bundle named a time zone; null where there was none. */
  readonly localtime?: string | null;
  /** Target of each link of units before a bundle named it, by path; null where there was none. */
  readonly links?: Readonly<Record<string, string | null>>;
  /** The settings that links showed when the configuration of a statement had taken effect, by name */
  readonly shown?: {
    readonly statement: string;
    readonly settings: Readonly<Record<string, string>>;
  };
}

const NOTHING: ActivationRecord = { pending: {}, done: null, units: {} };

/** @throws file_malformed */
export function readActivationRecord(root: Folder): ActivationRecord {
  return lookIntoState(root, readIn) ?? NOTHING;
}

function readIn(state: Folder): ActivationRecord {
  const found = readState(state, FILE, RecordFile);
  if (found === undefined) return NOTHING;
  const { coatcheck: _, ...record } = found;
  return record;
}

/** Reads it, changes it, and writes it durably if that made a difference, alone among processes. */
export function changeActivationRecord(
  root: Folder,
  change: (record: ActivationRecord) => ActivationRecord,
): void {
  withState(root, (state) => withLock(state, () => changeIn(state, change)));
}

function changeIn(state: Folder, change: (record: ActivationRecord) => ActivationRecord): void {
  const record = readIn(state);
  const changed = change(record);
  if (JSON.stringify(changed) === JSON.stringify(record)) return;
  writeState(state, FILE, { coatcheck: 'activation/1', ...changed });
}

/**
 * Notes that these paths are about to change. Whoever applies has the lock already.
 * @throws disk_full
 */
export function notePending(state: Folder, paths: readonly string[], statement: string): void {
  changeIn(state, ({ pending, ...rest }) => ({
    ...rest,
    pending: { ...pending, ...Object.fromEntries(paths.map((path) => [path, statement])) },
  }));
}
