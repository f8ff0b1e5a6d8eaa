import { fromUtf8, Reader, utf8, Writer } from './bytes.ts';
import { assertSignKey } from './ed25519.ts';
import { bundleError } from './errors.ts';
import { checkAscending, checkCount, checkFiles } from './files.ts';
import type { FileEntry } from './files.ts';
import type { PublicKeys } from './identity.ts';
import { metadataFromEntries, metadataToEntries } from './metadata.ts';
import type { Metadata, MetadataEntry } from './metadata.ts';
import { inByteOrder } from './path.ts';
import { assertBoxKey } from './x25519.ts';

export { checkPath } from './path.ts';
export { isOwnerName, MAX_FILES } from './files.ts';
export type { FileEntry } from './files.ts';
export type { Metadata } from './metadata.ts';

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
  const files = manifest.files.toSorted((a, b) => inByteOrder(a.path, b.path));
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
  checkCount(paths.length);
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
