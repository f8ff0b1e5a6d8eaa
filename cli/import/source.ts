import { fail } from '../../protocol/errors.ts';
import { MAX_MANIFEST_BYTES } from '../../bundle/manifest.ts';
import { readCloudConfig } from './cloud-config.ts';
import { roomFor } from './found.ts';
import type { Found } from './found.ts';
import { readIgnition } from './ignition.ts';
import { isTar, readTar } from './tar.ts';

/** Limit on a source, as it is and decompressed, bytes: a bundle has at most 1 MiB. */
export const MAX_SOURCE_BYTES = 8 * MAX_MANIFEST_BYTES;
/** Limit on a source that is text, bytes. */
const MAX_TEXT_BYTES = 2 * MAX_MANIFEST_BYTES;

/** What somebody may give instead, by its beginning, and what to do. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/^(?:BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|PK\x03\x04|LZIP)/, 'decompress it first, or use gzip'],
  [/^## *template:/i, 'it is a template: give what it becomes for one machine'],
  [/^(?:Content-Type|MIME-Version):/i, 'it has several parts: import each cloud-config by itself'],
  [/^#include/, 'nothing is fetched: give the cloud-config itself'],
  [/^(?:#!|#cloud-boothook|#part-handler)/, 'it is a script, and no files'],
  [/^#cloud-config-archive/, 'it has several parts: import each cloud-config by itself'],
  [
    /^(?:---\s+)?variant:/m,
    'it is a Butane config: make an Ignition config of it (butane --strict)',
  ],
];

/**
 * What a source has: a tar, a cloud-config or an Ignition config, each perhaps in gzip, told by how it begins.
 * @throws file_malformed for what is none of them or is damaged
 */
export function readSource(source: Uint8Array): Found {
  const bytes = source[0] === 0x1f && source[1] === 0x8b ? unpacked(source) : source;
  const room = roomFor(MAX_MANIFEST_BYTES);
  if (isTar(bytes)) return readTar(bytes, room);
  const start = Buffer.from(bytes.subarray(0, 512))
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '');
  const [, advice] = OTHERS.find(([begins]) => begins.test(start)) ?? [];
  if (advice !== undefined) throw fail('file_malformed', advice);
  if (/^#cloud-config[ \t]*\r?(?:\n|$)/.test(start)) return readCloudConfig(textOf(bytes), room);
  if (/^\s*\{/.test(start)) return readIgnition(textOf(bytes), room);
  throw fail(
    'file_malformed',
    'it is no tar (POSIX or GNU, plain or gzip), no cloud-init user data (its first line is #cloud-config) and no Ignition config (JSON)',
  );
}

function unpacked(source: Uint8Array): Uint8Array {
  try {
    return roomFor(MAX_SOURCE_BYTES).gunzip(source);
  } catch (error) {
    throw fail('file_malformed', error instanceof Error ? error.message : 'no gzip', {
      cause: error,
    });
  }
}

function textOf(bytes: Uint8Array): string {
  if (bytes.length > MAX_TEXT_BYTES) {
    throw fail('file_malformed', `it is text of more than ${MAX_TEXT_BYTES} bytes`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw fail('file_malformed', 'it is no UTF-8', { cause: error });
  }
}
