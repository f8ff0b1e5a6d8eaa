import * as v from 'valibot';
import { commitIn } from '../tree/files.ts';
import type { Folder } from '../tree/folder.ts';
import { Count, HexDigest, readState, stageState } from '../tree/state-file.ts';
import { lookIntoState } from '../tree/state-place.ts';

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
  /** What could not be replaced, and stayed as it was */
  left: v.array(v.strictObject({ path: v.string(), why: v.string() })),
  /** The image that the bundle was made on, as the bundle names it */
  image: v.exactOptional(
    v.strictObject({ version: v.exactOptional(v.string()), baseline: v.exactOptional(HexDigest) }),
  ),
  /** What the bundle leaves to the image, by path: the first 8 digits of its digest there */
  ofImage: v.exactOptional(v.record(v.string(), v.string())),
});

/** What was applied to a root: written last, so that its presence says "all of it", but for what was left. */
export type Marker = Omit<v.InferOutput<typeof MarkerFile>, 'coatcheck'>;

/** @throws file_malformed */
export function readMarker(root: Folder): Marker | undefined {
  return lookIntoState(root, (state) => readState(state, FILE, MarkerFile));
}

/** Writes the marker beside its place: a full disk shows now, before anything is replaced. */
export function stageMarker(state: Folder, marker: Marker): void {
  stageState(state, FILE, { coatcheck: 'applied/1', ...marker });
}

/** Puts the staged marker in place: all is applied. @throws file_denied */
export function commitMarker(state: Folder): void {
  commitIn(state, FILE);
}
