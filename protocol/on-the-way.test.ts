import { expect, it } from 'vitest';
import { encodingOf, onTheWay } from './on-the-way.ts';

const NOW = Date.UTC(2026, 10, 24, 12);

const answer = (status: number, headers: Record<string, string>) => ({
  status,
  headers: new Headers(headers),
});

it.each([
  ['0', 0],
  ['7', 7],
  ['300', 300],
  ['86400', 300],
  ['999999999', 300],
  ['Tue, 24 Nov 2026 12:00:30 GMT', 30],
  ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
  ['Fri, 31 Dec 9999 23:59:59 GMT', 300],
  ['Tuesday, 24-Nov-26 12:00:30 GMT', 30],
  ['soon', undefined],
  ['', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['1e3', undefined],
  ['2026-11-24', undefined],
  ['GMT', undefined],
])('Retry-After: %j is %s seconds', (text, seconds) => {
  for (const status of [429, 503]) {
    expect(onTheWay(answer(status, { 'retry-after': text }), NOW).retryAfter).toBe(seconds);
  }
});

it('takes a date in Retry-After by the clock of whoever says it', () => {
  const headers = {
    date: 'Tue, 24 Nov 2020 12:00:00 GMT',
    'retry-after': 'Tue, 24 Nov 2020 12:00:09 GMT',
  };
  expect(onTheWay(answer(503, headers), NOW).retryAfter).toBe(9);
});

it('heeds Retry-After only where it means that', () => {
  expect(onTheWay(answer(301, { 'retry-after': '7' })).retryAfter).toBeUndefined();
  expect(onTheWay(answer(404, { 'retry-after': '7' }))).toEqual({});
});

it('names where a redirect leads by its origin, or not at all', () => {
  const says = (location: string) => onTheWay(answer(302, { location })).says;
  expect(says('https://u:p@a.example:1/x?topsecret')).toMatch(/ to https:\/\/a\.example:1, /);
  for (const location of ['/login', '', 'javascript:1', 'http://[']) {
    expect(says(location)).toMatch(/^and redirects, which/);
  }
});

it('knows what leaves the bytes as they are', () => {
  const encoding = (text: string) => encodingOf(answer(200, { 'content-encoding': text }));
  for (const text of ['', 'identity', 'Identity', 'aws-chunked']) {
    expect(encoding(text)).toBeUndefined();
  }
  expect(encoding('gzip')).toBe('gzip');
  expect(encoding('x'.repeat(1000))).toHaveLength(64);
});
