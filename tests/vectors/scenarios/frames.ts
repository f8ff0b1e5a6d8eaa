import { concat, toHex, Writer } from '../../../bundle/bytes.ts';
import { encodeFrame, MAX_CHAIN_BYTES } from '../../../bundle/frame.ts';
import { bundleDigest } from '../../../bundle/header.ts';
import { nodeIdBytes } from '../../../bundle/identity.ts';
import { encodeSignedKeyset, signKeyset } from '../../../bundle/keyset.ts';
import { signStatement, signStatementAsNode, ZERO_DIGEST } from '../../../bundle/statement.ts';
import type { Statement } from '../../../bundle/statement.ts';
import { ada, keysetOf, node, pinned, SITE, statementOf } from '../../fixtures/format.ts';
import { fixed, flip, patch, resign, seal, suite } from '../build.ts';
import type { Vector } from '../vector.ts';

const bundle = seal();
const digest = bundleDigest(bundle);
const signed = (changes: Partial<Statement> = {}): ReturnType<typeof signStatement> =>
  signStatement(statementOf({ digest, ...changes }), ada, 0);
const frameOf = (changes: Partial<Parameters<typeof encodeFrame>[0]> = {}): Uint8Array =>
  encodeFrame({ chain: [pinned], statement: signed(), bundle, ...changes });
const reportOf = (plain: Uint8Array, recipients = [ada.boxKey]): Uint8Array =>
  seal({ label: 'report', kind: 'report', recipients, plain });

/** What decodeFrame and verifyFrame check. */
function frame(): Vector[] {
  const { accepts, refuses } = suite('frame', 'frame', {
    pinned: toHex(encodeSignedKeyset(pinned)),
    approval: 'required',
  });
  const good = frameOf();
  const second = signKeyset(keysetOf({ version: 2, previous: pinned.digest }), [
    { identity: ada, keyIndex: 0 },
  ]);
  const revoke = signed({ type: 'revoke', digest: ZERO_DIGEST });
  const damaged = flip(bundle, 210);
  const report = reportOf(new Uint8Array());
  const withBundle = (bytes: Uint8Array): Uint8Array =>
    frameOf({ bundle: bytes, statement: signed({ digest: bundleDigest(bytes) }) });
  const chainBytes = encodeSignedKeyset(pinned).length;
  const withoutBundle = encodeFrame({ chain: [pinned], statement: signed() });
  return [
    accepts('ok', 'an approved bundle', good),
    accepts('ok_forgotten', 'an approval whose bundle was forgotten', withoutBundle),
    accepts('ok_reject', 'a refused proposal', frameOf({ statement: signed({ type: 'reject' }) })),
    accepts('ok_revoke', 'a revocation', encodeFrame({ chain: [pinned], statement: revoke })),
    accepts(
      'ok_second_keyset',
      'under the second keyset',
      frameOf({ chain: [pinned, second], statement: signed({ keysetVersion: 2 }) }),
    ),
    accepts(
      'ok_self',
      'a node that approves itself',
      frameOf({ statement: signStatementAsNode(statementOf({ digest }), node) }),
      { approval: 'none' },
    ),
    refuses(
      'self',
      'self_signed_refused',
      'the same where an administrator must',
      frameOf({ statement: signStatementAsNode(statementOf({ digest }), node) }),
    ),
    refuses('max_bytes', 'too_large', 'a byte over the limit', good, {
      'max-bytes': String(good.length - 1),
    }),
    refuses('empty', 'truncated', 'no bytes', new Uint8Array()),
    refuses('magic', 'bad_magic', 'the magic of a bundle', patch(good, 0, '636362')),
    refuses('version', 'unsupported_version', 'version 2', patch(good, 3, '02')),
    refuses(
      'chain_too_large',
      'chain_too_large',
      'a chain of over 128 KiB',
      patch(good, 4, toHex(new Writer().u32(MAX_CHAIN_BYTES + 1).finish())),
    ),
    refuses(
      'chain_beyond',
      'truncated',
      'a chain longer than the frame',
      patch(good, 4, '00010000'),
    ),
    refuses(
      'chain_short',
      'truncated',
      'a chain that ends within a keyset',
      patch(good, 4, toHex(new Writer().u32(chainBytes - 1).finish())),
    ),
    refuses(
      'chain_empty',
      'truncated',
      'no chain',
      concat(good.subarray(0, 4), new Uint8Array(4), good.subarray(8 + chainBytes)),
    ),
    refuses(
      'statement_beyond',
      'truncated',
      'a statement longer than the frame',
      patch(withoutBundle, 8 + chainBytes, 'ffff'),
    ),
    refuses(
      'statement_long',
      'trailing_bytes',
      'a statement that takes a byte of the bundle',
      patch(good, 9 + chainBytes, toHex(Uint8Array.of(good[9 + chainBytes]! + 1))),
    ),
    refuses(
      'cut',
      'digest_mismatch',
      'the last byte of the bundle is missing',
      good.subarray(0, -1),
    ),
    refuses(
      'trailing',
      'digest_mismatch',
      'a byte after the bundle',
      concat(good, Uint8Array.of(0)),
    ),
    refuses(
      'other_bundle',
      'digest_mismatch',
      'another bundle of the same node',
      frameOf({ bundle: seal({ label: 'other' }) }),
    ),
    refuses(
      'revoke_bundle',
      'digest_mismatch',
      'a revocation with a bundle',
      frameOf({ statement: revoke }),
    ),
    refuses(
      'bundle_signature',
      'bad_signature',
      'a damaged bundle, approved as it is',
      withBundle(damaged),
    ),
    refuses('bundle_report', 'bad_kind', 'a report in the place of a bundle', withBundle(report)),
    refuses('bundle_junk', 'bad_magic', 'junk in the place of a bundle', withBundle(fixed('junk'))),
    refuses(
      'keyset_not_last',
      'keyset_mismatch',
      'a statement of keyset 1 after keyset 2',
      frameOf({ chain: [pinned, second] }),
    ),
    refuses(
      'keyset_missing',
      'keyset_mismatch',
      'a statement of keyset 2 without it',
      frameOf({ statement: signed({ keysetVersion: 2 }) }),
    ),
    refuses(
      'site',
      'bad_site',
      'a statement of another site',
      frameOf({ statement: signed({ site: fixed('site').subarray(0, 16) }) }),
    ),
    refuses(
      'statement_signature',
      'bad_signature',
      'the statement is signed by the node as an administrator',
      frameOf({ statement: signStatement(statementOf({ digest }), node, 0) }),
    ),
  ];
}

