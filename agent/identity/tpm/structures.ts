import type { Reader } from '../../../bundle/bytes.ts';

/** TPM_ALG_SHA256 (TPM 2.0 Library part 2, 6.3) */
export const SHA256 = 0x000b;
/** A TPM2B that holds no bytes has these. */
export const NOTHING = new Uint8Array();

/** What a TPM2B holds, as a copy. */
export const readSized = (from: Reader): Uint8Array => Uint8Array.from(from.bytes(from.u16()));
