import { concat, toHex, utf8 } from '../../../bundle/bytes.ts';
import { deriveIdentity } from '../../../bundle/identity.ts';
import { encodeChain, encodeSignedKeyset, signKeyset } from '../../../bundle/keyset.ts';
import type { Keyset, SignedKeyset } from '../../../bundle/keyset.ts';
import { ada, adminKey, grace, keysetOf, pinned, robot } from '../../fixtures/format.ts';
import { fixed, patch, suite } from '../build.ts';
import type { Vector } from '../vector.ts';

const encode = (changes: Partial<Keyset> = {}): Uint8Array =>
  encodeSignedKeyset(signKeyset(keysetOf(changes), []));
const good = encode();
/** Where the fields of a keyset, and of its first key, begin (docs/format.md, "Keyset"). */
const AT = { site: 4, version: 20, previous: 24, threshold: 56, count: 57, key: 58 };
const KEY_AT = { box: 90, may: 122, name: 124 };
const people = Array.from({ length: 15 }, (_, i) =>
  adminKey(`admin ${i}`, deriveIdentity(fixed(`admin ${i}`))),
);
const both = [adminKey('ada', ada), adminKey('grace', grace)];
const twoKeys = encode({ keys: both });
const SECOND = AT.key + 66 + 3;

/** The keyset of ada with another name of the same length or not. */
const named = (name: Uint8Array): Uint8Array =>
  concat(good.subarray(0, KEY_AT.name - 1), Uint8Array.of(name.length), name, Uint8Array.of(0));

