import { describe, expect, it } from 'vitest';
import { ago, parseExpiry, when } from './time.ts';

describe('parseExpiry', () => {
  const now = 1_800_000_000;
  it.each([
    ['90m', now + 5400],
    ['12h', now + 43_200],
    ['30d', now + 2_592_000],
    ['8w', now + 4_838_400],
    ['2027-02-01', 1_801_440_000],
    ['2027-02-01T12:00:00Z', 1_801_483_200],
    ['2027-02-01T12:00+02:00', 1_801_476_000],
    ['2027-02-01T12:00+02', 1_801_476_000],
    ['never', 'never'],
  ])('%s', (text, seconds) => expect(parseExpiry(text, now)).toBe(seconds));
  it.each([
    '',
    '0d',
    '30',
    '-1d',
    'soon',
    '2026-01-01',
    '2027-13-01',
    '2027-02-30',
    '999999w',
    '2027-02-01T12:00',
  ])('%j is refused', (text) => expect(() => parseExpiry(text, now)).toThrow(/--expires/));
  it('is printed in UTC', () => expect(when(1_801_476_000)).toBe('2027-02-01 10:00 UTC'));
});

describe('ago', () => {
  const now = 1_800_000_000;
  it.each([
    [now + 5, 'just now'],
    [now - 59, 'just now'],
    [now - 60, '1 minute ago'],
    [now - 7199, '1 hour ago'],
    [now - 3 * 86_400, '3 days ago'],
  ])('%s', (at, text) => expect(ago(at, now)).toBe(text));
});
