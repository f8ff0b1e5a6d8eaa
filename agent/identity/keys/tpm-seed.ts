import * as fs from 'node:fs';
import { assertStrongSecret } from '../../../protocol/secrets.ts';
import { fail } from '../../../protocol/errors.ts';
import { withTpm } from '../../programs/tpm.ts';

const LABEL = 'coatcheck/v1 tpm-seed';
/** No `noda`-less key: a wrong guess elsewhere must not lock this machine out of its own seed. */
const ATTRIBUTES = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign';

/**
 * The seed that this TPM gives, 32 bytes: HMAC-SHA256 of a label under a primary key of the
 * endorsement hierarchy. Nothing is stored: the TPM derives the key anew from its own seed, which no
 * software can read and `tpm2_clear` does not change (TPM 2.0 Library part 1, "Hierarchies").
 * @throws device_missing, device_failed
 */
export function readTpmSeed(): Uint8Array {
  return withTpm((tpm) => {
    const [key, label] = [tpm.file('primary.ctx'), tpm.file('label')];
    fs.writeFileSync(label, LABEL);
    const template = ['-Q', '-C', 'e', '-g', 'sha256', '-G', 'hmac', '-a', ATTRIBUTES];
    tpm.run('tpm2_createprimary', [...template, '-c', key]);
    try {
      const hex = tpm.run('tpm2_hmac', ['-g', 'sha256', '-c', key, '--hex', label]).toString();
      if (!/^[0-9a-f]{64}$/.test(hex.trim())) {
        throw fail('device_failed', 'tpm2_hmac gave something else than 32 bytes');
      }
      const seed = new Uint8Array(Buffer.from(hex.trim(), 'hex'));
      assertStrongSecret(seed, 'what the TPM gave');
      return seed;
    } finally {
      tpm.run('tpm2_flushcontext', ['-t']);
    }
  });
}