/** What decodeSignedKeyset checks. */
function layout(): Vector[] {
  const { accepts, refuses } = suite('keyset', 'keyset');
  const versionTwo = { version: 2, previous: pinned.digest };
  return [
    accepts('ok', 'version 1, one key', good),
    accepts(
      'ok_15_keys',
      'as many keys as may be, all must sign',
      encode({ keys: people, threshold: 15 }),
    ),
    accepts(
      'ok_first',
      'a key that may only approve first',
      encode({ keys: [...both, adminKey('robot', robot, 'first')], threshold: 2 }),
    ),
    accepts(
      'ok_version_2',
      'version 2, signed',
      encodeSignedKeyset(signKeyset(keysetOf(versionTwo), [{ identity: ada, keyIndex: 0 }])),
    ),
    accepts(
      'ok_long_name',
      'a name of 32 characters',
      named(utf8('Ada Lovelace <ada@lab.example.or')),
    ),
    refuses('empty', 'truncated', 'no bytes', new Uint8Array()),
    refuses('cut', 'truncated', 'the last byte is missing', good.subarray(0, -1)),
    refuses('trailing', 'trailing_bytes', 'a byte more', concat(good, Uint8Array.of(0))),
    refuses('magic', 'bad_magic', 'the magic of a statement', patch(good, 0, '636373')),
    refuses('version', 'unsupported_version', 'version 2 of the format', patch(good, 3, '02')),
    refuses('site_zero', 'bad_site', 'a site id of zeros', patch(good, AT.site, '00'.repeat(16))),
    refuses('version_0', 'bad_field', 'version 0', patch(good, AT.version, '00000000')),
    refuses(
      'version_1_previous',
      'bad_field',
      'version 1 with a version before it',
      patch(good, AT.previous, '01'),
    ),
    refuses(
      'version_2_previous',
      'bad_field',
      'version 2 without one',
      patch(good, AT.version, '00000002'),
    ),
    refuses(
      'version_1_signed',
      'bad_field',
      'version 1 with a signature',
      concat(good.subarray(0, -1), Uint8Array.of(1, 0), new Uint8Array(64)),
    ),
    refuses('threshold_0', 'bad_threshold', 'threshold 0', patch(good, AT.threshold, '00')),
    refuses(
      'threshold_2_of_1',
      'bad_threshold',
      'threshold 2, one key',
      patch(good, AT.threshold, '02'),
    ),
    refuses(
      'threshold_first',
      'bad_threshold',
      'threshold 2, and one of two keys may only approve first',
      patch(patch(twoKeys, AT.threshold, '02'), SECOND + 64, '01'),
    ),
    refuses(
      'no_keys',
      'bad_key_count',
      'no keys',
      concat(patch(good, AT.count, '00').subarray(0, AT.key), Uint8Array.of(0)),
    ),
    refuses('16_keys', 'bad_key_count', '16 keys', patch(good, AT.count, '10')),
    refuses(
      'sign_key_twice',
      'duplicate',
      'a signing key twice',
      patch(twoKeys, SECOND, toHex(ada.signKey)),
    ),
    refuses(
      'box_key_twice',
      'duplicate',
      'a box key twice',
      patch(twoKeys, SECOND + 32, toHex(ada.boxKey)),
    ),
    refuses(
      'key_twice',
      'duplicate',
      'the same person twice, to sign twice',
      patch(twoKeys, SECOND, toHex(concat(ada.signKey, ada.boxKey))),
    ),
    refuses(
      'name_twice',
      'duplicate',
      'a name twice',
      encode({ keys: [adminKey('grac3', ada), adminKey('grace', grace)] }).map((b) =>
        b === 51 ? 101 : b,
      ),
    ),
    refuses('may', 'bad_field', 'a right that is not known', patch(good, KEY_AT.may, '02')),
    refuses(
      'sign_key',
      'bad_public_key',
      'a signing key of small order',
      patch(good, AT.key, '00'.repeat(32)),
    ),
    refuses(
      'box_key',
      'bad_public_key',
      'a box key of small order',
      patch(good, KEY_AT.box, '00'.repeat(32)),
    ),
    refuses('name_empty', 'bad_name', 'no name', named(new Uint8Array())),
    refuses('name_33', 'bad_name', '33 characters', named(utf8('a'.repeat(33)))),
    refuses('name_space', 'bad_name', 'a space at the end', named(utf8('ada '))),
    refuses('name_escape', 'bad_name', 'an escape', named(utf8('a\x1b[1m'))),
    refuses('name_accent', 'bad_name', 'a letter that is not ASCII', named(utf8('Jos\u00e9'))),
    refuses('name_not_utf8', 'bad_name', 'half of a character', named(Uint8Array.of(97, 0xc3))),
    refuses(
      'signed_by_node',
      'bad_key_index',
      'a node signed',
      concat(encode(versionTwo).subarray(0, -1), Uint8Array.of(1, 255), new Uint8Array(128)),
    ),
    refuses(
      'signer_twice',
      'duplicate',
      'the same key signed twice',
      concat(
        encode(versionTwo).subarray(0, -1),
        Uint8Array.of(2, 0),
        new Uint8Array(64),
        Uint8Array.of(0),
        new Uint8Array(64),
      ),
    ),
  ];
}

const follow = (
  before: SignedKeyset,
  changes: Partial<Keyset>,
  signers: Parameters<typeof signKeyset>[1],
): SignedKeyset =>
  signKeyset(
    keysetOf({ version: before.keyset.version + 1, previous: before.digest, ...changes }),
    signers,
  );
const byAda = [{ identity: ada, keyIndex: 0 }];

