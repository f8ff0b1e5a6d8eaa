import { decodeSignedKeyset, encodeSignedKeyset, keysetDigest } from '../../../bundle/keyset.ts';
import type { Target } from '../engine/target.ts';
import { sameBytes, verdict } from '../engine/verdict.ts';
import { vectors } from '../engine/vectors.ts';

/** A keyset that is read is written again as it was. */
export const target: Target = {
  run: (input) =>
    verdict(() => {
      const read = decodeSignedKeyset(input);
      sameBytes(encodeSignedKeyset(read), input);
      sameBytes(read.digest, keysetDigest(read.keyset), 'digest');
      return `ok ${read.keyset.keys.length} ${read.signatures.length}`;
    }),
  seeds: vectors('keyset'),
  limits: { maxBytes: 2600, work: [20_000, 100], allocated: [65_536, 64] },
};
