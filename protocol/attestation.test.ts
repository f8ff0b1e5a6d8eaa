import { expect, it } from 'vitest';
import { fromHex, Reader, toHex } from '../bundle/bytes.ts';
import { readCoordinate, VOUCHER_TEMPLATE, voucherPoint } from './attestation.ts';

const read = (hex: string): string => toHex(readCoordinate(new Reader(fromHex(hex))));
const whole = '7f'.repeat(31);

// TPMs differ in that: one in 256 signatures of some would be refused.
it('a number of P-256 is of 32 bytes, whether a TPM gave its leading zeros or not', () => {
  expect(read(`001f${whole}`)).toBe(`00${whole}`);
  expect(read(`002000${whole}`)).toBe(`00${whole}`);
  expect(read(`00210000${whole}`)).toBe(`00${whole}`);
  expect(read('0000')).toBe('00'.repeat(32));
  expect(() => read(`002101${'00'.repeat(32)}`)).toThrow('32 bytes');
  expect(() => read(`0020${whole}`)).toThrow('31 left');
});

it('the point of another kind of key, or of half of one, is none', () => {
  const head = toHex(VOUCHER_TEMPLATE.subarray(0, -4));
  const point = `0020${'11'.repeat(32)}001f${'22'.repeat(31)}`;
  const pointOf = (hex: string): string | undefined => {
    const found = voucherPoint(fromHex(hex));
    return found && toHex(found);
  };
  expect(pointOf(head + point)).toBe(`${'11'.repeat(32)}00${'22'.repeat(31)}`);
  expect(pointOf(`${head + point}00`)).toBeUndefined();
  expect(pointOf((head + point).slice(0, -2))).toBeUndefined();
  for (let i = 0; i < head.length; i += 2) {
    const byte = Number.parseInt(head.slice(i, i + 2), 16) ^ 1;
    const other = head.slice(0, i) + byte.toString(16).padStart(2, '0') + head.slice(i + 2);
    expect(pointOf(other + point)).toBeUndefined();
  }
});
