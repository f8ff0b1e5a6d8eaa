import * as v from 'valibot';
import { fromUtf8, utf8 } from '../../bundle/bytes.ts';
import { fail } from '../../protocol/errors.ts';
import { commitIn, readIn, stageIn, statIn } from './files.ts';
import type { Folder } from './folder.ts';

const MAX_STATE_BYTES = 4 * 1024 * 1024;

/**
 * Reads one of the agent's own JSON files.
 * @returns undefined only if there is none
 * @throws file_malformed if it is not what `schema` says: never taken for a missing one
 */
export function readState<T>(
  folder: Folder,
  name: string,
  schema: v.GenericSchema<unknown, T>,
): T | undefined {
  if (statIn(folder, name) === undefined) return undefined;
  const { content } = readIn(folder, name, MAX_STATE_BYTES);
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(content));
  } catch {
    value = undefined;
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  throw fail(
    'file_malformed',
    `${folder.path}/${name} is damaged; restore it, or remove it if you accept what it guards`,
  );
}

/** Writes the file beside its place, mode 0600; `commitIn` puts it there. */
export function stageState(folder: Folder, name: string, value: unknown): void {
  stageIn(folder, name, utf8(`${JSON.stringify(value, null, 1)}\n`), { mode: 0o600 });
}

/** Replaces the file in one step: after a crash it is the old one or the new one. */
export function writeState(folder: Folder, name: string, value: unknown): void {
  stageState(folder, name, value);
  commitIn(folder, name);
}

/** Lower-case hex of a SHA-256. */
export const HexDigest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
/** A whole number from 0 to 2^53 - 1. */
export const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
