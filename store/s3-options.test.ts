import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import './s3.ts'; // says that our `engines` speak of Node, and not the SDK
import { describe, expect, it } from 'vitest';
import { assertOwnKeys, bucketUrl, urlExpiry } from './s3-options.ts';

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

describe('where a bucket of AWS is', () => {
  /** Of a bucket, by the SDK. */
  async function hostBySdk(region: string, bucket: string, useDualstackEndpoint: boolean) {
    const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'a-secret-of-the-test' };
    const client = new S3Client({ region, credentials, useDualstackEndpoint });
    const command = new GetObjectCommand({ Bucket: bucket, Key: 'x' });
    return new URL(await getSignedUrl(client, command)).host;
  }
  const REGIONS = [
    ...['eu-central-1', 'us-east-1', 'us-gov-west-1', 'cn-north-1', 'cn-northwest-1'],
    ...['us-iso-east-1', 'us-isob-east-1', 'eu-isoe-west-1', 'us-isof-south-1', 'eusc-de-east-1'],
  ];
  it.each(REGIONS)('is what the SDK says: %s', async (region) => {
    for (const bucket of ['lab', 'lab.example']) {
      expect(bucketUrl({ bucket, region }).host).toBe(await hostBySdk(region, bucket, false));
    }
  });
  it.each(REGIONS)('by both kinds of addresses, too: %s', async (region) => {
    for (const bucket of ['lab', 'lab.example']) {
      const { host } = bucketUrl({ bucket, region, dualStack: true });
      expect(host).toBe(await hostBySdk(region, bucket, true));
    }
  });
});

describe('a key with white space in it', () => {
  it.each([
    { accessKeyId: 'AKIAEXAMPLE\n', secretAccessKey: 'a-secret-of-the-test' },
    { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: ' a-secret-of-the-test' },
    { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'a-secret-of-the-test', sessionToken: 'a b' },
  ])('is refused, and not shown: %#', (keys) => {
    expect(() => {
      assertOwnKeys(keys, 'the upload key');
    }).toThrow(/^the upload key has white space in it: [^A]*$/);
  });
});
