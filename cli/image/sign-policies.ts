import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { fail } from '../../protocol/errors.ts';
import { fromBase64Url } from '../../bundle/index.ts';
import {
  keyId,
  MODULUS_BYTES,
  pcrKey,
  policyFor,
  signedClaim,
  signedPolicy,
} from '../../protocol/measured.ts';
import type { ImageClaim, PcrKey } from '../../protocol/measured.ts';
import type { SignedPolicies } from '../../protocol/policies.ts';

/**
 * The public half of a key that signs policies.
 * @param pem of either half
 * @throws file_malformed for one that is not of RSA-2048 with the exponent 65537
 */
export function pcrKeyOf(pem: Uint8Array): PcrKey {
  const { kty, n = '', e } = createPublicKey(Buffer.from(pem)).export({ format: 'jwk' });
  const modulus = fromBase64Url(n);
  if (kty === 'RSA' && e === 'AQAB' && modulus.length === MODULUS_BYTES) return pcrKey(modulus);
  throw fail(
    'file_malformed',
    'a key that signs policies is of RSA-2048 with the exponent 65537: every TPM takes that',
  );
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
  const signed = (bytes: Uint8Array): Uint8Array => Uint8Array.from(sign('sha256', bytes, secret));
  const forUse = (use: 'key' | 'counter' | 'memory'): Uint8Array =>
    signed(signedPolicy(policyFor(use, registers, key, image.generation), use));
  return {
    key: keyId(key),
    registers,
    signatures: {
      key: forUse('key'),
      counter: forUse('counter'),
      memory: forUse('memory'),
      image: signed(signedClaim(registers, image)),
    },
  };
}
