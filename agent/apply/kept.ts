import * as v from 'valibot';
import { sha256 } from '#platform';
import { toHex } from '../../bundle/bytes.ts';
import { fail } from '../../protocol/errors.ts';
import { commitIn, listIn, readIn, removeIn, stageIn, statIn } from '../tree/files.ts';
import { inFolder } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import { MAX_FILE_BYTES } from '../tree/item.ts';
import type { Item } from '../tree/item.ts';
import type { Originals } from './merge.ts';
import { Count, HexDigest, readState, writeState } from '../tree/state-file.ts';

/**
 * The machine's own version of every file that the bundle in force replaces, so that it can go back
 * when an update drops the file. Kept before anything is replaced, and forgotten only when the
 * file is the machine's own again: a run that was killed in between finds it unchanged.
 */
export interface Kept {
  readonly files: Readonly<Record<string, KeptFile>>;
  readonly originals: Originals;
}

const KeptFile = v.variant('kind', [
  v.strictObject({ kind: v.literal('absent') }),
  v.strictObject({ kind: v.literal('link'), target: v.string() }),
  v.strictObject({
    kind: v.literal('file'),
    sha256: HexDigest,
    mode: Count,
    uid: Count,
    gid: Count,
  }),
]);
type KeptFile = v.InferOutput<typeof KeptFile>;

const FILE = 'kept.json';
const CONTENTS = 'kept';
/** Any name may be an account's: `v.record` leaves out `constructor` and its like. */
const Lines = v.custom<Readonly<Record<string, string | null>>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((line) => line === null || typeof line === 'string'),
);
const KeptState = v.strictObject({
  coatcheck: v.literal('kept/1'),
  files: v.record(v.string(), KeptFile),
  originals: v.strictObject({
    'etc/passwd': v.exactOptional(Lines),
    'etc/shadow': v.exactOptional(Lines),
    'etc/group': v.exactOptional(Lines),
    'etc/gshadow': v.exactOptional(Lines),
  }),
});

/** Of a machine to which nothing was ever applied. */
export const NOTHING_KEPT: Kept = { files: {}, originals: {} };

/** @param state the agent's folder below the root (`withState`) */
export function readKept(state: Folder): Kept {
  return readState(state, FILE, KeptState) ?? NOTHING_KEPT;
}

/** Durably. @throws disk_full */
export function writeKept(state: Folder, { files, originals }: Kept): void {
  writeState(state, FILE, { coatcheck: 'kept/1', files, originals });
}

/** Removes the contents that `kept` does not name. */
export function sweepContents(state: Folder, kept: Kept): void {
  const named = new Set(
    Object.values(kept.files).map((file) => (file.kind === 'file' ? file.sha256 : undefined)),
  );
  inFolder(state, CONTENTS, (folder) => {
    for (const name of listIn(folder)) {
      if (!named.has(name)) removeIn(folder, name);
    }
  });
}

/** Keeps an item aside, durably; the content once, under its own digest. */
export function keep(state: Folder, item: Item): KeptFile {
  if (item.kind !== 'file') return item;
  const { mode, uid, gid, content } = item;
  const digest = toHex(sha256(content));
  inFolder(
    state,
    CONTENTS,
    (folder) => {
      if (statIn(folder, digest) !== undefined) return;
      stageIn(folder, digest, content, { mode: 0o600 });
      commitIn(folder, digest);
    },
    { make: 0o700 },
  );
  return { kind: 'file', sha256: digest, mode, uid, gid };
}

/** The item that was kept. @throws file_malformed if its content is not what was kept */
export function keptItem(state: Folder, kept: KeptFile): Item {
  if (kept.kind !== 'file') return kept;
  const { sha256: digest, mode, uid, gid } = kept;
  const content = inFolder(
    state,
    CONTENTS,
    (folder) => readIn(folder, digest, MAX_FILE_BYTES).content,
  );
  if (content === undefined || toHex(sha256(content)) !== digest) {
    throw fail('file_malformed', `${state.path}/${CONTENTS}/${digest} is damaged or missing`);
  }
  return { kind: 'file', content, mode, uid, gid };
}
