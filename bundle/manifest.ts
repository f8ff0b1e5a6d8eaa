import { fromUtf8, Reader, utf8, Writer } from './bytes.ts';
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
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_.$-]?$/;
const NUMBER = /^(0|[1-9][0-9]{0,9})$/;
const MODE = /^(0|[1-7][0-7]{0,2})$/;

/**
 * The one encoding of a manifest; files and metadata are sorted here. By columns, and as text where
 * it can be: that compresses best (docs/adr/0012).
 * @throws as {@link decodeManifest}
 */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const { node, base } = manifest;
  checkHead(node, base);
  const metadata = metadataToEntries(manifest.metadata);
  // Paths are ASCII: the order of UTF-16 units is the order of bytes.
  const files = manifest.files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  checkFiles(files);
  const writer = new Writer().bytes(node.signKey).bytes(node.boxKey).bytes(base);
  const writeSection = (lines: readonly string[]): Writer =>
    writer.bytes(utf8([...lines, ''].map((line) => `${line}\n`).join('')));
  writeSection(metadata.map(([name, value]) => `${name}\t${value}`));
  writeSection(files.map((file) => file.path));
  writeSection(files.map(formatAttributes));
  writeSection(files.map((file) => String(file.content.length)));
  for (const file of files) writer.bytes(file.content);
  const bytes = writer.finish();
  checkSize(bytes);
  return bytes;
}

/**
 * @throws truncated, trailing_bytes, manifest_too_large, bad_public_key, bad_field, bad_encoding,
 *   non_canonical, bad_metadata, too_many_files, bad_path, bad_mode, bad_owner, unsorted, duplicate
 */
export function decodeManifest(bytes: Uint8Array): Manifest {
  checkSize(bytes);
  const reader = new Reader(bytes);
  const node = { signKey: reader.bytes(32), boxKey: reader.bytes(32) };
  const base = reader.bytes(32);
  checkHead(node, base);
  const entries = readSection(reader).map(parseMetadataLine);
  checkAscending(entries.map(([name]) => name));
  const metadata = metadataFromEntries(entries);
  const paths = readSection(reader);
  if (paths.length > MAX_FILES) throw tooManyFiles(paths.length);
  const attributes = readSection(reader).map(parseAttributes);
  const sizes = readSection(reader).map(parseSize);
  if (attributes.length !== paths.length || sizes.length !== paths.length) {
    throw bundleError('non_canonical', 'a manifest has as many attributes and sizes as paths');
  }
  const files = paths.map((path, i) => ({
    path,
    ...attributes[i]!,
    content: reader.bytes(sizes[i]!),
  }));
  reader.end();
  checkFiles(files);
  return { node, base, metadata, files };
}

/** Lines of text up to an empty one. */
function readSection(reader: Reader): string[] {
  const lines: string[] = [];
  for (let line = reader.line(); line.length > 0; line = reader.line()) lines.push(fromUtf8(line));
  return lines;
}

function parseMetadataLine(line: string): MetadataEntry {
  const tab = line.indexOf('\t');
  if (tab < 0)
    throw bundleError('bad_metadata', 'a line of metadata has a name, a tab and a value');
  return [line.slice(0, tab), line.slice(tab + 1)];
}

type Attributes = Omit<FileEntry, 'path' | 'content'>;

function formatAttributes({ mode, owner, uid, group, gid }: Attributes): string {
  return `${mode.toString(8)} ${owner} ${uid} ${group} ${gid}`;
}

function parseAttributes(line: string): Attributes {
  const [mode = '', owner = '', uid = '', group = '', gid = '', ...rest] = line.split(' ');
  if (!MODE.test(mode)) throw bundleError('bad_mode', 'a mode is 0 to 777, octal');
  if (!NUMBER.test(uid) || !NUMBER.test(gid) || rest.length > 0) {
    throw bundleError('bad_owner', 'an owner and a group are a name and a number each');
  }
  return { mode: Number.parseInt(mode, 8), owner, uid: Number(uid), group, gid: Number(gid) };
}

function parseSize(line: string): number {
  if (!NUMBER.test(line)) throw bundleError('non_canonical', 'the size of a file is not a number');
  return Number(line);
}

function tooManyFiles(count: number): Error {
  return bundleError('too_many_files', `${count} files in a bundle: at most ${MAX_FILES}`);
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw bundleError(
      'manifest_too_large',
      `${bytes.length} bytes of files and metadata are over ${MAX_MANIFEST_BYTES}`,
    );
  }
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
  for (const file of files) {
    checkPath(file.path);
    checkIsNoFolder(file.path, paths);
    if (!Number.isInteger(file.mode) || file.mode < 0 || file.mode > 0o777) {
      throw bundleError('bad_mode', `${file.path}: a mode is 0 to 0777`);
    }
    checkOwner(file.path, file.owner, file.uid);
    checkOwner(file.path, file.group, file.gid);
  }
  checkAscending(files.map((file) => file.path));
}

function checkIsNoFolder(path: string, paths: ReadonlySet<string>): void {
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    if (paths.has(path.slice(0, at))) {
      throw bundleError('bad_path', `${path.slice(0, at)} is a file and a folder`);
    }
  }
}

function checkOwner(path: string, name: string, id: number): void {
  if (!NAME.test(name) || !Number.isInteger(id) || id < 0 || id > 0xffff_ffff) {
    throw bundleError('bad_owner', `${path}: an owner or group is a name and a 32-bit number`);
  }
}
