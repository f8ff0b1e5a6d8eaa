import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { fail } from '../../protocol/errors.ts';
import { fromBase64Url, toBase64Url } from '../../bundle/index.ts';
import {
  keyId,
  MODULUS_BYTES,
  pcrKey,
  policyFor,
  signedClaim,
  signedPolicy,
} from '../../protocol/measured.ts';
import type { ImageClaim, PcrKey, Use } from '../../protocol/measured.ts';
import type { SignedPolicies } from '../../protocol/policies.ts';

/**
 * The public half of a key that signs policies.
 * @param pem of either half
 * @param path of its file, for messages
 * @throws file_malformed for one that is not of RSA-2048 with the exponent 65537
 */
export function pcrKeyOf(pem: Uint8Array, path = 'the key'): PcrKey {
  const { kty, n = '', e } = read(pem, path).export({ format: 'jwk' });
  const modulus = fromBase64Url(n);
  if (kty === 'RSA' && e === 'AQAB' && modulus.length === MODULUS_BYTES) return pcrKey(modulus);
  throw fail(
    'file_malformed',
    `${path}: a key that signs policies is of RSA-2048 with the exponent 65537, which every TPM takes`,
  );
}

function read(pem: Uint8Array, path: string): KeyObject {
  try {
    return createPublicKey(Buffer.from(pem));
  } catch (cause) {
    throw fail('file_malformed', `${path} is no key in PEM`, { cause });
  }
}

/**
 * Signs what a machine's TPM opens for an image, and about the image.
 * @param pem PKCS #8, a key of RSA-2048
 * @param registers policy of what the registers hold once the image was started, 32 bytes (`registersPolicy`)
 */
export function signPolicies(
  pem: Uint8Array,
  registers: Uint8Array,
  image: ImageClaim,
): SignedPolicies {
  const [key, secret] = [pcrKeyOf(pem), createPrivateKey(Buffer.from(pem))];
  const signed = (what: Signed): Uint8Array =>
    Uint8Array.from(sign('sha256', bytesOf(what, registers, key, image), secret));
  return {
    key: keyId(key),
    registers,
    signatures: {
      key: signed('key'),
      counter: signed('counter'),
      memory: signed('memory'),
      image: signed('image'),
    },
  };
}

/** What of it has a signature: each use, and the claim about the image. */
type Signed = Use | 'image';
const SIGNED: readonly Signed[] = ['key', 'counter', 'memory', 'image'];

const bytesOf = (
  what: Signed,
  registers: Uint8Array,
  key: PcrKey,
  image: ImageClaim,
): Uint8Array =>
  what === 'image'
    ? signedClaim(registers, image)
    : signedPolicy(policyFor(what, registers, key, image.generation), what);

/** Whether a key signed all of what {@link signPolicies} signs, about this image. */
export function arePoliciesOf(
  { key: id, registers, signatures }: SignedPolicies,
  key: PcrKey,
  image: ImageClaim,
): boolean {
  const known = publicKey(key);
  return (
    id === keyId(key) &&
    SIGNED.every((what) =>
      verify('sha256', bytesOf(what, registers, key, image), known, signatures[what]),
    )
  );
}

/** The public half of a key that signs policies: PEM, SubjectPublicKeyInfo. */
export const pemOfPcrKey = (key: PcrKey): string =>
  publicKey(key).export({ type: 'spki', format: 'pem' }) as string;

const publicKey = ({ modulus }: PcrKey): KeyObject =>
  createPublicKey({ key: { kty: 'RSA', n: toBase64Url(modulus), e: 'AQAB' }, format: 'jwk' });
