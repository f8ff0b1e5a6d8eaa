import { indexOf } from '../../../protocol/measured.ts';
import { fail } from '../../../protocol/errors.ts';
import { withTpm } from '../tpm/device.ts';
import type { TpmDevice } from '../tpm/device.ts';
import { NV, nvDefine, nvRead, nvReadPublic, nvWrite } from '../tpm/nv.ts';
import { isOlder } from './memory.ts';
import type { DecisionMemory, MemoryStore } from './memory.ts';
import { damaged, decodeRecord, encodeRecord, ownerHash, RECORD_BYTES } from './memory-record.ts';
import type { Owner } from './memory-record.ts';

/** Read and written with the owner's authorization, which is empty unless somebody took ownership. */
const ATTRIBUTES = NV.OWNERREAD | NV.OWNERWRITE | NV.NO_DA;
const NO_POLICY = new Uint8Array();

/**
 * A memory in an NV index of the TPM, one per site and node. An index that is not defined, or that
 * was never written, is a memory that holds nothing: TPM2_Clear removes it, and nothing in a TPM
 * tells a cleared one from a new one (docs/adr/0111).
 * @throws device_missing, device_failed; file_malformed
 */
export function tpmMemory(owner: Owner): MemoryStore {
  const index = indexOf(ownerHash(owner));
  const read = (tpm: TpmDevice): DecisionMemory | undefined => {
    if (stateOf(tpm, index) !== 'written') return undefined;
    const memory = decodeRecord(nvRead(tpm, index, RECORD_BYTES), owner, tell(index));
    if (memory === undefined) throw damaged(tell(index));
    return memory;
  };
  return {
    load: () => withTpm(read),
    save: (memory) =>
      withTpm((tpm) => {
        if (isOlder(memory, read(tpm))) return;
        if (stateOf(tpm, index) === 'undefined')
          nvDefine(tpm, { index, attributes: ATTRIBUTES, policy: NO_POLICY, size: RECORD_BYTES });
        nvWrite(tpm, index, encodeRecord(owner, memory));
      }),
  };
}

/** As tpm2-tools write it. */
const tell = (index: number): string => `the TPM's NV index 0x${index.toString(16)}`;

type IndexState = 'undefined' | 'unwritten' | 'written';

/** @throws file_malformed for an index that somebody else defined */
function stateOf(tpm: TpmDevice, index: number): IndexState {
  const about = nvReadPublic(tpm, index);
  if (about === undefined) return 'undefined';
  if (about.size !== RECORD_BYTES || (about.attributes & ATTRIBUTES) !== ATTRIBUTES) {
    throw fail(
      'file_malformed',
      `${tell(index)} was not made by coatcheck-agent: move what uses it`,
    );
  }
  return (about.attributes & NV.WRITTEN) !== 0 ? 'written' : 'unwritten';
}
