import { encodeInner } from '../../../bundle/seal.ts';
import { concat } from '../../../bundle/bytes.ts';
import { readBundle, MAX_SEALED_BYTES } from '../../../bundle/header.ts';
import { decodeManifest, encodeManifest } from '../../../bundle/manifest.ts';
import { openBundle } from '../../../bundle/open.ts';
import { pad, unpad } from '../../../bundle/padding.ts';
import { ada, fileOf, manifestOf, node } from '../../fixtures/format.ts';
import { createSealer, stored } from '../engine/sealer.ts';
import type { Target } from '../engine/target.ts';
import { sameBytes, verdict } from '../engine/verdict.ts';
import { vectors } from '../engine/vectors.ts';

const seal = createSealer('node', node, [node.boxKey, ada.boxKey]);

/** Of one byte: whether to pad the rest, and the dictionary. */
const input = (flags: number, inner: Uint8Array): Uint8Array => concat(Uint8Array.of(flags), inner);

/**
 * What is behind the seal, sealed by the fuzzer: length, deflate, padding, manifest. What opens is
 * padded in the one way there is, and its manifest is written again as it was.
 */
export const target: Target = {
  run(bytes) {
    const flags = bytes[0] ?? 0;
    const rest = bytes.subarray(1);
    const inner = (flags & 1) === 1 ? pad(rest) : rest;
    const sealed = seal(inner, (flags & 2) === 2 ? 1 : 0);
    return verdict(() => {
      const manifest = openBundle(
        readBundle(sealed, { maxBytes: MAX_SEALED_BYTES, expect: 'proposal' }),
        node,
      );
      sameBytes(pad(unpad(inner)), inner, 'padded bytes');
      sameBytes(encodeManifest(decodeManifest(encodeManifest(manifest))), encodeManifest(manifest));
      return `ok ${manifest.files.length > 0}`;
    });
  },
  seeds: [
    ...[manifestOf(), manifestOf({ metadata: {}, files: [] })].flatMap((manifest) => [
      input(1, unpad(encodeInner(encodeManifest(manifest), 0))),
      input(3, unpad(encodeInner(encodeManifest(manifest), 1))),
      input(0, encodeInner(encodeManifest(manifest), 0)),
    ]),
    input(
      3,
      unpad(
        encodeInner(
          encodeManifest(manifestOf({ files: [fileOf('etc/motd', 'x'.repeat(300))] })),
          1,
        ),
      ),
    ),
    // A stored block, so that a change of the manifest is a change of the input.
    ...vectors('manifest', 512).map((plain) => input(1, stored(plain))),
  ],
  limits: { maxBytes: 1024, work: [100_000, 2000], allocated: [3 * 1024 * 1024, 4096] },
};
