import { gunzipSync } from 'node:zlib';
import type { CoatcheckError } from '../../bundle/errors.ts';
import { fail, hasCode } from '../../protocol/errors.ts';

/** Whose something is, as its source says it: names, or numbers in digits. */
export interface Owned {
  readonly owner: string;
  readonly group: string;
}

/** A file as its source has it. */
export interface FoundFile extends Owned {
  /** As written, relative to the root; not checked yet */
  readonly path: string;
  readonly content: Uint8Array;
  /** With all its bits; absent where the source says none */
  readonly mode?: number;
  /** What else it has that no file of a bundle has: the names of extended attributes */
  readonly attributes?: readonly string[];
}

/** A folder as its source has it. */
export interface FoundFolder extends Owned {
  /** As written, relative to the root; not checked yet */
  readonly path: string;
  readonly mode?: number;
}

/** What a source has; nothing of it is left out. */
export interface Found {
  readonly files: readonly FoundFile[];
  readonly folders: readonly FoundFolder[];
  /** What it has besides, each with its name, why it is refused and what to do */
  readonly refused: readonly string[];
}

/** Whose a file is where nothing else is said. */
export const ROOTS: Owned = { owner: 'root', group: 'root' };

/** What to do about a link. */
export const NO_LINK =
  'a bundle holds no links: a unit is enabled, and a time zone set, by --set at coatcheck prepare';

/** What `work` gives; undefined where it refuses, which is noted. @throws all but usage */
export function noting<T>(refused: string[], what: string, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!hasCode(error, 'usage')) throw error;
    refused.push(`${what}: ${(error as CoatcheckError).message}`);
    return undefined;
  }
}

/** The path of a file on a machine, relative to its root. @throws usage for one that is not absolute */
export function belowRoot(path: string): string {
  if (!path.startsWith('/')) throw fail('usage', 'its path has to begin with /');
  return path.slice(1);
}

/** How much may still be taken from a source. */
export interface Room {
  /** The bytes, of which there is less room then. @throws file_malformed where there is none */
  readonly hold: (bytes: Uint8Array) => Uint8Array;
  /** What they are decompressed, never more than there is room for. @throws usage for what is no gzip; file_malformed */
  readonly gunzip: (bytes: Uint8Array) => Uint8Array;
}

/** Room for so many bytes. */
export function roomFor(maxBytes: number): Room {
  let left = maxBytes;
  const full = (): never => {
    throw fail('file_malformed', `it holds more than ${maxBytes} bytes when unpacked`);
  };
  return {
    hold: (bytes) => {
      left -= bytes.length;
      return left < 0 ? full() : bytes;
    },
    gunzip: (bytes) => {
      try {
        return gunzipSync(bytes, { maxOutputLength: left + 1 });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return full();
        throw fail('usage', 'it is no whole gzip', { cause: error });
      }
    },
  };
}

/** Of text with line ends in it. @throws usage */
export function base64In(text: string): Uint8Array {
  const dense = text.replace(/\s+/g, '');
  const bytes = Buffer.from(dense, 'base64');
  if (bytes.toString('base64') !== dense) throw fail('usage', 'it is no base64');
  return bytes;
}

/** Parts of a file in one. */
export const joined = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);
