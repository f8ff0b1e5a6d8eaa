import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from './bytes.ts';
import * as node from './platform/node.ts';
import * as portable from './platform/portable.ts';

const secret = fc.uint8Array({ minLength: 32, maxLength: 32 });
const message = fc.uint8Array({ maxLength: 200 });

describe('the two platforms', () => {
  it('export the same names', () => {
    expect(Object.keys(portable).sort()).toEqual(Object.keys(node).sort());
  });

  it('hash, authenticate and derive alike', () => {
    fc.assert(
      fc.property(secret, message, message, (key, a, b) => {
        expect(portable.sha256(a, b)).toEqual(node.sha256(a, b));
        expect(portable.hmacSha256(key, a, b)).toEqual(node.hmacSha256(key, a, b));
        expect(portable.hkdfSha256(key, a, b, 48)).toEqual(node.hkdfSha256(key, a, b, 48));
      }),
    );
  });

  it('sign alike, and each verifies what the other signed', () => {
    fc.assert(
      fc.property(secret, message, (seed, text) => {
        const publicKey = node.ed25519PublicKey(seed);
        const signature = node.ed25519Sign(seed, text);
        expect(portable.ed25519PublicKey(seed)).toEqual(publicKey);
        const boxKey = node.x25519PublicKey(seed);
        expect(portable.x25519PublicKey(seed)).toEqual(boxKey);
        const secret = node.sha256(seed);
        expect(portable.x25519(secret, boxKey)).toEqual(node.x25519(secret, boxKey));
        expect(portable.ed25519Sign(seed, text)).toEqual(signature);
        expect(portable.ed25519VerifyRaw(publicKey, text, signature)).toBe(true);
        expect(node.ed25519VerifyRaw(publicKey, text, signature)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});

describe.each([
  ['node', node],
  ['portable', portable],
])('platform %s', (_, platform) => {
  it('gives the published values', () => {
    // FIPS 180-2 B.1, RFC 4231 test 2, RFC 5869 A.1, RFC 8032 7.1 test 2
    expect(toHex(platform.sha256(utf8('a'), utf8('bc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(
      toHex(platform.hmacSha256(utf8('Jefe'), utf8('what do ya want '), utf8('for nothing?'))),
    ).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
    const ikm = new Uint8Array(22).fill(0x0b);
    const salt = fromHex('000102030405060708090a0b0c');
    expect(toHex(platform.hkdfSha256(ikm, salt, fromHex('f0f1f2f3f4f5f6f7f8f9'), 42))).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    );
    const seed = fromHex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');
    expect(toHex(platform.ed25519PublicKey(seed))).toBe(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    );
    expect(toHex(platform.ed25519Sign(seed, fromHex('72')))).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
  });

  it('draws other random bytes each time', () => {
    expect(platform.randomBytes(32)).toHaveLength(32);
    expect(platform.randomBytes(32)).not.toEqual(platform.randomBytes(32));
  });
});
