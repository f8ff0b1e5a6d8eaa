import { ed25519Sign } from '#platform';
import { concat, fromHex, toHex } from '../../../bundle/bytes.ts';
import { deriveIdentity } from '../../../bundle/identity.ts';
import { MAX_SEALED_BYTES, SIGNATURE_BYTES, signedMessage } from '../../../bundle/header.ts';
import { ada, node } from '../../fixtures/format.ts';
import { fixed, flip, patch, resign, seal, suite } from '../build.ts';
import type { Vector } from '../vector.ts';

const L = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/** S + L instead of S: the same point, another signature. */
function withHighS(bytes: Uint8Array): Uint8Array {
  const result = bytes.slice();
  const s = result.subarray(result.length - 32);
  let carry = 0;
  for (let i = 0; i < 32; i++) {
    carry += s[i]! + L[i]!;
    s[i] = carry & 255;
    carry >>= 8;
  }
  return result;
}

/** What readBundle checks of a proposal, without opening it. */
export function header(): Vector[] {
  const { accepts, refuses } = suite('header', 'proposal');
  const good = seal();
  const many = Array.from({ length: 16 }, (_, i) => deriveIdentity(fixed(`admin ${i}`)).boxKey);
  // As resign, with the context string of a report.
  const signedAsReport = resign(good, node, 'report');
  const unsigned = good.subarray(0, good.length - SIGNATURE_BYTES);
  const withoutContext = concat(unsigned, ed25519Sign(node.signSecret, unsigned));
  const signedDigestOnly = concat(
    unsigned,
    ed25519Sign(node.signSecret, signedMessage('node', unsigned).subarray(20)),
  );
  const set = (offset: number, hex: string): Uint8Array => resign(patch(good, offset, hex));
  return [
    accepts('ok_node', 'made by the node', good),
    accepts('ok_admin', 'made by an administrator', seal({ kind: 'admin', signer: ada })),
    accepts('ok_one_recipient', '1 recipient', seal({ recipients: [node.boxKey] })),
    accepts('ok_16_recipients', '16 recipients', seal({ recipients: many })),
    accepts('ok_exactly_max_bytes', 'as long as the limit', good, {
      'max-bytes': String(good.length),
    }),
    refuses('max_bytes', 'too_large', 'one byte over the limit of the site', good, {
      'max-bytes': String(good.length - 1),
    }),
    refuses(
      'hard_limit',
      'too_large',
      'one byte over 1 MiB, whatever the site says',
      concat(good, new Uint8Array(MAX_SEALED_BYTES + 1 - good.length)),
      { 'max-bytes': String(2 * MAX_SEALED_BYTES) },
    ),
    refuses('empty', 'truncated', 'no bytes', new Uint8Array()),
    refuses('magic_only', 'truncated', 'three bytes', good.subarray(0, 3)),
    refuses('cut_in_prefix', 'truncated', '71 of the first 72 bytes', good.subarray(0, 71)),
    refuses('cut_in_slots', 'truncated', 'ends in the second slot', good.subarray(0, 199)),
    refuses('cut_in_signature', 'truncated', 'no room for a box', good.subarray(0, 279)),
    refuses('cut', 'bad_signature', 'the last byte is missing', good.subarray(0, good.length - 1)),
    refuses('trailing', 'bad_signature', 'one byte more', concat(good, Uint8Array.of(0))),
    refuses('magic', 'bad_magic', 'another magic', set(0, '636370')),
    refuses('keyset_magic', 'bad_magic', 'the magic of a keyset', set(0, '63636b')),
    refuses('version_0', 'unsupported_version', 'version 0', set(3, '00')),
    refuses('version_2', 'unsupported_version', 'version 2', set(3, '02')),
    refuses('suite', 'unsupported_suite', 'suite 1', set(4, '01')),
    refuses('kind', 'bad_kind', 'kind 3', set(5, '03')),
    refuses('kind_report', 'bad_kind', 'a report where a proposal is expected', set(5, '02')),
    refuses('dictionary', 'unknown_dictionary', 'dictionary 2', set(6, '02')),
    refuses('no_recipients', 'bad_recipient_count', '0 recipients', set(7, '00')),
    refuses('17_recipients', 'bad_recipient_count', '17 recipients', set(7, '11')),
    refuses('recipient_removed', 'bad_signature', 'says 1 recipient', patch(good, 7, '01')),
    refuses(
      'signer_small_order',
      'bad_public_key',
      'the key of the signer is of small order',
      set(8, `ec${'ff'.repeat(30)}7f`),
    ),
    refuses(
      'signer_not_canonical',
      'bad_public_key',
      'the key of the signer is not canonical',
      set(8, `ee${'ff'.repeat(30)}7f`),
    ),
    refuses(
      'ephemeral_small_order',
      'bad_public_key',
      'the ephemeral key is of small order: anybody could open it',
      set(40, '00'.repeat(32)),
    ),
    refuses(
      'ephemeral_not_canonical',
      'bad_public_key',
      'the top bit of the ephemeral key is set',
      set(71, toHex(Uint8Array.of(good[71]! | 128))),
    ),
    refuses(
      'kind_changed',
      'bad_signature',
      'says that an administrator made it',
      patch(good, 5, '01'),
    ),
    refuses(
      'signer_changed',
      'bad_signature',
      'names another signer',
      patch(good, 8, toHex(ada.signKey)),
    ),
    refuses('commitment_flipped', 'bad_signature', 'one bit', flip(good, 72)),
    refuses('slot_flipped', 'bad_signature', 'one bit', flip(good, 104)),
    refuses('box_flipped', 'bad_signature', 'one bit', flip(good, 210)),
    refuses('signature_flipped', 'bad_signature', 'one bit', flip(good, -1)),
    refuses('signature_zero', 'bad_signature', 'all zeros', patch(good, -64, '00'.repeat(64))),
    refuses('signature_high_s', 'bad_signature', 'S + L instead of S', withHighS(good)),
    refuses('signed_by_other', 'bad_signature', 'signed by another key', resign(good, ada)),
    refuses('signed_as_report', 'bad_signature', 'with the text for reports', signedAsReport),
    refuses('signed_without_context', 'bad_signature', 'the bytes themselves', withoutContext),
    refuses('signed_digest_only', 'bad_signature', 'only the digest', signedDigestOnly),
  ];
}
