import { sha256 } from '#platform';
import { fromBase64Url, toBase64Url } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import type { SealedBundle } from '../../bundle/header.ts';
import { encodeManifest } from '../../bundle/manifest.ts';
import type { Manifest, Metadata } from '../../bundle/manifest.ts';
import { digestWords } from '../../bundle/words.ts';
import { encodeAttestation, qualifying } from '../../protocol/attestation.ts';
import { decodeActivation, encodeEndorsement } from '../../protocol/endorsement.ts';
import { codeOf } from '../../protocol/errors.ts';
import { attest, readVoucher } from '../identity/tpm/attest.ts';
import { withTpm } from '../identity/tpm/device.ts';
import type { TpmDevice } from '../identity/tpm/device.ts';
import { activate, readEndorsement } from '../identity/tpm/endorsement.ts';
import type { Authority } from '../identity/tpm/policy.ts';
import { openOwn } from './node.ts';
import type { Node } from './node.ts';

/**
 * What a manifest is with what its machine's TPM vouches for, where it does, and with the key by which administrators may know
 * the TPM.
 * @param inForce the bundle in force
 */
export function attested(node: Node, manifest: Manifest, inForce?: SealedBundle): Manifest {
  const endorsement = vouching(node, 'its TPM shows no endorsement key', (tpm) =>
    encodeEndorsement(readEndorsement(tpm)),
  );
  const whole = adding(manifest, endorsement && { endorsement: toBase64Url(endorsement) });
  const bytes = attestationOf(node, manifest.base, encodeManifest(whole), inForce);
  return adding(whole, bytes && { attestation: toBase64Url(bytes) });
}

const adding = (manifest: Manifest, metadata: Metadata | undefined): Manifest => ({
  ...manifest,
  metadata: { ...manifest.metadata, ...metadata },
});

/**
 * What this machine's TPM vouches for beside what it says. None where its key is bound to no image, or was put out of reach
 * since; a TPM that fails at it is noted, and nothing else.
 * @param statement digest of the statement in force, zeros for none
 * @param inForce the bundle that it put in force: where administrators know the TPM by that, it shows that it is the one
 */
export function attestationOf(
  node: Node,
  statement: Uint8Array,
  text: Uint8Array,
  inForce: SealedBundle | undefined,
): Uint8Array | undefined {
  const about = { node: node.identity.id, statement, text: sha256(text) };
  const made = vouching(node, 'nobody vouches for this machine', (tpm, authority) =>
    attest(tpm, authority, about, qualifying(node.site.id, about)),
  );
  if (made === undefined) return undefined;
  const answer = inForce && answerTo(node, inForce);
  return encodeAttestation({ ...made, ...(answer && { answer }) });
}

const answerTo = (node: Node, inForce: SealedBundle): Uint8Array | undefined =>
  vouching(node, 'its TPM does not show that it is the one that is known', (tpm) => {
    const { activation } = openOwn(node, inForce).metadata;
    return activation === undefined
      ? undefined
      : activate(tpm, decodeActivation(fromBase64Url(activation)));
  });

/** Shows whose word a review will take for it: an administrator compares the words, as the machine's own. */
export function tellTpm(node: Node): void {
  const voucher = vouching(node, 'nobody vouches for this machine', readVoucher);
  if (voucher === undefined) return;
  for (const line of ['its TPM:', `    ${digestWords(sha256(voucher))}`, '']) {
    node.console.note(line);
  }
}

/** @param failed what is noted where the TPM fails at it */
function vouching<T>(
  { authority, keySource, console }: Node,
  failed: string,
  act: (tpm: TpmDevice, authority: Authority) => T,
): T | undefined {
  if (authority === undefined || keySource !== 'tpm') return undefined;
  try {
    return withTpm((tpm) => act(tpm, authority));
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    console.note(`${failed}: ${error.message} [${codeOf(error)}]`);
    return undefined;
  }
}
