import { createCipheriv, createPublicKey, publicEncrypt, constants } from 'node:crypto';
import { hmacSha256, randomBytes } from '#platform';
import { concat, toBase64Url, utf8, Writer } from '../../bundle/bytes.ts';
import type { Activation } from '../../protocol/endorsement.ts';
import { sized } from '../../protocol/measured.ts';

/**
 * What only the TPM with an endorsement key, and with another key of this name, can open (TPM 2.0 Library part 1, 24 and
 * B.10.4): TPM2_MakeCredential, without a TPM.
 * @param modulus of the endorsement key, 256 bytes
 * @param name of the other key, 34 bytes
 * @param secret at most 32 bytes
 * @throws where RSA cannot use the modulus
 */
export function makeCredential(
  modulus: Uint8Array,
  name: Uint8Array,
  secret: Uint8Array,
): Pick<Activation, 'credential' | 'seed'> {
  const seed = randomBytes(32);
  const jwk = { kty: 'RSA', n: toBase64Url(modulus), e: 'AQAB' };
  const encrypted = publicEncrypt(
    {
      key: createPublicKey({ key: jwk, format: 'jwk' }),
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      ...{ oaepHash: 'sha256', oaepLabel: utf8('IDENTITY\0') },
    },
    seed,
  );
  const cipher = createCipheriv(
    'aes-128-cfb',
    kdfa(seed, 'STORAGE', name, 128),
    new Uint8Array(16),
  );
  const identity = concat(cipher.update(sized(secret)), cipher.final());
  const integrity = hmacSha256(kdfa(seed, 'INTEGRITY', new Uint8Array(), 256), identity, name);
  return { credential: concat(sized(integrity), identity), seed: Uint8Array.from(encrypted) };
}

/** KDFa with SHA-256, of up to 256 bits (part 1, 11.4.10.2). */
function kdfa(key: Uint8Array, label: string, context: Uint8Array, bits: number): Uint8Array {
  const [counter, length] = [new Writer().u32(1).finish(), new Writer().u32(bits).finish()];
  return hmacSha256(key, counter, utf8(`${label}\0`), context, length).subarray(0, bits / 8);
}