/** What readBundle and openReport check of a report. */
function reports(): Vector[] {
  const read = suite('report', 'report');
  const { accepts, refuses } = suite('report', 'open-report', {
    seed: toHex(new Uint8Array(32).fill(3)),
  });
  const plainOf = (time: string, result: Uint8Array): Uint8Array =>
    concat(
      concat(nodeIdBytes(node.id), SITE, digest),
      Uint8Array.from(time.match(/../g)!, (h) => parseInt(h, 16)),
      new Writer().u16(result.length).bytes(result).finish(),
    );
  const text = (length: number): Uint8Array => new Uint8Array(length).fill(97);
  const now = '000000006b04f300';
  const attested = (result: Uint8Array, attestation: Uint8Array): Uint8Array =>
    concat(
      plainOf(now, result),
      new Writer().u16(attestation.length).bytes(attestation).finish(),
    );
  const good = reportOf(plainOf(now, text(7)));
  const noise = concat(...Array.from({ length: 130 }, (_, i) => fixed(`noise ${i}`)));
  return [
    accepts('ok', 'a report to the administrator', good),
    accepts('ok_longest', 'a result of 1,024 bytes', reportOf(plainOf(now, text(1024)))),
    read.accepts('ok_sealed', 'not opened', good),
    read.refuses('proposal', 'bad_kind', 'a proposal where a report is expected', bundle),
    read.refuses('too_large', 'too_large', 'over 4 KiB', reportOf(noise)),
    read.refuses(
      'signed_as_bundle',
      'bad_signature',
      'with the text for bundles',
      resign(good, node, 'node'),
    ),
    read.refuses(
      'from_proposal',
      'bad_signature',
      'a proposal relabelled as a report',
      patch(bundle, 5, '02'),
    ),
    refuses(
      'not_for_me',
      'not_a_recipient',
      'sealed to the node itself',
      reportOf(plainOf(now, text(7)), [node.boxKey]),
    ),
    refuses(
      'cut',
      'truncated',
      'the result is shorter than it says',
      reportOf(plainOf(now, text(7)).subarray(0, -1)),
    ),
    refuses(
      'trailing',
      'truncated',
      'a byte after the result',
      reportOf(concat(plainOf(now, text(7)), Uint8Array.of(0))),
    ),
    accepts('ok_attested', 'with an attestation', reportOf(attested(text(7), text(2000)))),
    accepts(
      'ok_longest_attested',
      'an attestation and a result of the most bytes',
      reportOf(attested(text(1024), noise.slice(0, 2000))),
    ),
    refuses(
      'attestation_empty',
      'bad_field',
      'an attestation of no bytes',
      reportOf(attested(text(7), text(0))),
    ),
    refuses(
      'attestation_2001',
      'bad_field',
      'an attestation of 2,001 bytes',
      reportOf(attested(text(7), text(2001))),
    ),
    refuses(
      'attestation_trailing',
      'trailing_bytes',
      'a byte after the attestation',
      reportOf(concat(attested(text(7), text(9)), Uint8Array.of(0))),
    ),
    refuses(
      'time',
      'bad_time',
      'in the year 10000',
      reportOf(plainOf('0000003afff44180', text(7))),
    ),
    refuses(
      'result_1025',
      'bad_field',
      'a result of 1,025 bytes',
      reportOf(plainOf(now, text(1025))),
    ),
    refuses(
      'result_not_utf8',
      'bad_encoding',
      'a result that is not UTF-8',
      reportOf(plainOf(now, Uint8Array.of(0xff))),
    ),
    refuses(
      'contents_large',
      'manifest_too_large',
      'contents of over 4 KiB, compressed',
      reportOf(new Uint8Array(4097)),
    ),
  ];
}

export const frames = (): Vector[] => [...frame(), ...reports()];
