import { Writer } from '../../../bundle/bytes.ts';
import { measuredKeyTemplate } from '../../../protocol/measured.ts';
import { demandInForce } from './counter.ts';
import type { TpmDevice } from './device.ts';
import { execute } from './execute.ts';
import { createPrimary, hmac, withHandle } from './hmac-key.ts';
import { withPolicy } from './policy.ts';
import type { Authority } from './policy.ts';
import { NOTHING, SHA256 } from './structures.ts';

/**
 * HMAC-SHA256 of `bytes` under a primary key of the endorsement hierarchy that exists only for images that the site signed
 * policies for and did not revoke. The key is the same whatever the policies are, and nothing is stored but the counter.
 * @throws key_refused; device_failed
 */
export function hmacUnderPolicy(
  tpm: TpmDevice,
  authority: Authority,
  bytes: Uint8Array,
): Uint8Array {
  demandInForce(tpm, authority);
  return withHandle(tpm, measuredKey(tpm, authority), (key) =>
    withPolicy(tpm, authority, 'key', (session) => hmac(tpm, key, { session }, bytes)),
  );
}

/** The key itself, which is of no use without its policy. @returns its handle, to be flushed */
export const measuredKey = (tpm: TpmDevice, { key }: Authority): number =>
  createPrimary(tpm, measuredKeyTemplate(key, NOTHING));

/**
 * Extends PCR 11, so that no policy about it is true any more until this machine starts anew: what comes later in this boot
 * gets no key.
 * @throws device_failed
 */
export function extendImageRegister(tpm: TpmDevice): void {
  // One digest, of SHA-256: zeros (part 3, 22.2).
  const parameters = new Writer().u32(1).u16(SHA256).bytes(new Uint8Array(32));
  const command = { name: 'PCR_Extend', code: 0x182, handles: [11], parameters };
  execute(tpm, { ...command, authorized: true }, () => undefined);
}
