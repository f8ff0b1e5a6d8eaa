import { sha256 } from '#platform';
import { utf8 } from '../../../bundle/bytes.ts';
import { authorizedPolicy, indexOf, NV_POLICY } from '../../../protocol/measured.ts';
import type { NvArea, PcrKey } from '../../../protocol/measured.ts';
import { RECORD_BYTES } from '../memory/memory-record.ts';
import type { TpmDevice } from './device.ts';
import { isWritten, nvDefine, nvWrite } from './nv.ts';
import { withPolicy } from './policy.ts';
import type { Authority } from './policy.ts';

/** What a machine remembers of the newest decision, where only the images of its site write it. */
export const memoryArea = (key: PcrKey): NvArea => ({
  index: indexOf(sha256(utf8('coatcheck/v1 memory'), key.name)),
  attributes: NV_POLICY.ORDINARY,
  policy: authorizedPolicy(key, 'memory'),
  size: RECORD_BYTES,
});

/** Makes the memory, which holds nothing yet, where nothing was written into it. @throws as {@link writeMemory} */
export function makeMemory(tpm: TpmDevice, authority: Authority): void {
  if (isWritten(tpm, memoryArea(authority.key)) !== true)
    writeMemory(tpm, authority, new Uint8Array());
}

/**
 * Writes the memory, which is made where it is not there.
 * @param record of at most {@link RECORD_BYTES}: zeros follow
 * @throws key_refused where this image was not signed, or was revoked; file_malformed; device_failed
 */
export function writeMemory(tpm: TpmDevice, authority: Authority, record: Uint8Array): void {
  const area = memoryArea(authority.key);
  if (isWritten(tpm, area) === undefined) nvDefine(tpm, area);
  const bytes = new Uint8Array(RECORD_BYTES);
  bytes.set(record);
  withPolicy(tpm, authority, 'memory', (session) => nvWrite(tpm, area.index, bytes, session));
}
