import { decodeManifest, encodeManifest } from '../../../bundle/manifest.ts';
import type { Target } from '../engine/target.ts';
import { sameBytes, verdict } from '../engine/verdict.ts';
import { vectors } from '../engine/vectors.ts';

/** A manifest that is read is the one that its contents are written as. */
export const target: Target = {
  run: (input) =>
    verdict(() => {
      const manifest = decodeManifest(input);
      sameBytes(encodeManifest(manifest), input);
      return `ok ${Math.min(manifest.files.length, 3)}`;
    }),
  seeds: vectors('manifest'),
  limits: { maxBytes: 2048, work: [4000, 400], allocated: [8192, 64] },
};
