import { equalBytes, Reader } from '../../../bundle/bytes.ts';
import { fail } from '../../../protocol/errors.ts';
import { counterArea, firstOf, generationOf, NV_POLICY } from '../../../protocol/measured.ts';
import type { NvArea, PcrKey } from '../../../protocol/measured.ts';
import type { TpmDevice } from './device.ts';
import { nvDefine, nvIncrement, nvRead, nvReadPublic } from './nv.ts';
import { withPolicy } from './policy.ts';
import type { Authority } from './policy.ts';

/** The counter of this TPM; undefined where it has no value yet. @throws file_malformed; device_failed */
export function readCounter(tpm: TpmDevice, key: PcrKey): number | undefined {
  const area = counterArea(key);
  if (!isWritten(tpm, area)) return undefined;
  return new Reader(nvRead(tpm, area.index, area.size)).u64();
}

/**
 * Whether an index that only a policy writes has something in it; undefined where it is not defined.
 * @throws file_malformed for an index that is defined otherwise: whatever it holds counts for nothing
 */
export function isWritten(tpm: TpmDevice, area: NvArea): boolean | undefined {
  const found = nvReadPublic(tpm, area.index);
  if (found === undefined) return undefined;
  const { attributes, policy, size } = found;
  const isOurs =
    (attributes & ~NV_POLICY.WRITTEN) === area.attributes &&
    equalBytes(policy, area.policy) &&
    size === area.size;
  if (isOurs) return (attributes & NV_POLICY.WRITTEN) !== 0;
  const index = `0x${area.index.toString(16)}`;
  throw fail(
    'file_malformed',
    `the TPM's NV index ${index} is not as this machine's images make it, so somebody else did: tpm2_nvundefine ${index}, or clear the TPM in the firmware's menu`,
  );
}

/**
 * Has the counter say at least that images before a generation are revoked: for ever. It is made where it is not there.
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
  for (;;) {
    const value = readCounter(tpm, authority.key);
    if (value !== undefined && value >= firstOf(generation)) return value;
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
