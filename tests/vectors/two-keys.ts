import nacl from 'tweetnacl';
import { ed25519Sign } from '#platform';
import { concat, toHex } from '../../bundle/bytes.ts';
import { PREFIX_BYTES, SIGNATURE_BYTES, signedMessage, SLOT_BYTES } from '../../bundle/header.ts';
import { encodeManifest } from '../../bundle/manifest.ts';
import { pad } from '../../bundle/padding.ts';
import { boxKeyOf, slotNonce, ZERO_NONCE } from '../../bundle/seal.ts';
import { ada, fileOf, manifestOf, node } from '../fixtures/format.ts';
import { fixed, seal } from './build.ts';

// XSalsa20-Poly1305 does not commit to its key. The tag is a polynomial of the ciphertext's blocks,
// so with two free blocks one ciphertext can be made to have one tag under two keys: two linear
// equations modulo 2^130 - 5.

const P = 2n ** 130n - 5n;
const WORD = 2n ** 128n;
const BLOCK = 16;

const modulo = (value: bigint): bigint => ((value % P) + P) % P;
function power(base: bigint, exponent: number): bigint {
  let result = 1n;
  for (let i = 0; i < exponent; i++) result = modulo(result * base);
  return result;
}
function inverse(value: bigint): bigint {
  let [a, b, x, y] = [modulo(value), P, 1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return modulo(x);
}

const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes.toReversed())}`);
const toBlock = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: BLOCK }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));

interface LowLevel {
  crypto_stream(
    out: Uint8Array,
    at: number,
    length: bigint | number,
    n: Uint8Array,
    k: Uint8Array,
  ): number;
}
const { lowlevel } = nacl as unknown as { lowlevel: LowLevel };

/** The key stream of a secret box: 32 bytes for Poly1305 (r and s), then what the text is mixed with. */
function stream(key: Uint8Array, length: number): { r: bigint; s: bigint; mask: Uint8Array } {
  const bytes = new Uint8Array(32 + length);
  lowlevel.crypto_stream(bytes, 0, bytes.length, ZERO_NONCE, key);
  const clamp = 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  return {
    r: toNumber(bytes.subarray(0, 16)) & clamp,
    s: toNumber(bytes.subarray(16, 32)),
    mask: bytes.subarray(32),
  };
}

/**
 * A secret box that opens under both keys: to `text` but for its blocks `at` and `at + 1` under the
 * first, to noise under the second.
 */
function boxForTwoKeys(text: Uint8Array, keys: [Uint8Array, Uint8Array], at: number): Uint8Array {
  const [first, second] = [stream(keys[0], text.length), stream(keys[1], text.length)];
  const cipher = text.map((byte, i) => byte ^ first.mask[i]!);
  cipher.fill(0, at * BLOCK, (at + 2) * BLOCK);
  const blocks = Array.from({ length: cipher.length / BLOCK }, (_, i) =>
    toNumber(cipher.subarray(i * BLOCK, (i + 1) * BLOCK)),
  );
  const sum = (r: bigint): bigint => blocks.reduce((acc, b) => modulo((acc + b + WORD) * r), 0n);
  const [sum1, sum2] = [sum(first.r), sum(second.r)];
  const weights = (r: bigint): [bigint, bigint] => [
    power(r, blocks.length - at),
    power(r, blocks.length - at - 1),
  ];
  const [[a, b], [c, d]] = [weights(first.r), weights(second.r)];
  const determinant = inverse(a * d - b * c);
  for (let tag = 0n; ; tag++) {
    const u = BigInt.asUintN(128, tag - first.s) - sum1;
    const v = BigInt.asUintN(128, tag - second.s) - sum2;
    const x = modulo((u * d - v * b) * determinant);
    const y = modulo((v * a - u * c) * determinant);
    if (x >= WORD || y >= WORD) continue;
    cipher.set(concat(toBlock(x), toBlock(y)), at * BLOCK);
    const box = concat(toBlock(tag), cipher);
    if (keys.every((key) => nacl.secretbox.open(box, ZERO_NONCE, key) !== null)) return box;
  }
}

/** A well-signed bundle whose two slots hold two keys, under both of which its box opens. */
export function twoKeyBundle(): { bundle: Uint8Array; box: Uint8Array; boxKeys: Uint8Array[] } {
  const label = 'two keys';
  const plain = encodeManifest(
    manifestOf({ metadata: {}, files: [fileOf('etc/motd', 'x'.repeat(96))] }),
  );
  const size = Uint8Array.of(plain.length & 255, plain.length >> 8);
  // One stored block, so that the free bytes in the file stay where they are.
  const deflated = concat(
    Uint8Array.of(1),
    size,
    size.map((byte) => byte ^ 255),
    plain,
  );
  const inner = pad(concat(size, Uint8Array.of(0, 0), deflated));
  const bundle = seal({ label, inner, dictionaryId: 0 });

  const prefix = bundle.subarray(0, PREFIX_BYTES);
  const ephemeral = prefix.subarray(PREFIX_BYTES - 32);
  const keys = [fixed(`${label} key`), fixed(`${label} other key`)];
  const boxKeys = keys.map((key) => boxKeyOf(key, prefix)) as [Uint8Array, Uint8Array];
  const free = Math.ceil((9 + plain.length - 96) / BLOCK);
  const box = boxForTwoKeys(inner, boxKeys, free);
  const slotForAda = nacl.box(
    keys[1]!,
    slotNonce(ephemeral, ada.boxKey),
    ada.boxKey,
    fixed(`${label} ephemeral`),
  );
  const slotsEnd = bundle.length - SIGNATURE_BYTES - box.length;
  const unsigned = concat(bundle.subarray(0, slotsEnd - SLOT_BYTES), slotForAda, box);
  const signature = ed25519Sign(node.signSecret, signedMessage('node', unsigned));
  return { bundle: concat(unsigned, signature), box, boxKeys };
}
