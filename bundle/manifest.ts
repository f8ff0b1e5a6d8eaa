import { compareBytes, fromUtf8, Reader, utf8, Writer } from './bytes.ts';
import { assertSignKey } from './ed25519.ts';
import { bundleError } from './errors.ts';
import type { PublicKeys } from './identity.ts';
import { metadataFromEntries, metadataToEntries } from './metadata.ts';
import type { Metadata, MetadataEntry } from './metadata.ts';
import { checkPath } from './path.ts';
import { assertBoxKey } from './x25519.ts';

export { checkPath } from './path.ts';
export type { Metadata } from './metadata.ts';

/** One regular file. */
export interface FileEntry {
  /** Relative to the root folder; see `checkPath` */
  readonly path: string;
  /** 0 to 0o777: no setuid, setgid or sticky bit */
  readonly mode: number;
  /** 1 to 32 characters; the number is for a system that has no such name */
  readonly owner: string;
  readonly uid: number;
  readonly group: string;
  readonly gid: number;
  readonly content: Uint8Array;
}

/** What a bundle holds. */
export interface Manifest {
  readonly node: PublicKeys;
  /** Digest of the statement in force when it was made, 32 bytes; zeros for none */
  readonly base: Uint8Array;
  readonly metadata: Metadata;
  readonly files: readonly FileEntry[];
}

/** Uncompressed. */
export const MAX_MANIFEST_BYTES = 1024 * 1024;
export const MAX_FILES = 1024;
const OWNER = /^[A-Za-z_][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_.$-]?$/;

/**
 * The one encoding of a manifest: files and metadata are sorted here.
 * @throws as {@link decodeManifest}
 */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const { node, base, metadata } = manifest;
  checkHead(node, base);
  const entries = metadataToEntries(metadata);
  const files = manifest.files
    .map((file) => ({ ...file, pathBytes: utf8(file.path) }))
    .sort((a, b) => compareBytes(a.pathBytes, b.pathBytes));
  checkFiles(files);
  const writer = new Writer().bytes(node.signKey).bytes(node.boxKey).bytes(base);
  writer.u16(entries.length);
  for (const entry of entries) {
    for (const text of entry.map(utf8)) writer.u16(text.length).bytes(text);
  }
  writer.u16(files.length);
  for (const file of files) writer.u16(file.pathBytes.length).bytes(file.pathBytes);
  for (const file of files) writer.u16(file.mode);
  for (const file of files) writeOwner(writer, file.owner, file.uid);
  for (const file of files) writeOwner(writer, file.group, file.gid);
  for (const file of files) writer.u32(file.content.length);
  for (const file of files) writer.bytes(file.content);
  const bytes = writer.finish();
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw bundleError(
      'manifest_too_large',
      `${bytes.length} bytes of files and metadata are over ${MAX_MANIFEST_BYTES}`,
    );
  }
  return bytes;
}

/**
 * @throws truncated, trailing_bytes, manifest_too_large, bad_public_key, bad_field, bad_encoding,
 *   bad_metadata, too_many_files, bad_path, bad_mode, bad_owner, unsorted, duplicate
 */
export function decodeManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw bundleError('manifest_too_large', `a manifest is at most ${MAX_MANIFEST_BYTES} bytes`);
  }
  const reader = new Reader(bytes);
  const node = { signKey: reader.bytes(32), boxKey: reader.bytes(32) };
  const base = reader.bytes(32);
  checkHead(node, base);
  const entries = times(reader.u16(), (): MetadataEntry => [readText(reader), readText(reader)]);
  checkAscending(entries.map(([name]) => name));
  const metadata = metadataFromEntries(entries);
  const count = reader.u16();
  if (count > MAX_FILES) throw tooManyFiles(count);
  const paths = times(count, () => readText(reader));
  const modes = times(count, () => reader.u16());
  const owners = times(count, () => readOwner(reader));
  const groups = times(count, () => readOwner(reader));
  const sizes = times(count, () => reader.u32());
  const files = paths.map((path, i) => ({
    path,
    mode: modes[i]!,
    owner: owners[i]!.name,
    uid: owners[i]!.id,
    group: groups[i]!.name,
    gid: groups[i]!.id,
    content: reader.bytes(sizes[i]!),
  }));
  reader.end();
  checkFiles(files);
  return { node, base, metadata, files };
}

function times<T>(count: number, read: () => T): T[] {
  return Array.from({ length: count }, read);
}

function readText(reader: Reader): string {
  return fromUtf8(reader.bytes(reader.u16()));
}

function writeOwner(writer: Writer, name: string, id: number): void {
  const bytes = utf8(name);
  writer.u8(bytes.length).bytes(bytes).u32(id);
}

function readOwner(reader: Reader): { name: string; id: number } {
  return { name: fromUtf8(reader.bytes(reader.u8())), id: reader.u32() };
}

function tooManyFiles(count: number): Error {
  return bundleError('too_many_files', `${count} files in a bundle: at most ${MAX_FILES}`);
}

function checkHead(node: PublicKeys, base: Uint8Array): void {
  assertSignKey(node.signKey);
  assertBoxKey(node.boxKey);
  if (base.length !== 32) throw bundleError('bad_field', 'the base of a bundle is 32 bytes');
}

function checkAscending(names: readonly string[]): void {
  for (let i = 1; i < names.length; i++) {
    if (names[i] === names[i - 1]) {
      throw bundleError('duplicate', `${JSON.stringify(names[i])} is there twice`);
    }
    if (names[i]! < names[i - 1]!) {
      throw bundleError('unsorted', `${JSON.stringify(names[i])} is not in its place`);
    }
  }
}

function checkFiles(files: readonly FileEntry[]): void {
  if (files.length > MAX_FILES) throw tooManyFiles(files.length);
  const paths = new Set(files.map((file) => file.path));
  for (const { path, mode, owner, uid, group, gid } of files) {
    checkPath(path);
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
      if (paths.has(path.slice(0, at))) {
        throw bundleError('bad_path', `${path.slice(0, at)} is a file and a folder`);
      }
    }
    if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) {
      throw bundleError('bad_mode', `${path}: a mode is 0 to 0777`);
    }
    for (const [name, id] of [
      [owner, uid],
      [group, gid],
    ] as const) {
      if (!OWNER.test(name) || !Number.isInteger(id) || id < 0 || id > 0xffff_ffff) {
        throw bundleError('bad_owner', `${path}: the owner or group is not a name and a number`);
      }
    }
  }
  checkAscending(files.map((file) => file.path));
}
