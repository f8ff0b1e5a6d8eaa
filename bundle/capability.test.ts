import { describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { makeAdmin, makeNode, makeSite, nextKeyset } from '../tests/support/site.ts';
import { fromHex, toHex } from './bytes.ts';
import {
  decodeSignedCapability,
  encodeSignedCapability,
  MAX_CAPABILITY_BYTES,
  MAX_CAPABILITY_SECONDS,
  verifyCapability,
} from './capability.ts';
import type { Capability } from './capability.ts';
import { CoatcheckError } from './errors.ts';
import { signCapability } from './sign-capability.ts';

const [ada, bob, fay] = [makeAdmin('ada'), makeAdmin('bob'), makeAdmin('fay', 'first')];
const two = makeSite({ admins: [ada, bob, fay], threshold: 2 });
const newest = two.site.pinned;
const given: Capability = {
  ...{ site: two.site.id, keyset: newest.digest, signKey: makeNode('monitor').signKey },
  ...{ issued: 1_790_000_000, expires: 1_790_000_000 + MAX_CAPABILITY_SECONDS },
  name: 'the monitoring host of rack 7',
};
const signedBy = (...indexes: number[]) => ({
  capability: given,
  signatures: indexes.flatMap(
    (i) => signCapability(given, [ada, bob, fay][i]!.identity, i).signatures,
  ),
});
const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof CoatcheckError) return (error as CoatcheckError).code;
    throw error;
  }
  return 'ok';
};

describe('a capability', () => {
  it('has these bytes and no others', () => {
    const bytes = encodeSignedCapability(signedBy(0, 1));
    expect(toHex(bytes.subarray(0, 4))).toBe('63636301');
    expect(bytes.length).toBe(101 + given.name.length + 1 + 2 * 65);
    expect(toHex(sha256(bytes))).toMatchInlineSnapshot(
      `"b6c52c619b4b7cba263b23ab65b7da71499c067363a990d36542ee5b83a580f6"`,
    );
    expect(decodeSignedCapability(bytes)).toEqual(signedBy(0, 1));
    const longest = { ...given, name: 'n'.repeat(32) };
    const all = Array.from({ length: 15 }, (_, keyIndex) => ({
      keyIndex,
      signature: new Uint8Array(64),
    }));
    const most = encodeSignedCapability({ capability: longest, signatures: all });
    expect(most.length).toBe(MAX_CAPABILITY_BYTES);
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => decodeSignedCapability(bytes.subarray(0, length)))).toBe('truncated');
    }
    expect(codeOf(() => decodeSignedCapability(new Uint8Array([...bytes, 0])))).toBe(
      'trailing_bytes',
    );
  });

  it.each<[string, Partial<Capability>]>([
    ['bad_time', { expires: given.issued }],
    ['bad_time', { expires: given.expires + 1 }],
    ['bad_time', { issued: -1 }],
    ['bad_name', { name: '' }],
    ['bad_name', { name: ' space' }],
    ['bad_name', { name: 'n'.repeat(33) }],
    ['bad_name', { name: 'zwölf' }],
    ['bad_public_key', { signKey: new Uint8Array(32) }],
    ['bad_field', { site: new Uint8Array(15) }],
  ])('is refused with %s for %j', (code, wrong) => {
    const act = () => signCapability({ ...given, ...wrong }, ada.identity, 0);
    expect(codeOf(act)).toBe(code);
  });

  it('counts by as many administrators who may all as the newest keyset demands', () => {
    expect(codeOf(() => verifyCapability(signedBy(0, 1), newest))).toBe('ok');
    expect(codeOf(() => verifyCapability(signedBy(0), newest))).toBe('threshold_not_met');
    expect(codeOf(() => verifyCapability(signedBy(0, 0), newest))).toBe('duplicate');
    expect(codeOf(() => verifyCapability(signedBy(0, 2), newest))).toBe('key_not_allowed');
    const [first] = signedBy(0).signatures;
    const forged = { capability: given, signatures: [first!, { ...first!, keyIndex: 1 }] };
    expect(codeOf(() => verifyCapability(forged, newest))).toBe('bad_signature');
  });

  it('is void once the keyset is another, with the same administrators too, and at other sites', () => {
    const next = nextKeyset({ signed: newest, admins: two.admins }, [ada, bob, fay], 2);
    expect(codeOf(() => verifyCapability(signedBy(0, 1), next))).toBe('keyset_mismatch');
    const other = makeSite({ name: 'other', admins: [ada, bob, fay], threshold: 2 });
    expect(codeOf(() => verifyCapability(signedBy(0, 1), other.site.pinned))).toBe('bad_site');
  });

  it('is signed by nobody else: no node, and no byte of it changes', () => {
    const bytes = encodeSignedCapability(signedBy(0, 1));
    for (const at of [4, 20, 60, 90, 98, 110]) {
      const changed = Uint8Array.from(bytes);
      changed[at]! ^= 1;
      const code = codeOf(() => verifyCapability(decodeSignedCapability(changed), newest));
      expect(code, `byte ${at}`).not.toBe('ok');
    }
    const self = fromHex(
      toHex(bytes).slice(0, (101 + given.name.length) * 2) + '01ff' + '00'.repeat(128),
    );
    expect(codeOf(() => decodeSignedCapability(self))).toBe('bad_key_index');
  });
});
