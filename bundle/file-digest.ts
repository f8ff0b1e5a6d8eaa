import { sha256 } from '#platform';
import { concat, toHex, utf8 } from './bytes.ts';
import type { FileEntry } from './files.ts';

/** Mode and owners of a file as {@link fileDigest} has them: `644 root root`. */
export const attributesOf = ({ mode, owner, group }: FileEntry): string =>
  `${mode.toString(8)} ${owner} ${group}`;

/**
 * SHA-256 of `<mode> <owner> <group>`, a line feed, and the content, 64 hex digits: how a baseline names
 * what an image has.
 */
export const fileDigest = (file: FileEntry): string =>
  toHex(sha256(concat(utf8(`${attributesOf(file)}\n`), file.content)));

/** What a bundle has of that digest for a file that it leaves to the image: 8 digits (docs/format.md). */
export const shortDigest = (file: FileEntry): string => fileDigest(file).slice(0, 8);
