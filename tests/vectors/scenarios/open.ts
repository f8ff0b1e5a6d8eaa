import { deflateSync } from 'fflate';
import { concat, fromHex, toHex, Writer } from '../../../bundle/bytes.ts';
import { encodeManifest, MAX_MANIFEST_BYTES } from '../../../bundle/manifest.ts';
import { pad } from '../../../bundle/padding.ts';
import { encodeInner } from '../../../bundle/seal.ts';
import { longCodes } from '../../fixtures/deflate.ts';
import { ada, fileOf, manifestOf, otherNode } from '../../fixtures/format.ts';
import { flip, patch, resign, seal, suite } from '../build.ts';
import { twoKeyBundle } from '../two-keys.ts';
import type { Vector } from '../vector.ts';

const seedOf = (byte: number): { seed: string } => ({ seed: toHex(new Uint8Array(32).fill(byte)) });
const NODE = seedOf(1);
const ADA = seedOf(3);
const GRACE = seedOf(4);

const plain = encodeManifest(manifestOf());
const knowing = encodeManifest(manifestOf({ metadata: { activation: 'AZ_-' } }));
const revoking = encodeManifest(manifestOf({ metadata: { generation: 2 } }));
const deflate = (bytes: Uint8Array): Uint8Array => deflateSync(bytes, { level: 9 });
/** A declared length, whatever follows, and the padding. */
const innerOf = (length: number, ...compressed: Uint8Array[]): Uint8Array =>
  pad(concat(new Writer().u32le(length).finish(), ...compressed));
const sealInnerOf = (inner: Uint8Array): Uint8Array => seal({ inner, dictionaryId: 0 });

