import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probeSettings } from '../../functions/doctor/settings.ts';
import { rootClient } from '../../local-minio/bucket.ts';
import { createS3Settings } from '../../store/s3-settings.ts';
import { describeWith } from '../support/components.ts';
import { freshBucket, runningMinio } from '../support/minio.ts';
import type { TestBucket } from '../support/s3-bucket.ts';
import { freshVersitygwBucket, runningVersitygw } from '../support/versitygw.ts';

const found = async (bucket: TestBucket, as: 'admin' | 'root'): Promise<string[]> =>
  told(createS3Settings(bucket.options(as)));

/** Versions, public access, lifecycle, policy: each as a line. */
async function told(settings: ReturnType<typeof createS3Settings>): Promise<string[]> {
  const findings = await probeSettings(settings);
  for (const { status, advice } of findings) expect(advice === undefined).toBe(status === 'ok');
  return findings.map((finding) => {
    const right = /s3:\w+/.exec(finding.status === 'unknown' ? finding.advice! : '')?.[0];
    return [finding.status, finding.found, ...(right === undefined ? [] : [right])].join(': ');
  });
}

/** Refuses everybody a delete below `history/`: what these servers take of the two statements. */
const keepsHistory = (bucket: string, more: readonly object[] = []): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      ...more,
      {
        ...{ Effect: 'Deny', Principal: { AWS: ['*'] }, Action: ['s3:DeleteObject'] },
        Resource: [`arn:aws:s3:::${bucket}/history/*`],
      },
    ],
  });
const NOT_SAID = 'unknown: not known: 501 NotImplemented';
const HALF = 'warn: its policy does not refuse PutObject without a condition';
const pendingEnds = {
  Rule: [{ ID: 'w', Status: 'Enabled', Filter: { Prefix: 'pending/' }, Expiration: { Days: 30 } }],
};

describeWith('minio', 'the settings of a bucket of MinIO', () => {
  it('are not known to a credential that may not read them, and are told which right it lacks', async () => {
    expect(await found(await freshBucket(), 'admin')).toEqual([
      'unknown: not known: 403 AccessDenied: s3:GetBucketVersioning',
      NOT_SAID,
      'unknown: not known: 403 AccessDenied: s3:GetLifecycleConfiguration',
      'unknown: not known: 403 AccessDenied: s3:GetBucketPolicy',
    ]);
  });

  it('are what was set there', async () => {
    const bucket = await freshBucket();
    const client = rootClient(runningMinio());
    await client.setBucketVersioning(bucket.name, { Status: 'Suspended' });
    expect(await found(bucket, 'root')).toEqual([
      'warn: suspended',
      NOT_SAID,
      'warn: nothing ends what waits',
      `${HALF}, nor DeleteObject`,
    ]);
    await client.setBucketVersioning(bucket.name, { Status: 'Enabled' });
    await client.setBucketLifecycle(bucket.name, pendingEnds);
    await client.setBucketPolicy(bucket.name, keepsHistory(bucket.name));
    expect(await found(bucket, 'root')).toEqual(['ok: yes', NOT_SAID, 'ok: yes', HALF]);
  });
});

describeWith('versitygw', 'the settings of a bucket of versitygw', () => {
  it('are not known where it has none, or tells only its root', async () => {
    const bucket = await freshVersitygwBucket();
    expect(await found(bucket, 'admin')).toEqual([
      'unknown: not known: 403 AccessDenied: s3:GetBucketVersioning',
      ...[NOT_SAID, NOT_SAID],
      'unknown: not known: 403 AccessDenied: s3:GetBucketPolicy',
    ]);
    const client = rootClient(runningVersitygw());
    await client.setBucketPolicy(bucket.name, keepsHistory(bucket.name));
    expect(await found(bucket, 'root')).toEqual(['warn: no', NOT_SAID, NOT_SAID, HALF]);
  });
});

describe('what AWS answers about a bucket', () => {
  let answers: Record<string, [number, string]>;
  let server: Server;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const [, what] = /\?(\w+)/.exec(request.url!)!;
      const [status, body] = answers[what!]!;
      response.writeHead(status, { 'content-type': 'application/xml' }).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => void server.close());

  const look = (): Promise<string[]> =>
    told(
      createS3Settings({
        ...{ bucket: 'config', region: 'us-east-1' },
        endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'nobody-looks-at-this-one' },
      }),
    );
  const error = (code: string): [number, string] => [
    404,
    `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>none</Message></Error>`,
  ];
  const S3 = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

  it('is told as it is, where all is set', async () => {
    const on = [
      'BlockPublicAcls',
      'IgnorePublicAcls',
      'BlockPublicPolicy',
      'RestrictPublicBuckets',
    ];
    const blocks = on.map((name) => `<${name}>true</${name}>`).join('');
    answers = {
      versioning: [
        200,
        `<VersioningConfiguration ${S3}><Status>Enabled</Status></VersioningConfiguration>`,
      ],
      publicAccessBlock: [
        200,
        `<PublicAccessBlockConfiguration ${S3}>${blocks}</PublicAccessBlockConfiguration>`,
      ],
      lifecycle: [
        200,
        `<LifecycleConfiguration ${S3}><Rule><ID>w</ID><Filter><Prefix>pending/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>`,
      ],
      policy: [200, keepsHistory('config')],
    };
    expect(await look()).toEqual(['ok: yes', 'ok: yes', 'ok: yes', HALF]);
    answers['publicAccessBlock'] = [
      200,
      answers['publicAccessBlock']![1].replace(
        '<BlockPublicPolicy>true',
        '<BlockPublicPolicy>false',
      ),
    ];
    expect((await look())[1]).toBe('warn: not BlockPublicPolicy');
  });

  it('is that nothing is set, by the code for each', async () => {
    answers = {
      versioning: [200, `<VersioningConfiguration ${S3}/>`],
      publicAccessBlock: error('NoSuchPublicAccessBlockConfiguration'),
      lifecycle: error('NoSuchLifecycleConfiguration'),
      policy: error('NoSuchBucketPolicy'),
    };
    expect(await look()).toEqual([
      'warn: no',
      'warn: no',
      'warn: nothing ends what waits',
      `${HALF}, nor DeleteObject`,
    ]);
  });

  it('is not taken for good where it is of something else', async () => {
    const listing = `<ListBucketResult ${S3}><Name>config</Name></ListBucketResult>`;
    answers = Object.fromEntries(
      ['versioning', 'publicAccessBlock', 'lifecycle', 'policy'].map((what) => [
        what,
        [200, listing],
      ]),
    );
    const [versions, ...others] = await look();
    expect(versions).toBe('warn: no');
    for (const line of others) expect(line).toMatch(/^unknown: not known: /);
  });
});
