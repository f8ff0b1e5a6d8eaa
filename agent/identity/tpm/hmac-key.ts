import { Writer } from '../../../bundle/bytes.ts';
import type { Reader } from '../../../bundle/bytes.ts';
import { hmacKeyArea, sized } from '../../../protocol/measured.ts';
import type { TpmDevice } from './device.ts';
import { execute } from './execute.ts';
import type { Command } from './execute.ts';
import { NOTHING, readSized, SHA256 } from './structures.ts';

/** The endorsement hierarchy (TPM 2.0 Library part 2, 7.4, TPM_RH_ENDORSEMENT). */
export const ENDORSEMENT = 0x4000000b;

/**
 * HMAC-SHA256 of up to 1024 bytes under a primary key of the endorsement hierarchy, which the TPM derives
 * anew each time and forgets afterwards. It is the key of `tpm2_createprimary -C e -g sha256 -G hmac`: any
 * difference in its template makes another.
 * @param attributes part 2, 8.3, TPMA_OBJECT
 * @throws device_failed
 */
export function hmacUnderPrimary(
  tpm: TpmDevice,
  attributes: number,
  bytes: Uint8Array,
): Uint8Array {
  const template = hmacKeyArea(attributes, NOTHING, NOTHING);
  return withHandle(tpm, createPrimary(tpm, template), (key) =>
    hmac(tpm, key, { authorized: true }, bytes),
  );
}

/** TPM2_HMAC under a key that is loaded. @param by what the key is used with @throws device_failed */
export function hmac(
  tpm: TpmDevice,
  key: number,
  by: Pick<Command, 'authorized' | 'session'>,
  bytes: Uint8Array,
): Uint8Array {
  const parameters = new Writer().bytes(sized(bytes)).u16(SHA256);
  return execute(tpm, { name: 'HMAC', code: 0x155, handles: [key], ...by, parameters }, readSized);
}

/**
 * A primary key of the endorsement hierarchy.
 * @param template TPMT_PUBLIC
 * @returns its handle, to be flushed
 */
export function createPrimary(tpm: TpmDevice, template: Uint8Array): number {
  const parameters = new Writer()
    .bytes(sized(new Writer().bytes(sized(NOTHING)).bytes(sized(NOTHING)).finish())) // no password, no secret
    .bytes(sized(template))
    .bytes(sized(NOTHING)) // nothing from outside
    .u32(0); // no PCR
  return execute(
    tpm,
    {
      ...{ name: 'CreatePrimary', code: 0x131, handles: [ENDORSEMENT], authorized: true },
      ...{ parameters, givesHandle: true },
    },
    (answer, handle) => {
      skipCreation(answer);
      return handle;
    },
  );
}

/** TPMT_PUBLIC of a key, which is loaded or kept. @throws device_failed */
export function readPublic(tpm: TpmDevice, handle: number): Uint8Array {
  return execute(tpm, { name: 'ReadPublic', code: 0x173, handles: [handle] }, (answer) => {
    const area = readSized(answer);
    answer.rest(); // its names
    return area;
  });
}

/** The key's public part, how it was made, the digest and the ticket of that, and the key's name. */
function skipCreation(answer: Reader): void {
  for (let part = 0; part < 3; part++) readSized(answer);
  answer.bytes(6); // TPMT_TK_CREATION: a tag and a hierarchy before its digest
  for (let part = 0; part < 2; part++) readSized(answer);
}

/** Runs `act` with what is loaded, which is flushed then, also after an error. */
export function withHandle<T>(tpm: TpmDevice, handle: number, act: (handle: number) => T): T {
  try {
    return act(handle);
  } finally {
    flush(tpm, handle);
  }
}

/** What is not flushed by itself goes when the kernel's resource manager is closed. */
function flush(tpm: TpmDevice, handle: number): void {
  try {
    const parameters = new Writer().u32(handle);
    execute(tpm, { name: 'FlushContext', code: 0x165, parameters }, () => undefined);
  } catch {
    // What came before says more.
  }
}
