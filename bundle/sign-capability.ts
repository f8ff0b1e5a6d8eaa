import { ed25519Sign } from '#platform';
import { capabilityMessage } from './capability.ts';
import type { Capability, SignedCapability } from './capability.ts';
import type { Identity } from './identity.ts';

/**
 * Gives a capability, as one administrator.
 * @param keyIndex the position of the administrator's key in the keyset that it names
 * @throws as `decodeSignedCapability`
 */
export function signCapability(
  capability: Capability,
  identity: Identity,
  keyIndex: number,
): SignedCapability {
  const signature = ed25519Sign(identity.signSecret, capabilityMessage(capability));
  return { capability, signatures: [{ keyIndex, signature }] };
}
