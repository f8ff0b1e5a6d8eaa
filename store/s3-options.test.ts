import { describe, expect, it } from 'vitest';
import { bucketUrl, urlExpiry } from './s3-options.ts';

describe('bucketUrl', () => {
  const aws = { region: 'eu-central-1' };
  it('is virtual-hosted on AWS', () => {
    expect(bucketUrl({ bucket: 'lab', ...aws }).href).toBe(
      'https://lab.s3.eu-central-1.amazonaws.com/',
    );
  });
  it('is path-style for a name with dots, which no certificate of AWS covers', () => {
    expect(bucketUrl({ bucket: 'lab.example', ...aws }).href).toBe(
      'https://s3.eu-central-1.amazonaws.com/lab.example',
    );
  });
  it('is path-style on other servers', () => {
    for (const endpoint of ['http://127.0.0.1:9000', 'http://127.0.0.1:9000/']) {
      expect(bucketUrl({ bucket: 'lab', ...aws, endpoint }).href).toBe('http://127.0.0.1:9000/lab');
    }
  });
});

describe('urlExpiry', () => {
  it('is the earlier of the URL and the session', () => {
    const at = (seconds: number): Date => new Date(seconds * 1000);
    expect(urlExpiry(1000, 300, undefined)).toEqual(at(1300));
    expect(urlExpiry(1000, 300, at(2000))).toEqual(at(1300));
    expect(urlExpiry(1000, 300, at(1100))).toEqual(at(1100));
  });
});
