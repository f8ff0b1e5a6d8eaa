import type { Range } from '../admin/prove.ts';
import { count } from '../protocol/count.ts';

/** Why a slot holds no decision, for somebody who does not know the format. */
const SLOT_FAULTS: Readonly<Record<string, string>> = {
  approval_required: 'the node decided for itself, and an administrator’s decision stood',
  bad_chain: 'its keysets do not follow one another',
  bad_key_index: 'it is signed by a key that the keyset does not have',
  bad_magic: 'it does not begin as a decision does',
  bad_sequence: 'its number is not above that of the decision below',
  bad_signature: 'a signature is not good',
  bad_site: 'it is of another site',
  chain_too_large: 'its keysets are larger than any',
  digest_mismatch: 'the bundle that was stored with it is not the one that was signed',
  does_not_verify: 'a slot below it is free',
  duplicate: 'one key signed it twice',
  head_moved: 'it does not follow the verified decision below it',
  key_not_allowed: 'it is signed by a key that may not sign this',
  keyset_mismatch: 'it was signed under another keyset than it brings',
  not_pinned: 'its keysets do not lead to the one that you trust',
  not_this_node: 'it is about another node',
  self_signed_refused: 'the node signed it itself, and this site wants an administrator to',
  stale_keyset: 'it was signed under an older keyset than the decision below',
  threshold_not_met: 'too few administrators signed it',
  too_large: 'it is larger than any decision',
  trailing_bytes: 'something follows its end',
  truncated: 'it ends too early',
};

/** Why a slot does not verify; its code follows, by which docs/format.md has it. */
export const slotFaultText = (code: string): string =>
  `${SLOT_FAULTS[code] ?? 'it is no decision in our format'} (${code})`;

const KEYSET_FAULTS: Readonly<Record<string, string>> = {
  bad_chain: 'it does not hang together with the one that you trust',
  bad_key_index: 'it is signed by a key that the keyset before does not have',
  bad_signature: 'a signature is not good',
  bad_site: 'it is of another site',
  duplicate: 'a key is there twice',
  key_not_allowed: 'it is signed by a key that may not sign a keyset',
  threshold_not_met: 'too few of the administrators before signed it',
};

/** Why a keyset does not verify. */
export const keysetFaultText = (code: string): string =>
  `${KEYSET_FAULTS[code] ?? 'it is no keyset in our format'} (${code})`;

/** `slot 3 is missing`, `slots 3 to 5 are missing`. */
export const missingText = (what: string, { from, to }: Range): string =>
  from === to ? `${what} ${from} is missing` : `${what}s ${from} to ${to} are missing`;

/** What a record on its own cannot show, however well it verifies. */
export const UNKNOWN = [
  'Whether it is whole. What was decided last about a machine, or a whole machine, can be left out, and the rest verifies all the same. Compare the newest decisions with what somebody else has.',
  'What was before a record that begins late: it may have been pruned, or taken away.',
  'When a decision was made. Times are what those who signed it claim.',
  'Who people are. Names are those that the keysets give to keys.',
  'What was put in force. Contents are sealed, and are not in here; of each bundle there is the SHA-256 that was signed, and that of what was stored, as it was worked out by whoever read the store.',
] as const;

/** What is true of a file, besides. */
export const UNKNOWN_OF_FILE =
  'Whether this page is what coatcheck wrote. Who can change the record in this file can change what verifies it: compare the SHA-256 of the file, or verify the bucket yourself with coatcheck log --copy.';

/**
 * What was verified, and what was not.
 * @param of.late records that begin with a later decision than the first
 */
export function verifiedText(
  of: {
    readonly decisions: number;
    readonly nodes: number;
    readonly faults: number;
    readonly late: number;
  },
  { from, to }: Range,
): string {
  const { faults, late } = of;
  const by = from === to ? `keyset ${from}` : `keysets ${from} to ${to}`;
  const rest =
    faults === 0
      ? 'Nothing else is in the record.'
      : faults === 1
        ? '1 thing is missing or does not verify.'
        : `${faults} things are missing or do not verify.`;
  return [
    `${count(of.decisions, 'decision')} about ${count(of.nodes, 'node')} verified, under ${by}.`,
    rest,
    ...(late === 0
      ? []
      : [
          `${count(late, 'record')} ${late === 1 ? 'begins' : 'begin'} late: what was before ${late === 1 ? 'it' : 'them'} is not in here.`,
        ]),
  ].join(' ');
}
