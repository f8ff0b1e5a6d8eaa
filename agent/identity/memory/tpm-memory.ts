import * as fs from 'node:fs';
import { fail } from '../../../protocol/errors.ts';
import { withTpm } from '../../programs/tpm.ts';
import type { Tpm } from '../../programs/tpm.ts';
import { isOlder } from './memory.ts';
import type { DecisionMemory, MemoryStore } from './memory.ts';
import { damaged, decodeRecord, encodeRecord, ownerHash, RECORD_BYTES } from './memory-record.ts';
import type { Owner } from './memory-record.ts';

/** Read and written with the owner's authorization, which is empty unless somebody took ownership. */
const ATTRIBUTES = 'ownerread|ownerwrite|no_da';
/** Where owners define what they like (TCG Registry of Reserved TPM 2.0 Handles): 22 bits. */
const FIRST_INDEX = 0x01800000;

/**
 * A memory in an NV index of the TPM, one per site and node. An index that is not defined, or that
 * was never written, is a memory that holds nothing: `tpm2_clear` removes it, and nothing in a TPM
 * tells a cleared one from a new one (docs/adr/0111).
 * @throws device_missing, device_failed; file_malformed
 */
export function tpmMemory(owner: Owner): MemoryStore {
  const index = nvIndexOf(owner);
  const read = (tpm: Tpm): DecisionMemory | undefined => {
    if (stateOf(tpm, index) !== 'written') return undefined;
    const bytes = tpm.run('tpm2_nvread', ['-C', 'o', '-s', String(RECORD_BYTES), index]);
    const memory = decodeRecord(bytes, owner, `the TPM's NV index ${index}`);
    if (memory === undefined) throw damaged(`the TPM's NV index ${index}`);
    return memory;
  };
  return {
    load: () => withTpm(read),
    save: (memory) =>
      withTpm((tpm) => {
        if (isOlder(memory, read(tpm))) return;
        if (stateOf(tpm, index) === 'undefined') {
          const size = String(RECORD_BYTES);
          tpm.run('tpm2_nvdefine', ['-Q', '-C', 'o', '-s', size, '-a', ATTRIBUTES, index]);
        }
        const file = tpm.file('record');
        fs.writeFileSync(file, encodeRecord(owner, memory));
        tpm.run('tpm2_nvwrite', ['-Q', '-C', 'o', '-i', file, index]);
      }),
  };
}

/** As tpm2-tools write it. */
function nvIndexOf(owner: Owner): string {
  const [a, b, c] = ownerHash(owner) as unknown as [number, number, number];
  return `0x${(FIRST_INDEX + (((a & 0x3f) << 16) | (b << 8) | c)).toString(16)}`;
}

type IndexState = 'undefined' | 'unwritten' | 'written';

/** @throws file_malformed for an index that somebody else defined */
function stateOf(tpm: Tpm, index: string): IndexState {
  const defined = tpm.run('tpm2_getcap', ['handles-nv-index']).toString();
  if (!defined.toLowerCase().split(/\s+/).includes(index)) return 'undefined';
  const about = tpm.run('tpm2_nvreadpublic', [index]).toString();
  const attributes = /attributes:\s+friendly: (\S+)/.exec(about)?.[1]?.split('|') ?? [];
  const size = /^\s+size: (\d+)$/m.exec(about)?.[1];
  if (
    size !== String(RECORD_BYTES) ||
    !ATTRIBUTES.split('|').every((a) => attributes.includes(a))
  ) {
    throw fail(
      'file_malformed',
      `the TPM's NV index ${index} was not made by coatcheck-agent: move what uses it`,
    );
  }
  return attributes.includes('written') ? 'written' : 'unwritten';
}
