import * as v from 'valibot';
import { utf8 } from '../../bundle/bytes.ts';
import { fail } from '../../protocol/errors.ts';
import type { MirrorFolder } from './folder.ts';

/** What a mirror remembers of its last run: mode 0600, so that no web server tells who there is. */
export const STATE = '.coatcheck-mirror';

const CopiedSchema = v.strictObject({
  /** Of the object, as the store's listing named it */
  version: v.exactOptional(v.string()),
  /** Of the file, hex */
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** When a machine takes it no more: unix seconds; `nothing` where it puts nothing in force */
  ends: v.union([v.pipe(v.number(), v.safeInteger()), v.literal('never'), v.literal('nothing')]),
});
/** One object as it was copied. */
export type Copied = v.InferOutput<typeof CopiedSchema>;

const State = v.strictObject({
  coatcheck: v.literal('mirror-state/1'),
  /** 32 hex digits */
  site: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  seen: v.record(v.string(), CopiedSchema),
});
/** What a mirror remembers. */
export type MirrorState = Omit<v.InferOutput<typeof State>, 'coatcheck'>;

/**
 * Undefined where nothing is remembered yet.
 * @throws file_malformed; what reading a file throws
 */
export async function readState(folder: MirrorFolder): Promise<MirrorState | undefined> {
  const bytes = await folder.readOwn(STATE);
  if (bytes === undefined) return undefined;
  try {
    return v.parse(State, JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    const said = `${STATE} in ${folder.path} is not what coatcheck mirror writes: remove it and approved/, and run this again`;
    throw fail('file_malformed', said, { cause });
  }
}

/** As it lies in the folder: JSON. */
export const stateBytes = ({ site, seen }: MirrorState): Uint8Array =>
  utf8(`${JSON.stringify({ coatcheck: 'mirror-state/1', site, seen })}\n`);
