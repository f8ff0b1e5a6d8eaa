import { describe, expect, it } from 'vitest';
import { codeFrom } from '../tests/support/thrown.ts';
import { addressesIn, assertWithin, isStoreOrigin } from './address.ts';

describe('a store that a site names', () => {
  it.each([
    'https://store.example',
    'http://10.0.0.1:9000',
    'http://[fd77::1]:9000',
    'https://*.s3.eu-central-1.amazonaws.com',
    'http://*.store.example:9000',
    'http://localhost:9000',
  ])('may be %s', (text) => expect(isStoreOrigin(text)).toBe(true));

  it.each([
    '',
    '*',
    'store.example',
    'https://',
    'https://*',
    'https://*.',
    'https://*:9000',
    'https://*.*.example',
    'https://a.*.example',
    'https://*store.example',
    'https://*.10.0.0.1',
    'https://*.[::1]',
    'https://store.example/',
    'https://store.example/bucket',
    'https://store.example?x',
    'https://u:p@store.example',
    'https://Store.example',
    'https://store.example:443',
    'https://127.1',
    'ftp://store.example',
    'file:///etc',
  ])('is not %s', (text) => expect(isStoreOrigin(text)).toBe(false));
});

describe('a URL from the answer of a server', () => {
  const server = 'https://cfg.example:8420/below';
  const verdict = (url: string, stores?: string[]): string | undefined => {
    try {
      assertWithin(url, { server, stores });
      return undefined;
    } catch {
      return codeFrom(() => assertWithin(url, { server, stores }));
    }
  };

  it.each([
    '',
    '/objects/x',
    'file:///etc/shadow',
    'data:,x',
    'ftp://a.example/',
    'gopher://a.example/',
    'http://u@a.example/',
    'http://:p@a.example/',
    'javascript:1',
  ])('is refused as %j', (url) => expect(verdict(url)).toBe('answer_refused'));

  it('may be of any host, where the site names none', () => {
    expect(verdict('http://store.example:1/x')).toBeUndefined();
  });

  const stores = ['https://store.example', 'https://*.s3.example', 'http://*.minio.example:9000'];

  it.each([
    'https://store.example/bucket/key?x=1',
    'https://store.example:443/',
    'https://STORE.example/',
    'https://bucket.s3.example/key',
    'https://a.bucket.s3.example/key',
    'http://b.minio.example:9000/k',
    'https://cfg.example:8420/objects/x',
  ])('may be %s, where the site names stores', (url) =>
    expect(verdict(url, stores)).toBeUndefined(),
  );

  it.each([
    'http://store.example/',
    'https://store.example:444/',
    'https://store.example.evil.example/',
    'https://store.example./',
    'https://xstore.example/',
    'https://s3.example/',
    'https://xs3.example/',
    'https://b.s3.example:8443/',
    'http://b.s3.example/',
    'http://b.minio.example/',
    'https://b.minio.example:9000/',
    'https://cfg.example/',
    'http://cfg.example:8420/',
    'https://10.0.0.1/',
  ])('is refused as %s, where the site names stores', (url) =>
    expect(verdict(url, stores)).toBe('answer_refused'),
  );

  it('may be of none but the server, where the site names none at all', () => {
    expect(verdict('https://store.example/', [])).toBe('answer_refused');
    expect(verdict('https://cfg.example:8420/x', [])).toBeUndefined();
  });
});

it('takes from a site the addresses that it names, and of names only localhost', () => {
  const stores = ['http://169.254.1.1:9000', 'http://[::1]:1', 'https://store.example'];
  expect(addressesIn(stores)).toEqual(['169.254.1.1', '::1']);
  expect(addressesIn(['http://localhost:9000'])).toEqual(['127.0.0.1', '::1']);
  expect(addressesIn(['https://*.localhost', 'https://*.s3.example'])).toEqual([]);
  expect(addressesIn()).toEqual([]);
});
