import { randomBytes, sha256 } from '#platform';
import { equalBytes, fromBase64Url, fromHex, toBase64Url, toHex } from '../bundle/bytes.ts';
import type { Manifest, Metadata } from '../bundle/index.ts';
import {
  ANSWER_BYTES,
  decodeActivation,
  decodeEndorsement,
  encodeActivation,
  endorsementArea,
} from '../protocol/endorsement.ts';
import type { Activation, Endorsement, KnownBy } from '../protocol/endorsement.ts';
import { fail } from '../protocol/errors.ts';
import { nameWith } from '../protocol/measured.ts';

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
  metadata: Metadata,
  voucher: string | undefined,
): EndorsementView | undefined {
  const { endorsement, activation } = metadata;
  if (endorsement === undefined && activation === undefined) return undefined;
  const read = endorsementIn(endorsement);
  const made = activationIn(activation);
  const known = activationFor(metadata, voucher)?.known;
  const isOther = made !== undefined && known === undefined;
  return {
    ...(read && { key: toHex(ekOf(read)), certificate: read.certificate.length }),
    ...(known && { known }),
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
  { endorsement, activation }: Metadata,
  voucher: string | undefined,
): Pick<Activation, 'answer' | 'known'> | undefined {
  const [read, made] = [endorsementIn(endorsement), activationIn(activation)];
  if (read === undefined || made === undefined) return undefined;
  return toHex(made.voucher) === voucher && equalBytes(made.ek, ekOf(read)) ? made : undefined;
}

/** Whether two bundles say that the same TPM is known by the same, or both that none is. */
export function sameKnowing(a: Metadata, b: Metadata): boolean {
  const [one, other] = [a, b].map(({ activation }) => {
    const made = activationIn(activation);
    return made && [toHex(made.ek), toHex(made.voucher), made.known];
  });
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What a bundle says besides. */
export function withoutActivation(manifest: Manifest): Manifest {
  const { activation: _, ...metadata } = manifest.metadata;
  return { ...manifest, metadata };
}

/**
 * Metadata that say that the TPM is known, with what proves it; the same where they say so already and one administrator is
 * enough. Of several, each who asks has another secret made: who made the one of before could answer it without the TPM.
 * @param voucher of the TPM that was approved, as `voucherId`
 * @param threshold how many administrators have to sign
 * @throws not_found, does_not_verify
 */
export function withActivation(
  metadata: Metadata,
  voucher: string,
  by: Knowing,
  threshold: number,
): Metadata {
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
  const about = { ek: ekOf(endorsement), voucher: fromHex(voucher) };
  const secret = randomBytes(ANSWER_BYTES);
  const made = {
    ...by.makeCredential(endorsement.modulus, nameWith(about.voucher), secret),
    known,
  };
  const activation = encodeActivation({ ...about, answer: sha256(secret), ...made });
  const changed = { ...metadata, activation: toBase64Url(activation) };
  return threshold === 1 && sameKnowing(metadata, changed) ? metadata : changed;
}

/** Digest in the name of an endorsement key. */
const ekOf = ({ modulus }: Endorsement): Uint8Array => sha256(endorsementArea(modulus));

const endorsementIn = (text: string | undefined): Endorsement | undefined =>
  reading(text, decodeEndorsement);
const activationIn = (text: string | undefined): Activation | undefined =>
  reading(text, decodeActivation);

/** Undefined where there is nothing, or nothing that can be read. */
function reading<T>(text: string | undefined, decode: (bytes: Uint8Array) => T): T | undefined {
  if (text === undefined) return undefined;
  try {
    return decode(fromBase64Url(text));
  } catch {
    return undefined;
  }
}
