import { Writer } from '../../../bundle/bytes.ts';
import type { Reader } from '../../../bundle/bytes.ts';
import { readCoordinate, VOUCHER_TEMPLATE } from '../../../protocol/attestation.ts';
import type { AttestedText, Attestation, Vouched } from '../../../protocol/attestation.ts';
import { registersPolicy, SELECTION, sized } from '../../../protocol/measured.ts';
import type { TpmDevice } from './device.ts';
import { execute } from './execute.ts';
import { createPrimary, readPublic, withHandle } from './hmac-key.ts';
import { measuredKey } from './measured-key.ts';
import { signedAbout } from './policy.ts';
import type { Authority } from './policy.ts';
import { readEvents, readRegisters } from './registers.ts';
import { readSized } from './structures.ts';

/** The key's own scheme (TPM 2.0 Library part 2, 6.3, TPM_ALG_NULL). */
const OWN_SCHEME = 0x0010;

/**
 * Has a TPM vouch for the image that runs and for this machine's key.
 * @param data in what it signs, 32 bytes (`qualifying`)
 * @returns undefined where nothing that the site signed is about what the registers hold: the key was used already
 * @throws device_failed
 */
export function attest(
  tpm: TpmDevice,
  authority: Authority,
  about: AttestedText,
  data: Uint8Array,
): Attestation | undefined {
  const { key, file } = authority;
  const registers = readRegisters(tpm);
  const signed = signedAbout(authority, registersPolicy(registers));
  if (signed === undefined) return undefined;
  const events = readEvents(tpm, registers);
  return withHandle(tpm, createPrimary(tpm, VOUCHER_TEMPLATE), (voucher) =>
    withHandle(tpm, measuredKey(tpm, authority), (own) => ({
      ...{ voucher: readPublic(tpm, voucher), about, registers, image: file.image },
      quote: quote(tpm, voucher, data),
      certificate: certify(tpm, own, voucher, data),
      unique: readPublic(tpm, own).slice(-32),
      key: key.name.slice(2),
      signature: signed.signatures.image,
      events,
    })),
  );
}

/** TPMT_PUBLIC of the key by which a TPM vouches: administrators approve it. @throws device_failed */
export const readVoucher = (tpm: TpmDevice): Uint8Array =>
  withHandle(tpm, createPrimary(tpm, VOUCHER_TEMPLATE), (voucher) => readPublic(tpm, voucher));

function quote(tpm: TpmDevice, voucher: number, data: Uint8Array): Vouched {
  const parameters = new Writer().bytes(sized(data)).u16(OWN_SCHEME).bytes(SELECTION);
  const command = { name: 'Quote', code: 0x158, handles: [voucher], parameters } as const;
  return execute(tpm, { ...command, authorized: true }, readVouched);
}

function certify(tpm: TpmDevice, key: number, voucher: number, data: Uint8Array): Vouched {
  const parameters = new Writer().bytes(sized(data)).u16(OWN_SCHEME);
  const command = { name: 'Certify', code: 0x148, handles: [key, voucher], parameters } as const;
  return execute(tpm, { ...command, authorized: 'both' }, readVouched);
}

/** TPM2B_ATTEST and TPMT_SIGNATURE. */
function readVouched(answer: Reader): Vouched {
  const attest = readSized(answer);
  answer.bytes(4); // ECDSA with SHA-256, as the key's scheme is
  const signature = new Writer().bytes(readCoordinate(answer)).bytes(readCoordinate(answer));
  return { attest, signature: signature.finish() };
}
