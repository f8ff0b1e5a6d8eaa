import { sha256 } from '#platform';
import { toBase64Url } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { encodeManifest } from '../../bundle/manifest.ts';
import type { Manifest } from '../../bundle/manifest.ts';
import { digestWords } from '../../bundle/words.ts';
import { encodeAttestation, qualifying } from '../../protocol/attestation.ts';
import { codeOf } from '../../protocol/errors.ts';
import { attest, readVoucher } from '../identity/tpm/attest.ts';
import { withTpm } from '../identity/tpm/device.ts';
import type { TpmDevice } from '../identity/tpm/device.ts';
import type { Authority } from '../identity/tpm/policy.ts';
import type { Node } from './node.ts';

/** What a manifest is with what its machine's TPM vouches for, where it does. */
export function attested(node: Node, manifest: Manifest): Manifest {
  const bytes = attestationOf(node, manifest.base, encodeManifest(manifest));
  if (bytes === undefined) return manifest;
  return { ...manifest, metadata: { ...manifest.metadata, attestation: toBase64Url(bytes) } };
}

/**
 * What this machine's TPM vouches for beside what it says. None where its key is bound to no image, or was put out of reach
 * since; a TPM that fails at it is noted, and nothing else.
 * @param statement digest of the statement in force, zeros for none
 */
export const attestationOf = (
  node: Node,
  statement: Uint8Array,
  text: Uint8Array,
): Uint8Array | undefined =>
  vouching(node, (tpm, authority) => {
    const about = { node: node.identity.id, statement, text: sha256(text) };
    const made = attest(tpm, authority, about, qualifying(node.site.id, about));
    return made && encodeAttestation(made);
  });

/** Shows whose word a review will take for it: an administrator compares the words, as the machine's own. */
export function tellTpm(node: Node): void {
  const voucher = vouching(node, readVoucher);
  if (voucher === undefined) return;
  for (const line of ['its TPM:', `    ${digestWords(sha256(voucher))}`, '']) {
    node.console.note(line);
  }
}

function vouching<T>(
  { authority, keySource, console }: Node,
  act: (tpm: TpmDevice, authority: Authority) => T,
): T | undefined {
  if (authority === undefined || keySource !== 'tpm') return undefined;
  try {
    return withTpm((tpm) => act(tpm, authority));
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    console.note(`nobody vouches for this machine: ${error.message} [${codeOf(error)}]`);
    return undefined;
  }
}
