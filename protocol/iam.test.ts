import { describe, expect, it } from 'vitest';
import { policyStatements } from './iam.ts';
import { CREDENTIALS } from './permissions.ts';

const BUCKET = `arn:aws:s3:::${'b'.repeat(63)}`;

describe('policyStatements', () => {
  it('allows the upload credential exactly its prefixes', () => {
    expect(policyStatements('upload', 'arn:aws:s3:::b')).toEqual([
      { Effect: 'Allow', Action: 's3:GetObject', Resource: ['arn:aws:s3:::b/keysets/*'] },
      {
        Effect: 'Allow',
        Action: 's3:PutObject',
        Resource: ['arn:aws:s3:::b/pending/*', 'arn:aws:s3:::b/reports/*'],
      },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: 'arn:aws:s3:::b',
        Condition: { StringLike: { 's3:prefix': ['pending/*', 'rejected/*', 'keysets/*'] } },
      },
    ]);
  });

  it('lets the signer of downloads list the bucket, or S3 answers 403 for a missing key', () => {
    const list = policyStatements('download', BUCKET).find((s) => s.Action === 's3:ListBucket');
    expect(list).toEqual({ Effect: 'Allow', Action: 's3:ListBucket', Resource: BUCKET });
  });

  it('lets nobody delete from history', () => {
    for (const credential of CREDENTIALS) {
      const deletes = policyStatements(credential, BUCKET)
        .filter((s) => s.Action === 's3:DeleteObject')
        .flatMap((s) => s.Resource);
      const prefixes = ['pending', 'rejected', 'reports', 'cosign'];
      const expected = prefixes.map((prefix) => `${BUCKET}/${prefix}/*`);
      expect(deletes).toEqual(credential === 'admin' ? expected : []);
    }
  });

  it.each(CREDENTIALS)('keeps the %s policy within what MinIO takes', (credential) => {
    const policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: policyStatements(credential, BUCKET),
    });
    expect(policy.length).toBeLessThan(2048);
    expect(policy).not.toContain('if-none-match');
  });
});
