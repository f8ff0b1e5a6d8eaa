import { ed25519Sign } from '#platform';
import { concat, toHex, utf8 } from '../../../bundle/bytes.ts';
import { nodeIdBytes } from '../../../bundle/identity.ts';
import type { Identity } from '../../../bundle/identity.ts';
import { encodeSignedKeyset, signKeyset } from '../../../bundle/keyset.ts';
import {
  addSignature,
  encodeSignedStatement,
  encodeStatement,
  MAX_TIME,
  signStatement,
  signStatementAsNode,
  ZERO_DIGEST,
} from '../../../bundle/statement.ts';
import type { SignedStatement, Statement } from '../../../bundle/statement.ts';
import { ada, adminKey, grace, keysetOf, node, otherNode, robot } from '../../fixtures/format.ts';
import { statementOf } from '../../fixtures/format.ts';
import { fixed, flip, patch, suite } from '../build.ts';
import type { Vector } from '../vector.ts';

const signed = (changes: Partial<Statement> = {}, by: Identity = ada): Uint8Array =>
  encodeSignedStatement(signStatement(statementOf(changes), by, 0));

const good = signed();
/** Where the fields begin (docs/format.md, "Statement"). */
const AT = {
  type: 4,
  version: 5,
  site: 9,
  digest: 45,
  prev: 77,
  seq: 109,
  issued: 117,
  expires: 125,
};
const REASON = 133;
const bare = encodeStatement(statementOf());
const entry = (index: number): Uint8Array => concat(Uint8Array.of(index), new Uint8Array(64));
/** The bare statement with signatures of zeros by these keys. */
const withSignatures = (...indexes: number[]): Uint8Array =>
  concat(bare, Uint8Array.of(indexes.length), ...indexes.map(entry));

/** What decodeSignedStatement checks. */
function layout(): Vector[] {
  const { accepts, refuses } = suite('statement', 'statement');
  const digest = ZERO_DIGEST;
  return [
    accepts('ok_approve', 'an approval', good),
    accepts(
      'ok_reject',
      'a rejection with the longest reason',
      signed({ type: 'reject', reason: 'é'.repeat(100) }),
    ),
    accepts(
      'ok_reconfigure',
      'with a bundle',
      signed({ type: 'reconfigure', seq: 2, prev: fixed('prev') }),
    ),
    accepts(
      'ok_reconfigure_none',
      'with nothing in force',
      signed({ type: 'reconfigure', digest }),
    ),
    accepts(
      'ok_revoke',
      'a revocation',
      signed({ type: 'revoke', digest, seq: Number.MAX_SAFE_INTEGER, prev: fixed('prev') }),
    ),
    accepts(
      'ok_rollback',
      'a rollback with the latest expiry',
      signed({ type: 'rollback', expires: MAX_TIME }),
    ),
    accepts(
      'ok_reason_controls',
      'a reason that must be escaped',
      signed({ reason: '\x1b[31m\u202e\n' }),
    ),
    accepts('ok_unsigned', 'no signature yet', concat(bare, Uint8Array.of(0))),
    accepts(
      'ok_15_signatures',
      'as many as may be',
      withSignatures(...Array.from({ length: 15 }, (_, i) => i)),
    ),
    refuses('empty', 'truncated', 'no bytes', new Uint8Array()),
    refuses('cut', 'truncated', 'the last byte is missing', good.subarray(0, -1)),
    refuses(
      'cut_in_reason',
      'truncated',
      'the reason is longer than what is left',
      patch(good, REASON, 'c8'),
    ),
    refuses('trailing', 'trailing_bytes', 'a byte more', concat(good, Uint8Array.of(0))),
    refuses('magic', 'bad_magic', 'the magic of a bundle', patch(good, 0, '636362')),
    refuses('version', 'unsupported_version', 'version 2', patch(good, 3, '02')),
    refuses('type', 'bad_type', 'type 5', patch(good, AT.type, '05')),
    refuses(
      'keyset_version_0',
      'bad_field',
      'keyset version 0',
      patch(good, AT.version, '00000000'),
    ),
    refuses('site_zero', 'bad_site', 'a site id of zeros', patch(good, AT.site, '00'.repeat(16))),
    ...(['approve', 'reject', 'rollback'] as const).map((type) =>
      refuses(
        `${type}_nothing`,
        'bad_field',
        'names no bundle',
        patch(signed({ type }), AT.digest, '00'.repeat(32)),
      ),
    ),
    refuses(
      'revoke_bundle',
      'bad_field',
      'a revocation that names a bundle',
      patch(signed({ type: 'revoke', digest }), AT.digest, '01'),
    ),
    refuses('seq_0', 'bad_sequence', 'seq 0', patch(good, AT.seq, '0000000000000000')),
    refuses('seq_2_53', 'bad_sequence', 'seq 2^53', patch(good, AT.seq, '0020000000000000')),
    refuses('seq_largest', 'bad_sequence', 'seq 2^64 - 1', patch(good, AT.seq, 'ff'.repeat(8))),
    refuses(
      'issued_late',
      'bad_time',
      'issued in the year 10000',
      patch(good, AT.issued, '0000003afff44180'),
    ),
    refuses(
      'expires_late',
      'bad_time',
      'expires in the year 10000',
      patch(good, AT.expires, '0000003afff44180'),
    ),
    refuses(
      'expires_largest',
      'bad_time',
      'expires at 2^64 - 1',
      patch(good, AT.expires, 'ff'.repeat(8)),
    ),
    refuses(
      'reason_201',
      'bad_reason',
      '201 bytes',
      concat(
        bare.subarray(0, REASON),
        Uint8Array.of(201),
        new Uint8Array(201).fill(97),
        Uint8Array.of(0),
      ),
    ),
    refuses(
      'reason_not_utf8',
      'bad_reason',
      'half of a character',
      concat(bare.subarray(0, REASON), Uint8Array.of(1, 0xc3, 0)),
    ),
    refuses(
      '16_signatures',
      'too_many_signatures',
      '16',
      withSignatures(...Array.from({ length: 15 }, (_, i) => i), 255),
    ),
    refuses('key_index_15', 'bad_key_index', 'key 15', withSignatures(15)),
    refuses('key_index_254', 'bad_key_index', 'key 254', withSignatures(254)),
    refuses('signer_twice', 'duplicate', 'the same key twice', withSignatures(3, 3)),
    refuses('signers_order', 'unsorted', 'keys out of order', withSignatures(3, 1)),
    refuses(
      'self_cut',
      'truncated',
      "a node's own signature without its keys",
      withSignatures(255),
    ),
  ];
}

