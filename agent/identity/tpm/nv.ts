import { equalBytes, Reader, Writer } from '../../../bundle/bytes.ts';
import { CoatcheckError } from '../../../bundle/errors.ts';
import { NO_SUCH_HANDLE } from './codes.ts';
import type { TpmDevice } from './device.ts';
import { execute } from './execute.ts';
import { NOTHING, readSized } from './structures.ts';
import { fail } from '../../../protocol/errors.ts';
import { NV_POLICY, nvPublic, sized } from '../../../protocol/measured.ts';
import type { NvArea } from '../../../protocol/measured.ts';

/** The owner hierarchy, whose authorization is empty unless somebody took ownership (part 2, 7.4, TPM_RH_OWNER). */
export const OWNER = 0x40000001;

/** TPM 2.0 Library part 2, 13.4, TPMA_NV */
export const NV = {
  OWNERWRITE: 1 << 1,
  OWNERREAD: 1 << 17,
  NO_DA: 1 << 25,
  READLOCKED: 1 << 28,
  WRITTEN: 1 << 29,
} as const;

/** What is defined at an index, or undefined where nobody defined it. @throws device_failed */
export function nvReadPublic(tpm: TpmDevice, index: number): NvArea | undefined {
  try {
    const command = { name: 'NV_ReadPublic', code: 0x169, handles: [index] };
    return execute(tpm, command, (answer) => {
      const about = new Reader(readSized(answer));
      readSized(answer); // its name
      about.bytes(6); // the index, and the algorithm of its name
      const attributes = about.u32();
      const policy = readSized(about);
      const size = about.u16();
      about.end();
      return { index, attributes, policy, size };
    });
  } catch (error) {
    const isUndefined = error instanceof CoatcheckError && error.details['rc'] === NO_SUCH_HANDLE;
    if (isUndefined) return undefined;
    throw error;
  }
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

/** Defines an index of the owner, with an empty authorization. @throws device_failed */
export function nvDefine(tpm: TpmDevice, area: NvArea): void {
  const parameters = new Writer().bytes(sized(NOTHING)).bytes(sized(nvPublic(area)));
  const command = { name: 'NV_DefineSpace', code: 0x12a, handles: [OWNER], parameters };
  execute(tpm, { ...command, authorized: true }, () => undefined);
}

/**
 * Writes an index from its start: as its owner, or in the session of a policy.
 * @param bytes at most 512, which every TPM takes at once
 * @throws device_failed
 */
export function nvWrite(tpm: TpmDevice, index: number, bytes: Uint8Array, session?: number): void {
  const parameters = new Writer().bytes(sized(bytes)).u16(0);
  const command = { name: 'NV_Write', code: 0x137, parameters };
  const by =
    session === undefined
      ? ({ handles: [OWNER, index], authorized: true } as const)
      : { handles: [index, index], session };
  execute(tpm, { ...command, ...by }, () => undefined);
}

/** Makes a counter one more, or its first value, in the session of a policy. @throws device_failed */
export function nvIncrement(tpm: TpmDevice, index: number, session: number): void {
  const command = { name: 'NV_Increment', code: 0x134, handles: [index, index], session };
  execute(tpm, command, () => undefined);
}

/** So many bytes of an index, from its start or from `at`, as its owner. @throws device_failed */
export function nvRead(tpm: TpmDevice, index: number, size: number, at = 0): Uint8Array {
  const parameters = new Writer().u16(size).u16(at);
  const command = { name: 'NV_Read', code: 0x14e, handles: [OWNER, index], parameters };
  return execute(tpm, { ...command, authorized: true }, readSized);
}
