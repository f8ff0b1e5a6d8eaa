import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { call, later, now } from './calls.ts';
import type { Steps } from './calls.ts';
import { errnoOf, FileFault, fileError } from './errors.ts';

/** How a file is read. */
export interface Reading {
  /** Larger is a fault; it is never more that is read, or held, however the file grows. */
  readonly maxBytes: number;
  /** Refuse what anybody but its owner, who must be this user or root, may read or write. */
  readonly secret?: boolean;
  /** Refuse a link at the end of the path. Those on the way are followed. */
  readonly noLink?: boolean;
  /** It never changes once it has its name: its size is all that is read. */
  readonly settled?: boolean;
}

/** A regular file, read whole through one descriptor. */
export interface ReadFile {
  readonly content: Uint8Array;
  readonly stat: Stats;
}

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Reads a regular file whole; never waits for a FIFO, and is never led to another file between
 * looking at it and reading it. The size it says is a hint only: it may grow meanwhile, those of
 * /sys always say 4096, and those of /proc say 0.
 * @throws what the system says; {@link FileFault}
 */
export function* reading(path: string, options: Reading): Steps<ReadFile> {
  const { maxBytes, secret = false, noLink = false, settled = false } = options;
  const fd = yield* opening(path, O_RDONLY | O_NONBLOCK | (noLink ? O_NOFOLLOW : 0), secret);
  try {
    const stat = yield* call('fstat', fd);
    if (!stat.isFile()) throw secret ? noSecret() : FileFault.notRegular();
    if (secret) demandPrivate(stat);
    if (settled && stat.size > maxBytes) throw FileFault.tooLarge(maxBytes);
    const content = yield* readingAll(fd, settled ? stat.size : Infinity, stat.size, maxBytes);
    return { content, stat };
  } finally {
    yield* call('close', fd);
  }
}

function* opening(path: string, flags: number, secret: boolean): Steps<number> {
  try {
    return yield* call('open', path, flags);
  } catch (error) {
    throw secret && ['ELOOP', 'ENXIO'].includes(errnoOf(error) ?? '') ? noSecret() : error;
  }
}

const noSecret = (): FileFault =>
  FileFault.unsafe('is not a regular file of its own, as a secret must be');

/** @throws FileFault for a secret that others than its owner may reach, or that another has put there */
function demandPrivate({ mode, uid }: Stats): void {
  if ((mode & 0o077) !== 0) {
    throw FileFault.unsafe('can be read or written by others: run chmod 600 %');
  }
  if (uid !== 0 && uid !== process.getuid?.()) throw FileFault.unsafe('belongs to another user');
}

function* readingAll(fd: number, end: number, hint: number, maxBytes: number): Steps<Uint8Array> {
  let buffer = new Uint8Array(Math.min(end, Math.min(hint, maxBytes) + 1));
  let length = 0;
  while (length < end) {
    const read = yield* call('read', fd, buffer, length, buffer.length - length, length);
    if (read === 0) break;
    length += read;
    if (length > maxBytes) throw FileFault.tooLarge(maxBytes);
    if (length === buffer.length && length < end) {
      const larger = new Uint8Array(Math.min(2 * length, maxBytes + 1));
      larger.set(buffer);
      buffer = larger;
    }
  }
  return length === buffer.length ? buffer : buffer.slice(0, length);
}

/**
 * Reads a file that a person named, as {@link reading} does.
 * @throws file_missing, file_denied; file_malformed if it is too large or not regular; file_unsafe
 */
export async function readLocalFile(path: string, options: Reading): Promise<Uint8Array> {
  try {
    return (await later(reading(path, options))).content;
  } catch (error) {
    throw fileError(error, path);
  }
}

/** As {@link readLocalFile}, before it returns. */
export function readLocalFileNow(path: string, options: Reading): ReadFile {
  try {
    return now(reading(path, options));
  } catch (error) {
    throw fileError(error, path);
  }
}