const two = keysetOf({ threshold: 2, keys: [adminKey('ada', ada), adminKey('grace', grace)] });
const withFirst = keysetOf({ keys: [adminKey('robot', robot, 'first'), adminKey('ada', ada)] });
const twoFirst = keysetOf({
  threshold: 2,
  keys: [adminKey('robot', robot, 'first'), adminKey('ada', ada), adminKey('grace', grace)],
});
const hex = (keyset: ReturnType<typeof keysetOf>): { keyset: string } => ({
  keyset: toHex(encodeSignedKeyset({ ...signKeyset(keyset, []), signatures: [] })),
});

/** What verifyStatement checks. */
function verdicts(): Vector[] {
  const { accepts, refuses } = suite('decision', 'verify-statement', {
    ...hex(keysetOf()),
    approval: 'required',
  });
  const approve = statementOf();
  const byBoth = addSignature(signStatement(approve, grace, 1), ada, 0);
  const encode = (statement: SignedStatement): Uint8Array => encodeSignedStatement(statement);
  const copied = signStatement(approve, ada, 0).signatures[0]!.signature;
  const none = { approval: 'none' };
  const self = signStatementAsNode(approve, node);
  const selfEntry = self.signatures[0]!;
  const first = (changes: Partial<Statement> = {}): Uint8Array =>
    encode(signStatement(statementOf(changes), robot, 0));
  return [
    accepts('ok', 'signed by the one administrator', good),
    accepts('ok_two_of_two', 'signed by both', encode(byBoth), hex(two)),
    accepts(
      'ok_three_keys',
      'signed by the last of three',
      encode(signStatement(approve, grace, 2)),
      hex({ ...twoFirst, threshold: 1 }),
    ),
    accepts('ok_first', 'a "first" key and a first approval', first(), hex(withFirst)),
    accepts(
      'ok_first_and_other',
      'a "first" key is one of two',
      encode(addSignature(signStatement(approve, robot, 0), ada, 1)),
      hex(twoFirst),
    ),
    accepts('ok_self', 'a node that approves itself', encode(self), none),
    accepts('ok_admin_under_none', 'an administrator approves where none needs to', good, none),
    refuses('unsigned', 'threshold_not_met', 'no signature', concat(bare, Uint8Array.of(0))),
    refuses('one_of_two', 'threshold_not_met', 'one of two', good, hex(two)),
    refuses(
      'copied',
      'bad_signature',
      "ada's signature as grace's too",
      encode({
        ...byBoth,
        signatures: [0, 1].map((keyIndex) => ({ keyIndex, signature: copied })),
      }),
      hex(two),
    ),
    refuses(
      'signer_twice',
      'duplicate',
      "ada's signature twice, to reach two",
      encode({
        ...byBoth,
        signatures: [0, 0].map((keyIndex) => ({ keyIndex, signature: copied })),
      }),
      hex(two),
    ),
    refuses(
      'one_bad_of_two',
      'bad_signature',
      'a bad signature beside a good one, where one would do',
      flip(encode(byBoth), -1),
      hex({ ...two, threshold: 1 }),
    ),
    refuses('flipped', 'bad_signature', 'one bit of the signature', flip(good, -1)),
    refuses('field_changed', 'bad_signature', 'the seq was changed', patch(good, AT.seq + 7, '02')),
    refuses(
      'type_changed',
      'bad_signature',
      'an approval turned into a rejection',
      patch(good, AT.type, '01'),
    ),
    refuses(
      'node_changed',
      'bad_signature',
      'another node',
      patch(good, 25, toHex(nodeIdBytes(otherNode.id))),
    ),
    refuses('signed_by_other', 'bad_signature', 'signed by somebody else', signed({}, grace)),
    refuses(
      'signed_as_keyset',
      'bad_signature',
      'with the text for keysets',
      encode({
        ...self,
        signatures: [
          {
            keyIndex: 0,
            signature: ed25519Sign(ada.signSecret, concat(utf8('coatcheck/v1 keyset\0'), bare)),
          },
        ],
      }),
    ),
    refuses(
      'key_index',
      'bad_key_index',
      'key 1 of a keyset of one',
      encode(signStatement(approve, ada, 1)),
    ),
    refuses('keyset_version', 'keyset_mismatch', 'of keyset 2', signed({ keysetVersion: 2 })),
    refuses(
      'site',
      'bad_site',
      'of another site with the same administrators',
      signed({ site: new Uint8Array(16).fill(1) }),
    ),
    refuses(
      'first_seq',
      'key_not_allowed',
      'a "first" key and seq 2',
      first({ seq: 2 }),
      hex(withFirst),
    ),
    refuses(
      'first_prev',
      'key_not_allowed',
      'a "first" key and something before',
      first({ prev: fixed('prev') }),
      hex(withFirst),
    ),
    refuses(
      'first_reject',
      'key_not_allowed',
      'a "first" key rejects',
      first({ type: 'reject' }),
      hex(withFirst),
    ),
    refuses(
      'first_revoke',
      'key_not_allowed',
      'a "first" key revokes',
      first({ type: 'revoke', digest: ZERO_DIGEST }),
      hex(withFirst),
    ),
    refuses(
      'first_alone',
      'threshold_not_met',
      'a "first" key under a threshold of two',
      first(),
      hex(twoFirst),
    ),
    refuses(
      'self_under_required',
      'self_signed_refused',
      'a node approves itself where an administrator must',
      encode(self),
    ),
    refuses(
      'self_rejects',
      'self_signed_refused',
      'a node rejects',
      encode(signStatementAsNode(statementOf({ type: 'reject' }), node)),
      none,
    ),
    refuses(
      'self_reconfigures',
      'self_signed_refused',
      'a node orders itself to reconfigure',
      encode(signStatementAsNode(statementOf({ type: 'reconfigure' }), node)),
      none,
    ),
    refuses(
      'self_and_admin',
      'self_signed_refused',
      'a node and an administrator',
      encode({ ...self, signatures: [{ keyIndex: 0, signature: copied }, selfEntry] }),
      none,
    ),
    refuses(
      'self_other_node',
      'bad_node_id',
      'another node approves this one',
      encode(signStatementAsNode(approve, otherNode)),
      none,
    ),
    refuses(
      'self_box_key',
      'bad_node_id',
      'the right signing key with another box key',
      encode({
        ...self,
        signatures: [
          {
            self: { signKey: node.signKey, boxKey: otherNode.boxKey },
            signature: selfEntry.signature,
          },
        ],
      }),
      none,
    ),
    refuses(
      'self_flipped',
      'bad_signature',
      "one bit of the node's signature",
      flip(encode(self), -65),
      none,
    ),
  ];
}

export const decisions = (): Vector[] => [...layout(), ...verdicts()];
