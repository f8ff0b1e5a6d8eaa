import { describe, expect, it } from 'vitest';
import { httpDate } from './http-date.ts';

describe('a date of HTTP', () => {
  it.each([
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
    ' Sun, 06 Nov 1994 08:49:37 GMT ',
  ])('is GMT in each of its forms, wherever this runs: %s', (text) => {
    const zone = process.env['TZ'];
    process.env['TZ'] = 'Asia/Tokyo';
    try {
      expect(httpDate(text)).toBe(784_111_777);
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });

  it.each([
    'Sun, 06 Nov 1994 08:49:37 +0900',
    'Sun, 06 Nov 1994 08:49:37 JST',
    'Sun, 06 Nov 1994 08:49:37',
    '1994-11-06T08:49:37Z',
    'Sun, 36 Nov 1994 08:49:37 GMT',
    'Nov 6 1994',
    '784111777',
    '',
    undefined,
    null,
  ])('is nothing else: %s', (text) => {
    expect(httpDate(text)).toBeUndefined();
  });
});
