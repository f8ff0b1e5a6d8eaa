import * as fs from 'node:fs';
import * as v from 'valibot';
import { Count, HexDigest, readState, stageState } from './state-file.ts';
import { commitIn, inFolder } from './walk.ts';
import type { Folder } from './walk.ts';

/**
 * Where the agent keeps what it did to a root, below that root: with it, it comes and goes. The
 * memory against rollback is elsewhere on purpose, since it shall outlive the root (`--state`).
 */
export const STATE_PATH = 'var/lib/coatcheck';
const FILE = 'applied.json';

const MarkerFile = v.strictObject({
  coatcheck: v.literal('applied/1'),
  site: v.string(),
  node: v.string(),
  /** Digest of the statement, hex */
  statement: HexDigest,
  seq: Count,
  /** Unix seconds */
  appliedAt: Count,
  files: v.record(
    v.string(),
    v.strictObject({ sha256: HexDigest, mode: Count, uid: Count, gid: Count }),
  ),
});

/** What was applied to a root: written last, so that its presence says "all of it". */
export type Marker = Omit<v.InferOutput<typeof MarkerFile>, 'coatcheck'>;

/** Runs `act` in the agent's folder, which is made if it is missing and closed to others. */
export function withState<T>(root: Folder, act: (state: Folder) => T): T {
  return inFolder(
    root,
    STATE_PATH,
    (state) => {
      fs.fchmodSync(state.fd, 0o700);
      return act(state);
    },
    { make: 0o755 },
  ) as T;
}

/** @throws file_malformed */
export function readMarker(root: Folder): Marker | undefined {
  return inFolder(root, STATE_PATH, (state) => readState(state, FILE, MarkerFile));
}

/** Writes the marker beside its place: a full disk shows now, before anything is replaced. */
export function stageMarker(state: Folder, marker: Marker): void {
  stageState(state, FILE, { coatcheck: 'applied/1', ...marker });
}

export function commitMarker(state: Folder): void {
  commitIn(state, FILE);
}
