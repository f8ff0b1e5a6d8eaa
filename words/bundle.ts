import type { BundleFacts, BundleSigner } from '../admin/views/bundle.ts';
import { nodeWords } from '../bundle/words.ts';
import { escapeLine } from '../protocol/escape.ts';
import type { Predecessor } from '../protocol/succession.ts';
import { attestedText, endorsementText } from './attested.ts';
import { when } from './time.ts';
import { imageText } from './warnings.ts';

/** Which node it is: its console shows the same words. */
export function nameLines({
  node,
  words,
}: Pick<BundleFacts, 'node' | 'words'>): [string, string][] {
  return [
    ['node', node],
    ['words', words],
  ];
}

/** The name of whoever signed a bundle. */
function signerName(signer: BundleSigner): string {
  if (signer.by === 'node') return 'the node itself';
  return signer.name === undefined
    ? 'an administrator of an older keyset'
    : `administrator ${signer.name}`;
}

/** Which machine one was, and what that is worth. */
export const predecessorText = ({ node, isProven }: Predecessor): string =>
  `machine ${node} (${nodeWords(node)})${isProven ? ', by the signature of its key' : ': an unproven claim, its key did not sign that'}`;

/**
 * Who and what a bundle is; every fact that only the node vouches for is marked as its claim.
 * @param isDecided what its TPM vouched for may be otherwise since: the node's report says how it is
 */
export function aboutLines(
  facts: BundleFacts,
  { isDecided = false }: { readonly isDecided?: boolean } = {},
): [string, string][] {
  const { hostname, keySource, pcrKey, succeeds, madeAt, madeBy, digest, size } = facts;
  const bound = pcrKey === undefined ? '' : `, bound to PCR key ${pcrKey}`;
  const then = isDecided ? 'when this was proposed: ' : '';
  const claim = (text: string | undefined): string =>
    text === undefined ? 'not said' : `${escapeLine(text)} (as the maker claims)`;
  const made = [
    ...(madeAt === undefined ? [] : [when(madeAt)]),
    ...(madeBy === undefined ? [] : [`by ${madeBy}`]),
  ].join(' ');
  return [
    ...nameLines(facts),
    ['host name', claim(hostname)],
    ['key from', claim(keySource && keySource + bound)],
    ...(succeeds === undefined
      ? []
      : [['succeeds', predecessorText(succeeds)] as [string, string]]),
    ['made', claim(made === '' ? undefined : made)],
    ['signed by', signerName(facts.signer)],
    [
      'bundle',
      digest === undefined ? 'sealed once you have said yes' : `${digest}, ${size} bytes sealed`,
    ],
    ['image', claim(facts.image && imageText(facts.image))],
    ...(facts.attested ? [['TPM', then + attestedText(facts.attested)] as [string, string]] : []),
    ...(facts.endorsement
      ? [['TPM key', endorsementText(facts.endorsement)] as [string, string]]
      : []),
    ['files', String(facts.files)],
  ];
}
