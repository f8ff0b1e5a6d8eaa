import { describe, expect, it } from 'vitest';
import { storePlace } from './kinds.ts';

const home = { storeFolder: '/srv/store' };
const place = (flags: object): unknown => storePlace({ region: 'us-east-1', ...flags }, home);
const bucket = (more: object = {}): unknown =>
  place({ store: 's3://lab', credentials: 's3.json', ...more });

describe('where the objects are', () => {
  it('is a bucket however its scheme is written', () => {
    expect(place({ store: 'S3://lab', credentials: 's3.json' })).toEqual(bucket());
  });
  it.each([
    's3:lab',
    's3:/lab',
    's3://',
    's3://LAB',
    'S3://lab/x',
    's3://lab?x=1',
    'gs://lab',
    'FILE:///srv',
  ])('is no %s', (store) => {
    expect(() => place({ store, credentials: 's3.json' })).toThrow(/--store/);
  });
  it.each([
    ...['http://h:9000/?x=1', 'http://h:9000/#x', 'http://h:9000?', 'http://a:b@h:9000', 'h:9000'],
    ...['ftp://h', 'http://'],
  ])('is at no endpoint %s', (url) => {
    expect(() => bucket({ endpoint: url })).toThrow(/--endpoint is a URL/);
    expect(() => bucket({ publicEndpoint: url })).toThrow(/--public-endpoint is a URL/);
  });
  it('is reached by both kinds of addresses on AWS, and where else is for the endpoint to say', () => {
    expect(bucket({ dualStack: true })).toMatchObject({ dualStack: true });
    expect(bucket({ dualStack: false })).toEqual(bucket());
    expect(place({ dualStack: false })).toEqual(place({}));
    expect(() => place({ dualStack: true })).toThrow(
      /--dual-stack and --credentials need --store s3/,
    );
    for (const name of ['endpoint', 'publicEndpoint']) {
      expect(() => bucket({ dualStack: true, [name]: 'http://h:9000' })).toThrow(/--dual-stack is/);
    }
  });
  it.each(['', 'eu central', 'eu-central-1.evil.example/', 'EU'])(
    'is in no region %j',
    (region) => {
      expect(() => bucket({ region })).toThrow(/--region/);
    },
  );
  it('is a collection of a WebDAV server', () => {
    const url = 'https://dav.lan/coatcheck/';
    for (const store of ['webdavs://dav.lan/coatcheck', 'WEBDAVS://dav.lan/coatcheck//']) {
      expect(place({ store })).toEqual({ kind: 'webdav', url });
    }
    const credentials = { credentials: '/x/dav.json' };
    expect(place({ store: 'webdav://[::1]:81', ...credentials })).toEqual({
      ...{ kind: 'webdav', url: 'http://[::1]:81/', credentialsFile: '/x/dav.json' },
    });
    expect(() => place({ store: 'webdav://dav.lan/x', ...credentials })).toThrow(/in clear/);
    expect(() => place({ store: 'webdavs://dav.lan', endpoint: url })).toThrow(/--endpoint/);
  });
  it.each([
    'webdav:',
    'webdavs:/x',
    'webdavs://',
    'webdavs://a:b@h/',
    'webdav://h/?x',
    'webdavs://h/#',
  ])('is in no collection %s', (store) => {
    expect(() => place({ store })).toThrow(/--store/);
  });
});
