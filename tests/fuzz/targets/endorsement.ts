import { certifiedBits, keyBits } from '../../../cli/tpm/der.ts';
import { concat } from '../../../bundle/bytes.ts';
import {
  decodeActivation,
  decodeEndorsement,
  encodeActivation,
  encodeEndorsement,
} from '../../../protocol/endorsement.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameBytes, verdict } from '../engine/verdict.ts';

const zeros = (length: number): Uint8Array => new Uint8Array(length);
const about = { ek: zeros(32), voucher: zeros(32), answer: zeros(32) };
const blobs = { credential: zeros(68), seed: zeros(256) };
const ca = { by: 'ca', sha256: 'ab'.repeat(32), subject: 'CN=chips' } as const;
const info = [0x30, 0x07, 0x30, 0x01, 0x05, 0x03, 0x02, 0x00, 0x01];
const text = [
  0x30,
  0x18,
  0xa0,
  0x01,
  0x02,
  ...[2, 0x30, 0x30, 0x30, 0x30].flatMap((tag) => [tag, 1, 0]),
  ...info,
];
const certificate = Uint8Array.from([0x30, text.length, ...text]);
const KINDS = ['endorsement', 'activation', 'certificate', 'key'] as const;
const seed = (kind: (typeof KINDS)[number], bytes: Uint8Array): Uint8Array =>
  concat(Uint8Array.of(KINDS.indexOf(kind)), bytes);

/** What a bundle says of a TPM's endorsement key, of who knows it, and where the key is in a certificate. */
export const target: Target = {
  run: (input) =>
    verdict(() => {
      const [kind, bytes] = [KINDS[input[0]! % KINDS.length]!, input.subarray(1)];
      if (kind === 'endorsement') {
        sameBytes(encodeEndorsement(decodeEndorsement(bytes)), bytes);
      } else if (kind === 'activation') {
        sameBytes(encodeActivation(decodeActivation(bytes)), bytes);
      } else {
        const found = kind === 'key' ? keyBits(bytes) : certifiedBits(bytes);
        demand(found.length < bytes.length, 'a key that is longer than what it is in');
      }
      return `ok ${kind}`;
    }),
  seeds: [
    seed('endorsement', concat(Uint8Array.of(0x80), zeros(300))),
    seed('activation', encodeActivation({ ...about, ...blobs, known: ca })),
    seed('activation', encodeActivation({ ...about, ...blobs, known: { by: 'list' } })),
    seed('certificate', certificate),
    seed('key', Uint8Array.from(info)),
  ],
  limits: { maxBytes: 3200, work: [4000, 50], allocated: [32_768, 64] },
};