/** What only a recipient can find: keys, commitment, padding, compression. */
export function open(): Vector[] {
  const { accepts, refuses } = suite('open', 'open-proposal', NODE);
  const good = seal();
  const twoKeys = twoKeyBundle().bundle;
  const slotsEnd = 104 + 2 * 48;
  const swapped = concat(
    good.subarray(0, 104),
    good.subarray(152, 200),
    good.subarray(104, 152),
    good.subarray(200),
  );
  const foreignSlot = concat(
    good.subarray(0, 104),
    seal({ label: 'other' }).subarray(104, 152),
    good.subarray(152),
  );
  const stolen = resign(patch(good, 8, toHex(otherNode.signKey)), otherNode);
  return [
    accepts('ok', 'opened by the node', good),
    accepts('ok_by_admin', 'opened by the administrator', good, ADA),
    accepts('ok_made_by_admin', 'an administrator made it', seal({ kind: 'admin', signer: ada })),
    accepts(
      'ok_revokes_images',
      'an administrator says that images are revoked',
      seal({ kind: 'admin', signer: ada, plain: revoking }),
    ),
    accepts(
      'ok_knows_tpm',
      'an administrator says that a TPM is known',
      seal({ kind: 'admin', signer: ada, plain: knowing }),
    ),
    accepts('ok_without_dictionary', 'dictionary 0', seal({ dictionaryId: 0 })),
    accepts('ok_swapped_slots', 'the order of slots does not matter', resign(swapped)),
    accepts(
      'ok_stored',
      'a stored block',
      sealInnerOf(innerOf(plain.length, deflateSync(plain, { level: 0 }))),
    ),
    accepts(
      'ok_long_codes',
      'fifty empty blocks, each with new codes of up to 15 bits, before a stored one',
      sealInnerOf(innerOf(plain.length, longCodes(50, '', plain))),
    ),
    accepts(
      'ok_binary_content',
      'contents of 1,000 bytes of every value',
      seal({
        plain: encodeManifest(
          manifestOf({
            files: [
              fileOf('etc/blob', '', {
                content: Uint8Array.from({ length: 1000 }, (_, i) => (i * 7919) & 255),
              }),
            ],
          }),
        ),
      }),
    ),
    refuses('not_a_recipient', 'not_a_recipient', 'grace has no slot', good, GRACE),
    refuses(
      'slot_of_another_bundle',
      'not_a_recipient',
      'a slot sealed with another ephemeral key',
      resign(foreignSlot),
    ),
    refuses(
      'slot_flipped',
      'not_a_recipient',
      'one bit of the slot, signed again',
      resign(flip(good, 120)),
    ),
    accepts(
      'ok_other_slot_flipped',
      'damage to the slot of somebody else',
      resign(flip(good, 120)),
      ADA,
    ),
    refuses(
      'commitment',
      'bad_commitment',
      'one bit of the commitment, signed again',
      resign(flip(good, 80)),
    ),
    refuses('stolen', 'bad_commitment', 'another node put its name on it and signed', stolen),
    refuses(
      'kind_changed',
      'bad_commitment',
      'the kind was changed, and signed again',
      resign(patch(good, 5, '01')),
    ),
    refuses(
      'dictionary_changed',
      'bad_commitment',
      'the dictionary was changed, and signed again',
      resign(patch(good, 6, '00')),
    ),
    accepts('ok_two_keys', 'the box opens under two keys, and this one is committed to', twoKeys),
    refuses(
      'two_keys',
      'bad_commitment',
      'the box opens under two keys, and this is the other',
      twoKeys,
      ADA,
    ),
    refuses(
      'box_flipped',
      'decrypt_failed',
      'one bit of the box, signed again',
      resign(flip(good, slotsEnd + 20)),
    ),
    refuses(
      'box_tag',
      'decrypt_failed',
      'one bit of the tag, signed again',
      resign(flip(good, slotsEnd)),
    ),
    refuses(
      'box_cut',
      'decrypt_failed',
      'the box is shorter, signed again',
      resign(good.subarray(0, good.length - 1)),
    ),
    refuses(
      'kind',
      'bad_kind',
      'says "made by the node", signed by the administrator',
      seal({ signer: ada }),
    ),
    refuses(
      'revokes_images',
      'bad_metadata',
      'made by the node, and says that images are revoked',
      seal({ plain: revoking }),
    ),
    refuses(
      'knows_tpm',
      'bad_metadata',
      'made by the node, and says that its TPM is known',
      seal({ plain: knowing }),
    ),
    refuses('padding_none', 'bad_padding', 'no marker', sealInnerOf(new Uint8Array(256).fill(1))),
    refuses('padding_zeros', 'bad_padding', 'only zeros', sealInnerOf(new Uint8Array(256))),
    refuses('padding_empty', 'bad_padding', 'an empty box', sealInnerOf(new Uint8Array())),
    refuses(
      'padding_short',
      'bad_padding',
      'fewer than 256 bytes',
      sealInnerOf(encodeInner(plain, 0).subarray(0, 255)),
    ),
    refuses(
      'padding_long',
      'bad_padding',
      'one step longer than needed',
      sealInnerOf(concat(encodeInner(plain, 0), new Uint8Array(16))),
    ),
    refuses(
      'padding_marker',
      'bad_padding',
      '0x40 instead of 0x80',
      sealInnerOf(encodeInner(plain, 0).map((b) => (b === 0x80 ? 0x40 : b))),
    ),
    refuses('no_length', 'truncated', 'three bytes', sealInnerOf(pad(Uint8Array.of(1, 0, 0)))),
    refuses(
      'length_over_limit',
      'manifest_too_large',
      'declares 1 MiB and a byte',
      sealInnerOf(innerOf(MAX_MANIFEST_BYTES + 1, deflate(plain))),
    ),
    refuses(
      'length_is_largest',
      'manifest_too_large',
      'declares 2^32 - 1 bytes',
      sealInnerOf(innerOf(0xffff_ffff, deflate(plain))),
    ),
    refuses(
      'length_too_small',
      'length_mismatch',
      'declares a byte less',
      sealInnerOf(innerOf(plain.length - 1, deflate(plain))),
    ),
    refuses(
      'length_too_large',
      'length_mismatch',
      'declares a byte more',
      sealInnerOf(innerOf(plain.length + 1, deflate(plain))),
    ),
    refuses(
      'bomb',
      'length_mismatch',
      'declares 300 bytes and inflates to 2 MiB',
      sealInnerOf(innerOf(300, deflate(new Uint8Array(2 ** 21)))),
    ),
    refuses(
      'trailing',
      'trailing_bytes',
      'a byte between the compressed data and the padding',
      sealInnerOf(innerOf(plain.length, deflate(plain), Uint8Array.of(7))),
    ),
    refuses(
      'second_stream',
      'trailing_bytes',
      'a second stream after the first',
      sealInnerOf(innerOf(plain.length, deflate(plain), deflate(plain))),
    ),
    refuses(
      'deflate_empty',
      'inflate_failed',
      'no compressed data',
      sealInnerOf(innerOf(plain.length)),
    ),
    refuses(
      'deflate_cut',
      'inflate_failed',
      'the last byte is missing',
      sealInnerOf(innerOf(plain.length, deflate(plain).subarray(0, -1))),
    ),
    refuses(
      'deflate_zlib',
      'inflate_failed',
      'a zlib header before the data',
      sealInnerOf(innerOf(plain.length, fromHex('78da'), deflate(plain))),
    ),
    refuses(
      'deflate_reserved',
      'inflate_failed',
      'block type 3',
      sealInnerOf(innerOf(1, fromHex('07'))),
    ),
    refuses(
      'deflate_stored',
      'inflate_failed',
      'a stored length and its complement differ',
      sealInnerOf(innerOf(1, fromHex('010100ffff61'))),
    ),
    refuses(
      'deflate_distance',
      'inflate_failed',
      'refers to before the first byte',
      sealInnerOf(innerOf(4, fromHex('4b044200'))),
    ),
    refuses(
      'deflate_dictionary',
      'inflate_failed',
      'needs dictionary 1, and the header says none',
      sealInnerOf(encodeInner(plain, 1)),
    ),
    refuses(
      'deflate_codes',
      'inflate_failed',
      'an over-subscribed code',
      sealInnerOf(innerOf(1, fromHex('05e0932449922449922449'))),
    ),
    refuses(
      'deflate_incomplete',
      'inflate_failed',
      'an incomplete code',
      sealInnerOf(innerOf(1, fromHex('0500040000000000'))),
    ),
    refuses(
      'deflate_no_end',
      'inflate_failed',
      'the last block is not marked',
      sealInnerOf(innerOf(1, fromHex('4a0400'))),
    ),
  ];
}
