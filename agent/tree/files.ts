import * as fs from 'node:fs';
import { now } from '../../files/calls.ts';
import { errnoOf, naming, treeError } from '../../files/errors.ts';
import { reading } from '../../files/read.ts';
import type { ReadFile } from '../../files/read.ts';
import { making } from '../../files/write.ts';
import type { Attributes } from '../../files/write.ts';
import { decodeBytes } from '../../protocol/escape.ts';
import { at, below, syncFolder } from './folder.ts';
import type { Folder } from './folder.ts';

/** What is at `name`, itself and not what it may point to; undefined if nothing is. */
export function statIn(folder: Folder, name: string): fs.Stats | undefined {
  return naming(below(folder, name), () =>
    fs.lstatSync(at(folder, name), { throwIfNoEntry: false }),
  );
}

/** The names in a folder, sorted; one that is not UTF-8 as `decodeBytes` has it. @throws file_denied */
export function listIn(folder: Folder): string[] {
  const names = naming(folder.path, () =>
    fs.readdirSync(`/proc/self/fd/${folder.fd}`, { encoding: 'buffer' }),
  );
  return names.map(decodeBytes).sort();
}

/**
 * Reads the regular file `name` of `folder`; never follows a link, never waits for a FIFO.
 * @throws file_missing, file_denied; path_refused if it is not a regular file; too_large
 */
export function readIn(folder: Folder, name: string, maxBytes: number): ReadFile {
  return naming(below(folder, name), () =>
    now(reading(at(folder, name), { maxBytes, noLink: true })),
  );
}

/**
 * A regular file that the operator or the system named, links followed; never waits for a FIFO.
 * @throws file_missing, file_denied; path_refused if it is something else; too_large
 */
export function readPath(path: string, maxBytes: number): Uint8Array {
  return naming(path, () => now(reading(path, { maxBytes }))).content;
}

/**
 * Makes the file `name`, which must not exist, durable and with exactly these attributes. On any
 * error nothing is left.
 * @throws file_exists, file_denied, disk_full
 */
export function createIn(folder: Folder, name: string, content: Uint8Array, is: Attributes): void {
  naming(below(folder, name), () => now(making(at(folder, name), content, is)));
}

/** Removes the file or link `name`, if it is there. Never a folder. */
export function removeIn(folder: Folder, name: string): void {
  try {
    fs.unlinkSync(at(folder, name));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw treeError(error, below(folder, name));
  }
}

/** Puts `from` in the place of whatever file or link is at `to`, in one step. */
export function renameIn(folder: Folder, from: string, to: string): void {
  naming(below(folder, to), () => fs.renameSync(at(folder, from), at(folder, to)));
}

const staged = (name: string): string => `.${name}.new`;

/** Writes the new content of `name` beside it, durably; `name` stays as it is. */
export function stageIn(folder: Folder, name: string, content: Uint8Array, is: Attributes): void {
  removeIn(folder, staged(name));
  createIn(folder, staged(name), content, is);
}

/**
 * Puts what {@link stageIn} wrote in its place, in one step: afterwards it is durable. Whether it can be
 * is asked first, since what was there cannot come back.
 * @throws as {@link syncFolder}; then nothing is left of it
 */
export function commitIn(folder: Folder, name: string): void {
  try {
    syncFolder(folder);
  } catch (error) {
    removeIn(folder, staged(name));
    throw error;
  }
  renameIn(folder, staged(name), name);
  syncFolder(folder);
}
