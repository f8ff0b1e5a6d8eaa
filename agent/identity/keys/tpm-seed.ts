import { utf8 } from '../../../bundle/bytes.ts';
import { fail } from '../../../protocol/errors.ts';
import { assertStrongSecret } from '../../../protocol/secrets.ts';
import { readCounter } from '../tpm/counter.ts';
import { withTpm } from '../tpm/device.ts';
import { hmacUnderPrimary } from '../tpm/hmac-key.ts';
import { hmacUnderPolicy } from '../tpm/measured-key.ts';
import type { Authority } from '../tpm/policy.ts';

const LABEL = utf8('coatcheck/v1 tpm-seed');
/**
 * fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA and sign (TPM 2.0 Library part 2, 8.3). No key
 * without noDA: a wrong guess elsewhere must not lock this machine out of its own seed.
 */
const ATTRIBUTES = 0x00040472;

/**
 * The seed that this TPM gives, 32 bytes: HMAC-SHA256 of a label under a primary key of the
 * endorsement hierarchy. Nothing is stored: the TPM derives the key anew from its own seed, which no
 * software can read and TPM2_Clear does not change (part 1, "Hierarchies").
 * @param authority of a signed image, whose key exists for such images alone
 * @throws device_missing, device_failed; key_refused
 */
export function readTpmSeed(authority: Authority | undefined): Uint8Array {
  const seed = withTpm((tpm) =>
    authority === undefined
      ? hmacUnderPrimary(tpm, ATTRIBUTES, LABEL)
      : hmacUnderPolicy(tpm, authority, LABEL),
  );
  if (seed.length !== 32)
    throw fail('device_failed', `the TPM gave ${seed.length} bytes for a seed of 32`);
  assertStrongSecret(seed, 'what the TPM gave');
  return seed;
}

/**
 * The seed that this TPM gave to earlier images, of another key of the site; undefined where it gave none.
 * @throws device_failed; key_refused where this image cannot have it; file_malformed
 */
export const readFormerSeed = (authority: Authority): Uint8Array | undefined =>
  // A TPM has the counter of each key that it gave a seed under: it is not made here.
  withTpm((tpm) => readCounter(tpm, authority.key)) === undefined
    ? undefined
    : readTpmSeed(authority);
