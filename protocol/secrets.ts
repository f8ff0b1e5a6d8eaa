import { fail } from './errors.ts';

/** A random secret of 32 bytes has about 30 different ones, and a hex text of one all 16 digits. */
const MIN_DISTINCT_BYTES = 11;

/**
 * Refuses secrets that were never random: shorter than 32 bytes, all zero or otherwise monotonous,
 * a repeated word, or counted up (00 01 02 ...).
 * @param what names the secret in the message, e.g. `the upload secret`
 * @throws weak_secret
 */
export function assertStrongSecret(secret: Uint8Array, what: string): void {
  const step = (secret[1] ?? 0) - (secret[0] ?? 0);
  const counted = secret.every((byte, i) => byte === (((secret[0]! + i * step) % 256) + 256) % 256);
  if (secret.length < 32 || new Set(secret).size < MIN_DISTINCT_BYTES || counted) {
    throw fail('weak_secret', `${what} must be 32 random bytes: this one is short or a default`);
  }
}
