import { Reader } from '../../../bundle/bytes.ts';
import { fail } from '../../../protocol/errors.ts';
import { counterArea, firstOf, generationOf } from '../../../protocol/measured.ts';
import type { PcrKey } from '../../../protocol/measured.ts';
import type { TpmDevice } from './device.ts';
import { makeMemory } from './memory-area.ts';
import { isWritten, nvDefine, nvIncrement, nvRead } from './nv.ts';
import { withPolicy } from './policy.ts';
import type { Authority } from './policy.ts';

/** The counter of this TPM; undefined where it has no value yet. @throws file_malformed; device_failed */
export function readCounter(tpm: TpmDevice, key: PcrKey): number | undefined {
  const area = counterArea(key);
  if (!isWritten(tpm, area)) return undefined;
  return new Reader(nvRead(tpm, area.index, area.size)).u64();
}

/**
 * Has the counter say at least that images before a generation are revoked: for ever. It is made where it is not there, and
 * with it the memory, which holds nothing yet: before the counter reaches its first generation, so that a memory that is
 * not there beside one that did was there before (docs/adr/0317).
 * @returns its value
 * @throws key_refused for an image of an older generation, with nothing changed
 */
export function raiseCounter(tpm: TpmDevice, authority: Authority, generation: number): number {
  const area = counterArea(authority.key);
  const own = authority.file.image.generation;
  if (generation > own) {
    throw fail(
      'key_refused',
      `images before generation ${generation} were to be revoked, and this one is of generation ${own}: it would revoke itself`,
    );
  }
  if (isWritten(tpm, area) === undefined) nvDefine(tpm, area);
  for (let isMade = false; ;) {
    const value = readCounter(tpm, authority.key);
    if (value !== undefined && value >= firstOf(generation)) return value;
    if (value !== undefined && value < firstOf(1) && !isMade) {
      makeMemory(tpm, authority);
      isMade = true;
    }
    withPolicy(tpm, authority, 'counter', (session) => nvIncrement(tpm, area.index, session));
  }
}

/** Makes the counter where it is not there, and says where an image is revoked by it. @throws key_refused */
export function demandInForce(tpm: TpmDevice, authority: Authority): void {
  const { generation } = authority.file.image;
  const value = raiseCounter(tpm, authority, 1);
  if (generationOf(value) <= generation) return;
  throw fail(
    'key_refused',
    `the TPM keeps this machine's key from this image: it is of generation ${generation}, and by the TPM's counter (${value}) images before generation ${generationOf(value)} are revoked`,
  );
}
