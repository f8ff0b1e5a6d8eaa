import { randomBytes, sha256 } from '#platform';
import { concat, equalBytes, fromBase64Url, fromHex, toBase64Url, toHex } from '../bundle/bytes.ts';
import type { Metadata } from '../bundle/index.ts';
import {
  ANSWER_BYTES,
  decodeActivation,
  decodeEndorsement,
  encodeActivation,
  endorsementArea,
} from '../protocol/endorsement.ts';
import type { Activation, Endorsement, KnownBy } from '../protocol/endorsement.ts';
import { fail } from '../protocol/errors.ts';

/** What a site knows TPMs by. */
export interface Knowing {
  /** @throws does_not_verify with why nobody knows it */
  judge(endorsement: Endorsement): KnownBy;
  /**
   * TPM2_MakeCredential.
   * @param name of the key that vouches, 34 bytes
   * @throws where RSA cannot use the modulus
   */
  makeCredential(
    modulus: Uint8Array,
    name: Uint8Array,
    secret: Uint8Array,
  ): Pick<Activation, 'credential' | 'seed'>;
}

/** What speaks against what a bundle says of the key by which its TPM may be known. */
export type EndorsementFault =
  /** What the machine says of the key is nothing that this program reads. */
  | { readonly code: 'malformed' }
  /** Who knows it cannot be read. */
  | { readonly code: 'malformed_activation' }
  /** It is said of another TPM, or of another key, that it is known. */
  | { readonly code: 'other_tpm' };

/** The key by which a machine's TPM may be known, as a bundle names it. */
export interface EndorsementView {
  /** SHA-256 in its name, 64 hex digits; absent where it is malformed */
  readonly key?: string;
  /** bytes of what its TPM has for a vendor's certificate, of which nothing was checked here; 0: none */
  readonly certificate?: number;
  /** who knows it, as administrators say with the bundle; absent where they do not */
  readonly known?: KnownBy;
  readonly faults: readonly EndorsementFault[];
}

/** {@link EndorsementView} of a bundle; undefined where it says nothing. @param voucher as `voucherId`; absent: none */
export function endorsementView(
  { endorsement, activation }: Metadata,
  voucher: string | undefined,
): EndorsementView | undefined {
  if (endorsement === undefined && activation === undefined) return undefined;
  const read = endorsement === undefined ? undefined : endorsementIn(endorsement);
  const made = activation === undefined ? undefined : activationIn(activation);
  const key = read && toHex(ekOf(read));
  const isOther = made !== undefined && (toHex(made.voucher) !== voucher || toHex(made.ek) !== key);
  return {
    ...(read && { key: toHex(ekOf(read)), certificate: read.certificate.length }),
    ...(made && !isOther && { known: made.known }),
    faults: [
      ...(endorsement !== undefined && read === undefined ? [{ code: 'malformed' } as const] : []),
      ...(activation !== undefined && made === undefined
        ? [{ code: 'malformed_activation' } as const]
        : []),
      ...(isOther ? [{ code: 'other_tpm' } as const] : []),
    ],
  };
}

/** That administrators know the TPM with this key that vouches; undefined where these metadata do not say so. */
export function activationFor(
  { activation }: Metadata,
  voucher: string,
): Pick<Activation, 'answer' | 'known'> | undefined {
  const made = activation === undefined ? undefined : activationIn(activation);
  return made !== undefined && toHex(made.voucher) === voucher ? made : undefined;
}

/**
 * Metadata that say that the TPM is known, with what proves it; the same where they say so already.
 * @param voucher of the TPM that was approved, as `voucherId`
 * @throws not_found, does_not_verify
 */
export function withActivation(metadata: Metadata, voucher: string, by: Knowing): Metadata {
  if (metadata.endorsement === undefined) {
    throw fail(
      'not_found',
      'its bundle names no endorsement key: its TPM showed none, or its image is of an older version; coatcheck reconfigure has it say what there is now',
    );
  }
  const endorsement = endorsementIn(metadata.endorsement);
  if (endorsement === undefined) {
    throw fail('does_not_verify', 'what it says of its endorsement key cannot be read');
  }
  const known = by.judge(endorsement);
  const before = metadata.activation === undefined ? undefined : activationIn(metadata.activation);
  const about = { ek: ekOf(endorsement), voucher: fromHex(voucher) };
  const isSame =
    before !== undefined &&
    equalBytes(before.ek, about.ek) &&
    equalBytes(before.voucher, about.voucher) &&
    JSON.stringify(before.known) === JSON.stringify(known);
  if (isSame) return metadata;
  const secret = randomBytes(ANSWER_BYTES);
  const name = concat(fromHex('000b'), about.voucher);
  const made = { ...by.makeCredential(endorsement.modulus, name, secret), known };
  const activation = encodeActivation({ ...about, answer: sha256(secret), ...made });
  return { ...metadata, activation: toBase64Url(activation) };
}

/** Digest in the name of an endorsement key. */
const ekOf = ({ modulus }: Endorsement): Uint8Array => sha256(endorsementArea(modulus));

const endorsementIn = (text: string): Endorsement | undefined => reading(text, decodeEndorsement);
const activationIn = (text: string): Activation | undefined => reading(text, decodeActivation);

function reading<T>(text: string, decode: (bytes: Uint8Array) => T): T | undefined {
  try {
    return decode(fromBase64Url(text));
  } catch {
    return undefined;
  }
}
