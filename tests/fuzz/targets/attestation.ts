import { Reader, Writer } from '../../../bundle/bytes.ts';
import {
  decodeAttestation,
  encodeAttestation,
  readAttest,
  voucherPoint,
} from '../../../protocol/attestation.ts';
import { node } from '../../fixtures/format.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameBytes, verdict } from '../engine/verdict.ts';

const zeros = (length: number): Uint8Array => new Uint8Array(length);
const attest = (type: number): Uint8Array =>
  new Writer().u32(0xff544347).u16(type).u16(0).u16(0).bytes(zeros(25)).finish();
const vouched = (type: number) => ({ attest: attest(type), signature: zeros(64) });
const seed = encodeAttestation({
  voucher: zeros(8),
  about: { node: node.id, statement: zeros(32), text: zeros(32) },
  quote: vouched(0x8018),
  certificate: vouched(0x8017),
  unique: zeros(32),
  registers: [zeros(32), zeros(32), zeros(32), zeros(32)],
  key: zeros(32),
  image: { version: '1', generation: 1 },
  signature: zeros(256),
  events: [
    { register: 7, name: 'db', digest: zeros(32) },
    { register: 11, name: '.linux', digest: zeros(32) },
  ],
});

/** What a machine's TPM vouches for: what is read is what is written. */
export const target: Target = {
  run: (input) =>
    verdict(() => {
      const read = decodeAttestation(input);
      sameBytes(encodeAttestation(read), input);
      const point = voucherPoint(read.voucher);
      demand(point === undefined || point.length === 64, 'a point of another length');
      const { attested } = readAttest(read.certificate.attest, 'certify');
      const names = new Reader(attested);
      names.bytes(names.u16());
      return `ok ${readAttest(read.quote.attest, 'quote').starts}`;
    }),
  seeds: [seed],
  limits: { maxBytes: 2048, work: [4000, 50], allocated: [32_768, 64] },
};
