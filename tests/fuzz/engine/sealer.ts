import { concat } from '../../../bundle/bytes.ts';
import { PREFIX_BYTES, signedMessage } from '../../../bundle/header.ts';
import type { BundleKind } from '../../../bundle/header.ts';
import type { Identity } from '../../../bundle/identity.ts';
import { boxKeyOf, sealInner, ZERO_NONCE } from '../../../bundle/seal.ts';
import { sealBox } from '../../../bundle/secret-box.ts';
import { signFor } from '../stand-ins/platform.ts';

/**
 * Seals contents that `sealBundle` would never make, always with the same key: all but the box and
 * the signature is made once.
 */
export function createSealer(
  kind: BundleKind,
  signer: Identity,
  recipients: readonly Uint8Array[],
): (inner: Uint8Array, dictionaryId: 0 | 1) => Uint8Array {
  const key = new Uint8Array(32).fill(7);
  const sealed = [0, 1].map((dictionaryId) =>
    sealInner({
      ...{ inner: new Uint8Array(), dictionaryId, signer, kind, recipients, key },
      ephemeralSecret: new Uint8Array(32).fill(8),
    }),
  );
  const heads = sealed.map((bytes) => bytes.subarray(0, bytes.length - 16 - 64));
  const boxKeys = heads.map((head) => boxKeyOf(key, head.subarray(0, PREFIX_BYTES)));
  return (inner, dictionaryId) => {
    const box = sealBox(inner, ZERO_NONCE, boxKeys[dictionaryId]!);
    const unsigned = concat(heads[dictionaryId]!, box);
    return concat(unsigned, signFor(signer.signKey, signedMessage(kind, unsigned)));
  };
}

/** A manifest or report as contents: its length, and deflate of one stored block. */
export function stored(plain: Uint8Array): Uint8Array {
  const [low, high] = [plain.length & 255, plain.length >> 8];
  return concat(Uint8Array.of(low, high, 0, 0, 1, low, high, low ^ 255, high ^ 255), plain);
}
