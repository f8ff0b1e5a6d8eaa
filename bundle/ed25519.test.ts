import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ed25519Sign } from '#platform';
import { assertSignKey, verifyStrict } from './ed25519.ts';
import { deriveIdentity } from './identity.ts';
import * as node from './platform/node.ts';
import * as portable from './platform/portable.ts';

const identity = deriveIdentity(new Uint8Array(32).fill(7));
const message = fc.uint8Array({ maxLength: 100 });
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

describe('verifyStrict', () => {
  it('accepts what was signed and nothing else', () => {
    fc.assert(
      fc.property(message, fc.nat(63), fc.nat(7), (text, at, bit) => {
        const signature = ed25519Sign(identity.signSecret, text);
        expect(verifyStrict(identity.signKey, text, signature)).toBe(true);
        signature[at]! ^= 1 << bit;
        expect(verifyStrict(identity.signKey, text, signature)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  it('never throws, whatever the bytes and their lengths', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        message,
        fc.uint8Array({ maxLength: 70 }),
        (k, m, s) => {
          expect(verifyStrict(k, m, s)).toBe(false);
        },
      ),
    );
  });

  it('has the same verdict on both platforms for points that are on no curve', () => {
    fc.assert(
      fc.property(bytes(32), message, bytes(64), (key, text, signature) => {
        signature[63]! &= 0x0f;
        expect(node.ed25519VerifyRaw(key, text, signature)).toBe(false);
        expect(portable.ed25519VerifyRaw(key, text, signature)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });
});

describe('assertSignKey', () => {
  it('accepts the key of any seed', () => {
    fc.assert(
      fc.property(
        bytes(32).filter((seed) => seed.some((byte) => byte > 0)),
        (seed) => {
          expect(() => assertSignKey(deriveIdentity(seed).signKey)).not.toThrow();
        },
      ),
      { numRuns: 30 },
    );
  });
});
