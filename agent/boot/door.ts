import { withTpm } from '../identity/tpm/device.ts';
import { extendImageRegister } from '../identity/tpm/measured-key.ts';
import type { Node } from './node.ts';

/**
 * Where what a machine's TPM has is bound to its image, has the TPM give it to nobody until the machine starts anew.
 * @returns whether it is
 * @throws device_failed
 */
export function shutDoor({ authority }: Pick<Node, 'authority'>): boolean {
  if (authority === undefined) return false;
  withTpm(extendImageRegister);
  return true;
}
