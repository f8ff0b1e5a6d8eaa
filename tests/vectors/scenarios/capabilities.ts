import { concat, toHex, utf8 } from '../../../bundle/bytes.ts';
import { encodeSignedCapability, MAX_CAPABILITY_SECONDS } from '../../../bundle/capability.ts';
import type { Capability, SignedCapability } from '../../../bundle/capability.ts';
import { encodeSignedKeyset, signKeyset } from '../../../bundle/keyset.ts';
import type { SignedKeyset } from '../../../bundle/keyset.ts';
import { signCapability } from '../../../bundle/sign-capability.ts';
import { ada, adminKey, grace, keysetOf, node, otherNode, robot } from '../../fixtures/format.ts';
import { flip, patch, suite } from '../build.ts';
import type { Vector } from '../vector.ts';

const newest = signKeyset(
  keysetOf({
    keys: [adminKey('ada', ada), adminKey('grace', grace), adminKey('robot', robot, 'first')],
  }),
  [],
);
const ofTwo = signKeyset({ ...newest.keyset, threshold: 2 }, []);
const PEOPLE = [ada, grace, robot];
const ISSUED = 1_795_500_000;

const capabilityOf = (changes: Partial<Capability> = {}, under = newest): Capability => ({
  ...{ site: under.keyset.site, keyset: under.digest, signKey: otherNode.signKey },
  ...{ issued: ISSUED, expires: ISSUED + 90 * 86_400, name: 'nagios', ...changes },
});
const signed = (capability: Capability, ...indexes: readonly number[]): SignedCapability => ({
  capability,
  signatures: indexes.flatMap((i) => signCapability(capability, PEOPLE[i]!, i).signatures),
});
const encode = (changes: Partial<Capability> = {}, ...indexes: readonly number[]): Uint8Array =>
  encodeSignedCapability(signed(capabilityOf(changes), ...indexes));
const good = encode({}, 0);
/** Where its fields begin (docs/format.md, "Capability"). */
const AT = { site: 4, keyset: 20, key: 52, issued: 84, expires: 92, name: 100 };
const u64 = (value: number): string => value.toString(16).padStart(16, '0');
/** With another name, of the same length or not, and without signatures. */
const named = (name: Uint8Array): Uint8Array =>
  concat(good.subarray(0, AT.name), Uint8Array.of(name.length), name, Uint8Array.of(0));
const unsigned = encode();

/** What decodeSignedCapability checks. */
function layout(): Vector[] {
  const { accepts, refuses } = suite('capability', 'capability');
  return [
    accepts('ok', 'signed by one administrator', good),
    accepts('ok_unsigned', 'signed by nobody yet', unsigned),
    accepts('ok_long_name', 'a name of 32 characters', named(utf8('the monitoring host in cellar 77'))),
    accepts('ok_400_days', 'as long as may be', encode({ expires: ISSUED + MAX_CAPABILITY_SECONDS })),
    refuses('empty', 'truncated', 'no bytes', new Uint8Array()),
    refuses('cut', 'truncated', 'the last byte is missing', good.subarray(0, -1)),
    refuses('trailing', 'trailing_bytes', 'a byte more', concat(good, Uint8Array.of(0))),
    refuses('magic', 'bad_magic', 'the magic of a keyset', patch(good, 0, '63636b')),
    refuses('version', 'unsupported_version', 'version 2 of the format', patch(good, 3, '02')),
    refuses('key', 'bad_public_key', 'a key of small order', patch(good, AT.key, '00'.repeat(32))),
    refuses('ends_at_once', 'bad_time', 'an end as it begins', patch(good, AT.expires, u64(ISSUED))),
    refuses('ends_before', 'bad_time', 'an end before', patch(good, AT.expires, u64(ISSUED - 1))),
    refuses(
      'too_long',
      'bad_time',
      'a second over 400 days',
      patch(good, AT.expires, u64(ISSUED + MAX_CAPABILITY_SECONDS + 1)),
    ),
    refuses(
      'late',
      'bad_time',
      'after the year 9999',
      patch(patch(good, AT.issued, u64(253_402_300_799)), AT.expires, u64(253_402_300_800)),
    ),
    refuses('name_empty', 'bad_name', 'no name', named(new Uint8Array())),
    refuses('name_33', 'bad_name', '33 characters', named(utf8('a'.repeat(33)))),
    refuses('name_space', 'bad_name', 'a space at the end', named(utf8('nagios '))),
    refuses('name_escape', 'bad_name', 'an escape', named(utf8('a\x1b[1m'))),
    refuses('name_accent', 'bad_name', 'a letter that is not ASCII', named(utf8('Jos\u00e9'))),
    refuses(
      'by_a_node',
      'bad_key_index',
      'signed by a node itself',
      concat(unsigned.subarray(0, -1), Uint8Array.of(1, 255), new Uint8Array(64 + 64)),
    ),
    refuses(
      'key_15',
      'bad_key_index',
      'a key that no keyset has',
      concat(unsigned.subarray(0, -1), Uint8Array.of(1, 15), new Uint8Array(64)),
    ),
    refuses(
      'twice',
      'duplicate',
      'one key twice',
      concat(unsigned.subarray(0, -1), Uint8Array.of(2, 0), new Uint8Array(64), new Uint8Array(65)),
    ),
  ];
}

/** What verifyCapability checks. */
function verified(): Vector[] {
  const keyset = toHex(encodeSignedKeyset(newest));
  const { accepts, refuses } = suite('capability-of', 'verify-capability', { keyset });
  const two = { keyset: toHex(encodeSignedKeyset(ofTwo)) };
  const underTwo = (...indexes: readonly number[]): Uint8Array =>
    encodeSignedCapability(signed(capabilityOf({}, ofTwo), ...indexes));
  const next = ({ keyset: before, digest }: SignedKeyset): SignedKeyset =>
    signKeyset({ ...before, version: 2, previous: digest }, [{ identity: ada, keyIndex: 0 }]);
  return [
    accepts('ok_one', 'one of one', good),
    accepts('ok_two_of_one', 'more than are needed', encode({}, 0, 1)),
    accepts('ok_two_of_two', 'two of two', underTwo(0, 1), two),
    refuses('unsigned', 'threshold_not_met', 'nobody signed', unsigned),
    refuses('one_of_two', 'threshold_not_met', 'one of two', underTwo(1), two),
    refuses(
      'first',
      'key_not_allowed',
      'a key that may only approve first signed as well',
      underTwo(0, 2),
      two,
    ),
    refuses('flipped', 'bad_signature', 'a bit of the signature', flip(good, -1)),
    refuses('of_another_key', 'bad_signature', 'the key was changed', patch(good, AT.key, toHex(node.signKey))),
    refuses('longer', 'bad_signature', 'the end was changed', patch(good, AT.expires, u64(ISSUED + 91 * 86_400))),
    refuses('one_bad_of_two', 'bad_signature', 'a second signature is bad', flip(encode({}, 0, 1), -1)),
    refuses(
      'by_nobody',
      'bad_key_index',
      'signed by a key that the keyset does not have',
      patch(good, good.length - 65, '03'),
    ),
    refuses('site', 'bad_site', 'of another site', encode({ site: new Uint8Array(16).fill(7) }, 0)),
    refuses('keyset', 'keyset_mismatch', 'given under another keyset', patch(good, AT.keyset, '00')),
    refuses('after', 'keyset_mismatch', 'the administrators changed since', good, {
      keyset: toHex(encodeSignedKeyset(next(newest))),
    }),
  ];
}

/** Capabilities: their layout, and who gave them. */
export const capabilities = (): Vector[] => [...layout(), ...verified()];
