import { sha256 } from '#platform';
import { equalBytes, Writer } from '../../../bundle/bytes.ts';
import { CoatcheckError } from '../../../bundle/errors.ts';
import { VOUCHER_TEMPLATE } from '../../../protocol/attestation.ts';
import {
  ENDORSEMENT_TEMPLATE,
  endorsementArea,
  MAX_CERTIFICATE_BYTES,
} from '../../../protocol/endorsement.ts';
import type { Activation, Endorsement } from '../../../protocol/endorsement.ts';
import { MODULUS_BYTES, sized } from '../../../protocol/measured.ts';
import { NO_SUCH_HANDLE } from './codes.ts';
import type { TpmDevice } from './device.ts';
import { execute } from './execute.ts';
import { createPrimary, ENDORSEMENT, readPublic, withHandle } from './hmac-key.ts';
import { NV, nvRead, nvReadPublic } from './nv.ts';
import { startPolicy } from './policy.ts';
import { NOTHING, readSized } from './structures.ts';

/** Where an EK may be kept, and where its certificate is (TCG EK Credential Profile 2.2.1.4; Registry of Reserved Handles). */
const [KEPT, CERTIFICATE] = [0x81010001, 0x01c00002];
/** So much is read at once, which every TPM gives. */
const READ_BYTES = 512;
/** What is at an index as its owner reads it, where it is not locked as well. */
const READABLE = NV.OWNERREAD | NV.WRITTEN;

/** The EK of a TPM, and what there is of a certificate. @throws device_failed */
export function readEndorsement(tpm: TpmDevice): Endorsement {
  const isOne = (area: Uint8Array): boolean =>
    equalBytes(area, endorsementArea(area.slice(-MODULUS_BYTES)));
  const area = withEndorsementKey(tpm, isOne, (key) => readPublic(tpm, key));
  return { modulus: area.slice(-MODULUS_BYTES), certificate: readCertificate(tpm) };
}

/**
 * What only the TPM in which both keys are can tell: it opens the secret of an activation.
 * @returns the secret
 * @throws device_failed, also where it was made for another TPM
 */
export function activate(tpm: TpmDevice, { ek, credential, seed }: Activation): Uint8Array {
  const isIt = (area: Uint8Array): boolean => equalBytes(sha256(area), ek);
  return withEndorsementKey(tpm, isIt, (key) =>
    withHandle(tpm, createPrimary(tpm, VOUCHER_TEMPLATE), (voucher) =>
      withHandle(tpm, startPolicy(tpm), (session) => {
        policySecret(tpm, session);
        const parameters = new Writer().bytes(sized(credential)).bytes(sized(seed));
        const command = { name: 'ActivateCredential', code: 0x147, handles: [voucher, key] };
        return execute(tpm, { ...command, authorized: true, session, parameters }, readSized);
      }),
    ),
  );
}

/** The one that is kept, where it is the right one: to make one takes a chip seconds. */
function withEndorsementKey<T>(
  tpm: TpmDevice,
  isRight: (area: Uint8Array) => boolean,
  act: (key: number) => T,
): T {
  return isKept(tpm, isRight)
    ? act(KEPT)
    : withHandle(tpm, createPrimary(tpm, ENDORSEMENT_TEMPLATE), act);
}

function isKept(tpm: TpmDevice, isRight: (area: Uint8Array) => boolean): boolean {
  try {
    return isRight(readPublic(tpm, KEPT));
  } catch (error) {
    if (error instanceof CoatcheckError && error.details['rc'] === NO_SUCH_HANDLE) return false;
    throw error;
  }
}

function readCertificate(tpm: TpmDevice): Uint8Array {
  const { attributes = 0, size = 0 } = nvReadPublic(tpm, CERTIFICATE) ?? {};
  const isReadable = (attributes & (READABLE | NV.READLOCKED)) === READABLE;
  if (!isReadable || size > MAX_CERTIFICATE_BYTES) return NOTHING;
  const whole = new Writer();
  for (let at = 0; at < size; at += READ_BYTES) {
    whole.bytes(nvRead(tpm, CERTIFICATE, Math.min(READ_BYTES, size - at), at));
  }
  return whole.finish();
}

/** Whoever has the endorsement hierarchy, with its empty password, may use the EK. */
function policySecret(tpm: TpmDevice, session: number): void {
  // No nonce, no parameters that it is for, no reference, no end.
  const parameters = new Writer().u16(0).u16(0).u16(0).u32(0);
  const command = { name: 'PolicySecret', code: 0x151, handles: [ENDORSEMENT, session] };
  execute(tpm, { ...command, authorized: true, parameters }, (answer) => answer.rest());
}
