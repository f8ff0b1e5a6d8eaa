import * as fs from 'node:fs';
import { join } from 'node:path';
import { fail, hasCode } from '../../../protocol/errors.ts';
import { findCredential, readCredential } from './credential.ts';
import { readKeyFile } from './key-file.ts';
import { readImageSeed } from './image.ts';
import type { KeySource } from './key-source.ts';
import type { Authority } from '../tpm/policy.ts';
import { readTpmSeed } from './tpm-seed.ts';
import { readUsbKey } from './usb.ts';

/** Below the root: the key of this machine, and the one that machines of an image share. */
const KEY = 'etc/coatcheck/key';
/** Below the root: the key that the machines of an image share. */
export const IMAGE_KEY = 'etc/coatcheck/image-key';

/** A machine's seed, and where it came from. */
export interface OpenedSeed {
  /** 32 bytes */
  readonly seed: Uint8Array;
  readonly from: KeySource['from'];
}

/**
 * Reads this machine's seed from the source that is named. Without one: from etc/coatcheck/key if it
 * is there, else from the credential if that is there. Never by guessing from what hardware there
 * is: another stick, or a TPM that is switched off, would make another machine of this one.
 * @param authority what opens a TPM's key for this image; asked for where the key is a TPM's
 * @throws file_missing where nothing is; and as the reader of each source
 */
export function openSeed(
  source: KeySource | undefined,
  rootPath: string,
  authority: () => Authority | undefined,
): OpenedSeed {
  const named = source ?? defaultSource(rootPath);
  return { seed: readSeed(named, rootPath, authority), from: named.from };
}

function defaultSource(rootPath: string): KeySource {
  const path = join(rootPath, KEY);
  if (fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined) return { from: 'file', path };
  if (findCredential() !== undefined) return { from: 'credential' };
  return { from: 'file', path };
}

function readSeed(
  source: KeySource,
  rootPath: string,
  authority: () => Authority | undefined,
): Uint8Array {
  switch (source.from) {
    case 'usb':
      return readUsbKey();
    case 'image':
      return readImageSeed(join(rootPath, IMAGE_KEY), '/sys');
    case 'tpm':
      return readTpmSeed(authority());
    case 'credential':
      return readCredential();
    case 'file':
      return readFile(source.path);
  }
}

/** Says of a key that is not there how to name another, or to make one. */
function readFile(path: string): Uint8Array {
  try {
    return readKeyFile(path);
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    const how = 'name it with --key, or make one with coatcheck-agent key make';
    throw fail('file_missing', `${(error as Error).message}: ${how}`, { cause: error });
  }
}
