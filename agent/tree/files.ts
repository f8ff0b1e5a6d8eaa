import * as fs from 'node:fs';
import { fail } from '../../protocol/errors.ts';
import { at, below } from './folder.ts';
import type { Folder } from './folder.ts';
import { errnoOf, naming, systemError } from './system-error.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

/** What is at `name`, itself and not what it may point to; undefined if nothing is. */
export function statIn(folder: Folder, name: string): fs.Stats | undefined {
  return naming(below(folder, name), () =>
    fs.lstatSync(at(folder, name), { throwIfNoEntry: false }),
  );
}

/** The names in a folder, sorted. @throws file_denied */
export function listIn(folder: Folder): string[] {
  return naming(folder.path, () => fs.readdirSync(`/proc/self/fd/${folder.fd}`).sort());
}

/** A regular file, read whole through one descriptor. */
export interface ReadFile {
  readonly content: Uint8Array;
  readonly stat: fs.Stats;
}

/**
 * Reads the regular file `name` of `folder`; never follows a link, never waits for a FIFO.
 * @throws file_missing, file_denied; path_refused if it is not a regular file; too_large
 */
export function readIn(folder: Folder, name: string, maxBytes: number): ReadFile {
  const path = below(folder, name);
  const fd = naming(path, () => fs.openSync(at(folder, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  try {
    return { content: readAll(fd, path, maxBytes), stat: fs.fstatSync(fd) };
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * A regular file that the operator or the system named, links followed; never waits for a FIFO.
 * @throws file_missing, file_denied; as {@link readAll}
 */
export function readPath(path: string, maxBytes: number): Uint8Array {
  const fd = naming(path, () => fs.openSync(path, O_RDONLY | O_NONBLOCK));
  try {
    return readAll(fd, path, maxBytes);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * The content of an open regular file.
 * @throws path_refused if it is something else; too_large above `maxBytes`
 */
export function readAll(fd: number, path: string, maxBytes: number): Uint8Array {
  const { size, ...stat } = fs.fstatSync(fd);
  if ((stat.mode & fs.constants.S_IFMT) !== fs.constants.S_IFREG) {
    throw fail('path_refused', `${path} is not a regular file`);
  }
  // The size is a hint only: a file may grow meanwhile, and those of /sys always say 4096.
  let buffer = new Uint8Array(Math.min(size, maxBytes) + 1);
  let length = 0;
  for (;;) {
    const start = length;
    const read = naming(path, () => fs.readSync(fd, buffer, start, buffer.length - start, start));
    if (read === 0) return buffer.slice(0, length);
    length += read;
    if (length > maxBytes) throw fail('too_large', `${path} is larger than ${maxBytes} bytes`);
    if (length === buffer.length) {
      const larger = new Uint8Array(Math.min(2 * length, maxBytes + 1));
      larger.set(buffer);
      buffer = larger;
    }
  }
}

/** Mode and owner of a file to make; the owner is left alone where it is not given. */
export interface Attributes {
  readonly mode: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/**
 * Makes the file `name`, which must not exist, durable and with exactly these attributes. On any
 * error nothing is left.
 * @throws file_exists, file_denied, disk_full
 */
export function createIn(
  folder: Folder,
  name: string,
  content: Uint8Array,
  { mode, owner }: Attributes,
): void {
  naming(below(folder, name), () => {
    const fd = fs.openSync(at(folder, name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      for (let written = 0; written < content.length;) {
        written += fs.writeSync(fd, content, written);
      }
      if (owner !== undefined) fs.fchownSync(fd, owner.uid, owner.gid);
      fs.fchmodSync(fd, mode); // after chown, which may clear bits; free of the umask
      fs.fsyncSync(fd);
    } catch (error) {
      fs.unlinkSync(at(folder, name));
      throw error;
    } finally {
      fs.closeSync(fd);
    }
  });
}

/** Removes the file or link `name`, if it is there. Never a folder. */
export function removeIn(folder: Folder, name: string): void {
  try {
    fs.unlinkSync(at(folder, name));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw systemError(error, below(folder, name));
  }
}

/** Puts `from` in the place of whatever file or link is at `to`, in one step. */
export function renameIn(folder: Folder, from: string, to: string): void {
  naming(below(folder, to), () => fs.renameSync(at(folder, from), at(folder, to)));
}

/** Makes what happened in this folder durable. */
export function syncFolder(folder: Folder): void {
  fs.fsyncSync(folder.fd);
}

const staged = (name: string): string => `.${name}.new`;

/** Writes the new content of `name` beside it, durably; `name` stays as it is. */
export function stageIn(folder: Folder, name: string, content: Uint8Array, is: Attributes): void {
  removeIn(folder, staged(name));
  createIn(folder, staged(name), content, is);
}

/** Puts what {@link stageIn} wrote in its place, in one step: afterwards it is durable. */
export function commitIn(folder: Folder, name: string): void {
  renameIn(folder, staged(name), name);
  syncFolder(folder);
}