/** What verifyChain checks. */
function chains(): Vector[] {
  const pin = (signed: SignedKeyset): { pinned: string } => ({
    pinned: toHex(encodeSignedKeyset(signed)),
  });
  const { accepts, refuses } = suite('chain', 'chain', pin(pinned));
  const second = follow(pinned, { keys: both, threshold: 2 }, byAda);
  const bySecond = [...byAda, { identity: grace, keyIndex: 1 }];
  const third = follow(second, { keys: [adminKey('grace', grace)] }, bySecond);
  const fourth = follow(third, {}, [{ identity: grace, keyIndex: 0 }]);
  const refuse = (name: string, code: string, says: string, ...chain: SignedKeyset[]): Vector =>
    refuses(name, code, says, encodeChain(chain));
  const rootWithFirst = signKeyset(
    keysetOf({ keys: [adminKey('robot', robot, 'first'), adminKey('ada', ada)] }),
    [],
  );
  const elsewhere = signKeyset(keysetOf({ site: new Uint8Array(16).fill(1) }), []);
  const other = signKeyset(keysetOf({ keys: [adminKey('grace', grace)] }), []);
  return [
    accepts('ok_pinned', 'only the pinned one', encodeChain([pinned])),
    accepts('ok_two', 'a second administrator', encodeChain([pinned, second])),
    accepts(
      'ok_four',
      'the first administrator left and came back',
      encodeChain([pinned, second, third, fourth]),
    ),
    accepts(
      'ok_pinned_in_the_middle',
      'keysets from before the pinned one',
      encodeChain([pinned, second, third]),
      pin(second),
    ),
    accepts(
      'ok_from_pinned',
      'begins at the pinned version 2',
      encodeChain([second, third]),
      pin(second),
    ),
    refuses('empty', 'truncated', 'no keyset', new Uint8Array()),
    refuses(
      'cut',
      'truncated',
      'the last byte is missing',
      encodeChain([pinned, second]).subarray(0, -1),
    ),
    refuses(
      'junk',
      'bad_magic',
      'something else after the last',
      concat(encodeChain([pinned]), utf8('junk')),
    ),
    refuse('gap', 'bad_chain', 'version 2 is missing', pinned, third),
    refuse('twice', 'bad_chain', 'the same version twice', pinned, pinned),
    refuse('backwards', 'bad_chain', 'from new to old', second, pinned),
    refuse('previous', 'bad_chain', 'follows another version 1', pinned, follow(other, {}, byAda)),
    refuse('other_site', 'bad_site', 'another site with the same administrators', elsewhere),
    refuse(
      'site_changes',
      'bad_site',
      'the site changes on the way',
      pinned,
      follow(pinned, { site: elsewhere.keyset.site }, byAda),
    ),
    refuse(
      'unsigned',
      'threshold_not_met',
      'nobody signed version 2',
      pinned,
      follow(pinned, {}, []),
    ),
    refuse(
      'one_of_two',
      'threshold_not_met',
      'one of two signed version 3',
      pinned,
      second,
      follow(second, {}, byAda),
    ),
    refuse(
      'signed_by_new',
      'bad_signature',
      'the new administrator signed, not the old one',
      pinned,
      follow(pinned, { keys: [adminKey('grace', grace)] }, [{ identity: grace, keyIndex: 0 }]),
    ),
    refuse(
      'signed_by_removed',
      'bad_signature',
      'signed by an administrator who was removed',
      pinned,
      second,
      third,
      follow(third, {}, byAda),
    ),
    refuse(
      'key_index',
      'bad_key_index',
      'signed by a key that is not there',
      pinned,
      follow(pinned, {}, [{ identity: ada, keyIndex: 1 }]),
    ),
    refuse(
      'one_bad_of_two',
      'bad_signature',
      'a bad signature beside enough good ones',
      pinned,
      second,
      third,
      follow(second, { version: 4, previous: third.digest }, [{ identity: ada, keyIndex: 0 }]),
    ),
    refuses(
      'first',
      'key_not_allowed',
      'a "first" key signed a keyset',
      encodeChain([rootWithFirst, follow(rootWithFirst, {}, [{ identity: robot, keyIndex: 0 }])]),
      pin(rootWithFirst),
    ),
    refuses(
      'before_pinned',
      'not_pinned',
      'ends before the pinned version',
      encodeChain([pinned]),
      pin(second),
    ),
    refuse('after_pinned', 'not_pinned', 'begins after the pinned version', second),
    refuse('not_pinned', 'not_pinned', 'another version 1 of the same site', other),
    refuse(
      'not_pinned_unsigned',
      'not_pinned',
      'the same, and a version 2 that nobody signed: the pin is looked at first',
      other,
      follow(other, {}, []),
    ),
    refuse(
      'forked',
      'not_pinned',
      'another version 1, and what follows it',
      other,
      follow(other, {}, [{ identity: grace, keyIndex: 0 }]),
    ),
  ];
}

export const keysets = (): Vector[] => [...layout(), ...chains()];
