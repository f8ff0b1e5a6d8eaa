import { describe, expect, it } from 'vitest';
import { toHex } from '../bundle/bytes.ts';
import {
  approvedKey,
  cosignKey,
  historyKey,
  keysetKey,
  parseDigest,
  parseKey,
  parseNodeId,
  pendingKey,
  PREFIXES,
  rejectedKey,
  reportKey,
} from './keys.ts';

const nodes = ['a', 'b', '7'].map((letter) => parseNodeId(letter.repeat(32)));
const digests = [0, 171, 255].map((byte) => parseDigest(toHex(new Uint8Array(32).fill(byte))));
const numbers = [1, 2, 10, 9_999_999_999];

const keys = [
  ...numbers.map(keysetKey),
  ...nodes.flatMap((node) => [
    approvedKey(node),
    reportKey(node),
    ...numbers.map((slot) => historyKey(node, slot)),
    ...digests.flatMap((digest) => [pendingKey(node, digest), rejectedKey(node, digest)]),
    ...digests.flatMap((digest) => [0, 9, 14].map((index) => cosignKey(node, digest, index))),
  ]),
];

describe('object keys', () => {
  it('never lie below one another, which no store that keeps objects as files could hold', () => {
    for (const key of keys) {
      expect(keys.filter((other) => other.startsWith(`${key}/`))).toEqual([]);
    }
  });

  it('need no escaping, and no distinction of case', () => {
    for (const key of keys) expect(key).toMatch(/^[a-z]+(\/[a-z0-9]+){1,3}$/);
  });

  it('are read back as what they were made from, under every prefix', () => {
    expect(parseKey(historyKey(nodes[0]!, 7))).toEqual({
      prefix: 'history',
      node: nodes[0],
      slot: 7,
    });
    expect(new Set(keys.map((key) => parseKey(key)?.prefix))).toEqual(new Set(PREFIXES));
  });

  it.each([
    ...['', 'approved', 'approved/', `approved/${'A'.repeat(32)}`, `other/${'a'.repeat(32)}`],
    ...[
      `approved/${'a'.repeat(32)}/`,
      `approved/${'a'.repeat(32)}/x`,
      `/approved/${'a'.repeat(32)}`,
    ],
    ...[
      `history/${'a'.repeat(32)}/0000000000`,
      `history/${'a'.repeat(32)}/1`,
      'keysets/0000000001/',
    ],
    ...['15', '00', '-1', '', '0/0'].map(
      (index) => `cosign/${'a'.repeat(32)}/${'d'.repeat(64)}/${index}`,
    ),
    ...[`pending/${'a'.repeat(32)}/${'d'.repeat(63)}`, `pending/${'a'.repeat(32)}/../x`],
  ])('are not "%s"', (text) => {
    expect(parseKey(text)).toBeUndefined();
  });
});
