import { describe, expect, it } from 'vitest';
import { judgeLifecycle, judgePolicy } from './settings.ts';
import type { LifecycleRule } from '../../store/s3-settings.ts';

const rule = (prefix: string, more: Partial<LifecycleRule> = {}): LifecycleRule => ({
  ...{ Status: 'Enabled', Filter: { Prefix: prefix }, Expiration: { Days: 30 } },
  ...more,
});

describe('lifecycle rules', () => {
  it.each<[string, LifecycleRule[]]>([
    ['an end of what waits', [rule('pending/')]],
    ['one that is written the old way', [rule('', { Filter: undefined, Prefix: 'pending/' })]],
    ['later than its days', [rule('pending/', { Expiration: { Days: 60 } })]],
    [
      'an end of old versions beside it',
      [
        rule('pending/'),
        rule('', {
          Expiration: { ExpiredObjectDeleteMarker: true },
          NoncurrentVersionExpiration: { NoncurrentDays: 90 },
        }),
      ],
    ],
    [
      'a rule for tags beside it',
      [rule('pending/'), rule('', { Filter: { Tag: { Key: 'a', Value: 'b' } } })],
    ],
    [
      'one for tags below a prefix',
      [
        rule('pending/'),
        rule('', { Filter: { And: { Prefix: 'history/', Tags: [{ Key: 'a', Value: 'b' }] } } }),
      ],
    ],
    ['one that is off', [rule('pending/'), rule('history/', { Status: 'Disabled' })]],
    ['one of other people’s objects', [rule('pending/'), rule('backup/')]],
    [
      'a class that is read at once',
      [
        rule('pending/'),
        rule('history/', {
          Expiration: undefined,
          Transitions: [{ Days: 90, StorageClass: 'GLACIER_IR' }],
        }),
      ],
    ],
  ])('are well with %s', (_, rules) => {
    expect(judgeLifecycle(rules)).toEqual({ status: 'ok', found: 'yes' });
  });

  it.each<[string, LifecycleRule[]]>([
    ['delete or archive what is in history/', [rule('pending/'), rule('history/')]],
    ['delete or archive what is in history/', [rule('pending/'), rule('hist')]],
    ['delete or archive what is in approved/', [rule('pending/'), rule('approved/aa')]],
    [
      'delete or archive what is in history/, approved/, rejected/, reports/, keysets/, cosign/',
      [rule('')],
    ],
    [
      'delete or archive what is in keysets/',
      [
        rule('pending/'),
        rule('keysets/', {
          Expiration: undefined,
          Transitions: [{ Days: 1, StorageClass: 'DEEP_ARCHIVE' }],
        }),
      ],
    ],
    ['nothing ends what waits', []],
    ['nothing ends what waits', [rule('pending/aa')]],
    ['what waits ends before its 30 days', [rule('pending/', { Expiration: { Days: 7 } })]],
  ])('are said to %s', (said, rules) => {
    expect(judgeLifecycle(rules)).toMatchObject({
      status: 'warn',
      found: expect.stringContaining(said) as string,
    });
  });
});

describe('a policy of the bucket', () => {
  const statements = (more: { put?: object; kept?: object } = {}): string =>
    JSON.stringify({
      Statement: [
        {
          ...{ Effect: 'Deny', Principal: '*', Action: 's3:PutObject' },
          Resource: 'arn:aws:s3:::config/history/*',
          Condition: { Null: { 's3:if-none-match': 'true', 's3:if-match': 'true' } },
          ...more.put,
        },
        {
          ...{ Effect: 'Deny', Principal: { AWS: '*' }, Action: ['s3:DeleteObject'] },
          Resource: ['arn:aws-cn:s3:::config/*'],
          ...more.kept,
        },
      ],
    });
  const OK = { status: 'ok', found: 'yes' };

  it('has the two refusals', () => {
    expect(judgePolicy(statements(), 'config')).toEqual(OK);
    const alone = { put: { Condition: { Null: { 's3:If-None-Match': true } } } };
    expect(judgePolicy(statements(alone), 'config')).toEqual(OK);
  });

  it.each([
    ['allows', { Effect: 'Allow' }],
    ['refuses one account', { Principal: { AWS: 'arn:aws:iam::111122223333:root' } }],
    ['refuses but one', { Principal: undefined, NotPrincipal: { AWS: '*' } }],
    ['is about another bucket', { Resource: 'arn:aws:s3:::other/history/*' }],
    ['is about one node', { Resource: 'arn:aws:s3:::config/history/aa*' }],
    ['is about a read', { Action: 's3:GetObject' }],
    [
      'wants one more thing',
      {
        Condition: {
          Null: { 's3:if-none-match': 'true' },
          Bool: { 'aws:SecureTransport': 'false' },
        },
      },
    ],
    [
      'wants one more key',
      { Condition: { Null: { 's3:if-none-match': 'true', 's3:signatureAge': 'true' } } },
    ],
    ['wants it the other way round', { Condition: { Null: { 's3:if-none-match': 'false' } } }],
    ['knows If-Match alone', { Condition: { Null: { 's3:if-match': 'true' } } }],
  ])('that %s refuses no unconditional put', (_, put) => {
    const { status, found } = judgePolicy(statements({ put }), 'config');
    expect([status, found]).toEqual([
      'warn',
      'its policy does not refuse PutObject without a condition',
    ]);
  });

  it('that refuses deletes under a condition, or is not there, is said to lack it', () => {
    const kept = { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'false' } } };
    expect(judgePolicy(statements({ kept }), 'config').found).toBe(
      'its policy does not refuse DeleteObject',
    );
    for (const none of [undefined, '{}', '{"Statement":[]}', '{"Statement":[null,7]}']) {
      expect(judgePolicy(none, 'config').found).toContain('without a condition, nor DeleteObject');
    }
  });
});
