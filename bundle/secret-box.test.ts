import fc from 'fast-check';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { openBox, SECRET_BOX, sealBox } from './secret-box.ts';

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
/** Also with an offset that no word begins at, as a view into a file has. */
const text = fc
  .tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(3))
  .map(([plain, offset]) =>
    Uint8Array.from([...new Uint8Array(offset), ...plain]).subarray(offset),
  );
const anything = [text, bytes(SECRET_BOX.nonceBytes), bytes(SECRET_BOX.keyBytes)] as const;

describe('a secret box', () => {
  it("is NaCl's, and opens there and here", () => {
    fc.assert(
      fc.property(...anything, (plain, nonce, key) => {
        const box = sealBox(plain, nonce, key);
        expect(box).toEqual(nacl.secretbox(plain, nonce, key));
        expect(openBox(box, nonce, key)).toEqual(Uint8Array.from(plain));
      }),
    );
  });

  it('leaves what it was given as it was', () => {
    fc.assert(
      fc.property(...anything, (plain, nonce, key) => {
        const before = [plain, nonce, key].map((given) => given.slice());
        const box = sealBox(plain, nonce, key);
        const sealed = box.slice();
        openBox(box, nonce, key);
        expect([plain, nonce, key]).toEqual(before);
        expect(box).toEqual(sealed);
      }),
    );
  });

  it('does not open with any bit changed, or cut', () => {
    fc.assert(
      fc.property(...anything, fc.nat(), fc.nat(7), (plain, nonce, key, at, bit) => {
        const box = sealBox(plain, nonce, key);
        const changed = box.slice();
        changed[at % box.length]! ^= 1 << bit;
        for (const other of [changed, box.subarray(0, at % box.length)]) {
          expect(openBox(other, nonce, key)).toBeUndefined();
          expect(nacl.secretbox.open(other, nonce, key)).toBeNull();
        }
      }),
    );
  });

  it('knows no key or nonce of another length', () => {
    const [nonce, key] = [new Uint8Array(24), new Uint8Array(32)];
    expect(() => openBox(new Uint8Array(16), nonce.subarray(1), key)).toThrow();
    expect(() => openBox(new Uint8Array(16), nonce, key.subarray(1))).toThrow();
  });
});
