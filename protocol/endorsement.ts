import { concat, fromHex, fromUtf8, Reader, toHex, utf8, Writer } from '../bundle/bytes.ts';
import { bundleError } from '../bundle/errors.ts';
import { MODULUS_BYTES } from './measured.ts';

/**
 * The endorsement key of a TPM (EK): RSA of 2048 bits by the template L-1, which every TPM has (TCG EK Credential Profile for
 * TPM Family 2.0, B.3.3). It decrypts what was made for one key of the same TPM, and nothing else (docs/adr/0320).
 */
export interface Endorsement {
  /** 256 bytes, the first bit set; the exponent is 65537 */
  readonly modulus: Uint8Array;
  /**
   * What the TPM keeps for the vendor's certificate, as it is there: DER, and whatever stands around it. No bytes: there is
   * none. Nothing of it was checked.
   */
  readonly certificate: Uint8Array;
}

/** Bytes of a certificate, at most: with a longer one a machine sends none. */
export const MAX_CERTIFICATE_BYTES = 2816;

/** fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt; AES-128-CFB below it (part 2, 8.3). */
const HEAD = new Writer()
  .u16(0x0001)
  .u16(0x000b)
  .u32(0x000300b2)
  .u16(32) // whoever has the endorsement hierarchy: TPM2_PolicySecret
  .bytes(fromHex('837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa'))
  .u16(0x0006)
  .u16(128)
  .u16(0x0043)
  .u16(0x0010)
  .u16(MODULUS_BYTES * 8)
  .u32(0) // 65537
  .u16(MODULUS_BYTES)
  .finish();

/** TPMT_PUBLIC of an EK. */
export const endorsementArea = (modulus: Uint8Array): Uint8Array => concat(HEAD, modulus);

/** The template of the EK. */
export const ENDORSEMENT_TEMPLATE = endorsementArea(new Uint8Array(MODULUS_BYTES));

/** The one encoding. */
export const encodeEndorsement = ({ modulus, certificate }: Endorsement): Uint8Array =>
  concat(modulus, certificate);

/** @throws truncated, bad_field */
export function decodeEndorsement(bytes: Uint8Array): Endorsement {
  const reader = new Reader(bytes);
  const modulus = reader.bytes(MODULUS_BYTES);
  if (modulus[0]! < 0x80) throw bundleError('bad_field', 'a modulus of RSA-2048 has 2048 bits');
  return { modulus, certificate: reader.rest() };
}

/** Who knows an EK: the site's own list, or the CA of a vendor that certified it. */
export type KnownBy =
  | { readonly by: 'list' }
  | {
      readonly by: 'ca';
      /** SHA-256 of its certificate, 64 hex digits */
      readonly sha256: string;
      /** its subject: 1 to 200 bytes of UTF-8; escape it when printing it */
      readonly subject: string;
    };

/**
 * That administrators know the EK of a machine, and what its TPM alone can open: a secret that was made for the key by which it
 * vouches (TPM 2.0 Library part 1, 24).
 */
export interface Activation {
  /** Digest in the name of the EK, 32 bytes */
  readonly ek: Uint8Array;
  /** Digest in the name of the key that vouches, 32 bytes */
  readonly voucher: Uint8Array;
  /** SHA-256 of the secret, which is the answer */
  readonly answer: Uint8Array;
  /** TPMS_ID_OBJECT: what TPM2_MakeCredential gives, 68 bytes */
  readonly credential: Uint8Array;
  /** What the EK decrypts, 256 bytes */
  readonly seed: Uint8Array;
  readonly known: KnownBy;
}

/** Bytes of the secret. */
export const ANSWER_BYTES = 32;
/** Bytes of TPMS_ID_OBJECT for a secret of so many: two TPM2B, and what is encrypted is one as well. */
const CREDENTIAL_BYTES = 2 + 32 + 2 + ANSWER_BYTES;
const [LIST, CA] = [0, 1];

/** The one encoding. */
export function encodeActivation(activation: Activation): Uint8Array {
  const { ek, voucher, answer, credential, seed, known } = activation;
  const writer = new Writer().bytes(concat(ek, voucher, answer, credential, seed));
  if (known.by === 'list') return writer.u8(LIST).finish();
  return writer.u8(CA).bytes(fromHex(known.sha256)).bytes(utf8(known.subject)).finish();
}

/** @throws truncated, trailing_bytes, bad_field, bad_encoding */
export function decodeActivation(bytes: Uint8Array): Activation {
  const reader = new Reader(bytes);
  const [ek, voucher, answer] = [reader.bytes(32), reader.bytes(32), reader.bytes(32)];
  const credential = reader.bytes(CREDENTIAL_BYTES);
  const seed = reader.bytes(MODULUS_BYTES);
  const known = readKnown(reader);
  reader.end();
  return { ek, voucher, answer, credential, seed, known };
}

function readKnown(reader: Reader): KnownBy {
  const kind = reader.u8();
  if (kind === LIST) return { by: 'list' };
  const sha256 = reader.bytes(32);
  const subject = reader.rest();
  if (kind !== CA || subject.length < 1 || subject.length > MAX_SUBJECT_BYTES) {
    throw bundleError('bad_field', 'who knows a TPM is a list, or a CA with a subject');
  }
  return { by: 'ca', sha256: toHex(sha256), subject: fromUtf8(subject) };
}

/** Bytes of the subject of a CA. */
export const MAX_SUBJECT_BYTES = 200;
