import { describe, expect, it } from 'vitest';
import { utf8 } from '../bundle/bytes.ts';
import { compareKeys } from './page.ts';

describe('compareKeys', () => {
  it('orders by the bytes of UTF-8, not by the units of UTF-16', () => {
    const keys = [
      '',
      '-',
      '/',
      'a',
      'a/',
      'a/b',
      'a0',
      'é',
      '\ud7ff',
      '\uffee',
      '\u{1f600}',
      '😀a',
    ];
    for (const a of keys) {
      for (const b of keys) {
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(utf8(a), utf8(b)));
      }
    }
  });
});
