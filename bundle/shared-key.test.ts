import fc from 'fast-check';
import nacl from 'tweetnacl';
import { expect, it } from 'vitest';
import { x25519PublicKey } from '#platform';
import { boxSharedKey } from './shared-key.ts';

const secret = fc.uint8Array({ minLength: 32, maxLength: 32 });

it('is the key that nacl.box has, for both sides', () => {
  fc.assert(
    fc.property(secret, secret, (ours, theirs) => {
      const [ourKey, theirKey] = [ours, theirs].map(x25519PublicKey) as [Uint8Array, Uint8Array];
      const key = boxSharedKey(theirKey, ours);
      expect(key).toEqual(nacl.box.before(theirKey, ours));
      expect(key).toEqual(boxSharedKey(ourKey, theirs));
    }),
    { numRuns: 20 },
  );
});
