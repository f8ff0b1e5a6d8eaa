import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import type { S3Credentials } from '../../store/s3-options.ts';
import { bucketPolicy } from '../support/versitygw-server.ts';

it('docs/versitygw-policy.json gives each credential its rights', () => {
  const users = CREDENTIALS.map((name) => [
    name,
    { accessKeyId: `coatcheck-${name}`, secretAccessKey: '' },
  ]);
  const named = Object.fromEntries(users) as Record<Credential, S3Credentials>;
  const written: unknown = JSON.parse(readFileSync('docs/versitygw-policy.json', 'utf8'));
  expect(written).toEqual(JSON.parse(bucketPolicy(named, 'coatcheck')));
});
