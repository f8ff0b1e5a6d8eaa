import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CREDENTIALS } from '../protocol/permissions.ts';
import { formatSite } from '../protocol/site.ts';
import { PARTITIONS } from '../tests/support/aws-variants.ts';
import { makeSite } from '../tests/support/site.ts';
import { property, resourceOf } from '../tests/support/template.ts';
import { CoatcheckSite } from './index.ts';
import { ALARMS } from './watch.ts';
import type { CoatcheckSiteProps } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'coatcheck-construct-'));
afterAll(() => rmSync(folder, { recursive: true }));

const site = formatSite(makeSite().site);

/** A stack of somebody's own with a site in it, in a region. */
function synthesise(
  more: (stack: Stack) => Partial<CoatcheckSiteProps> = () => ({}),
  region = 'eu-central-1',
): { template: Template; stack: Stack; made: CoatcheckSite } {
  const outdir = mkdtempSync(join(folder, 'out-'));
  const env = { region, account: '123456789012' };
  const stack = new Stack(new App({ outdir }), 'Own', { env });
  const made = new CoatcheckSite(stack, 'Default', { site, ...more(stack) });
  return { template: Template.fromStack(stack), stack, made };
}

const resources = (template: Template, type: string): Record<string, unknown>[] =>
  Object.values(template.findResources(type)).map(
    ({ Properties }) => Properties as Record<string, unknown>,
  );

describe('a site as a construct', () => {
  it.each(Object.keys(PARTITIONS))(
    'names no other partition than that of its region: %s',
    (region) => {
      const { template } = synthesise(() => ({}), region);
      const text = JSON.stringify(template.toJSON());
      const named = [...text.matchAll(/arn:(aws[a-z-]*):/g)].map(([, partition]) => partition);
      expect(named.filter((partition) => partition !== PARTITIONS[region])).toEqual([]);
    },
  );

  it('takes what JSON.parse makes of a site.json, and says what is wrong with one', () => {
    const parsed = JSON.parse(site) as Record<string, unknown>;
    expect(synthesise(() => ({ site: parsed })).template.toJSON()).toEqual(
      synthesise().template.toJSON(),
    );
    expect(() => synthesise(() => ({ site: { ...parsed, site: 'x' } }))).toThrow(
      /^site: .*32 lower-case hex/,
    );
  });

  it('works on a bucket that is there, whose policy stays as it is unless it is to be made', () => {
    const kept = (bucketPolicy?: boolean) =>
      synthesise((stack) => ({
        bucket: Bucket.fromBucketName(stack, 'Kept', 'kept-bucket'),
        ...(bucketPolicy !== undefined && { bucketPolicy }),
      })).template;
    kept().resourceCountIs('AWS::S3::Bucket', 0);
    kept().resourceCountIs('AWS::S3::BucketPolicy', 0);
    const [policy] = resources(kept(true), 'AWS::S3::BucketPolicy');
    expect(policy).toMatchObject({ Bucket: 'kept-bucket' });
    const { Statement } = policy!['PolicyDocument'] as { Statement: { Sid: string }[] };
    expect(Statement.map(({ Sid }) => Sid)).toEqual([
      ...['OnlyTls', 'OnlyNewTls', 'HistoryWriteOnce', 'HistoryKept'],
    ]);
    for (const credential of CREDENTIALS) {
      const lambda = resourceOf(kept(), 'AWS::Lambda::Function', credential, '');
      expect(property(lambda, 'Environment', 'Variables', 'COATCHECK_BUCKET')).toBe('kept-bucket');
    }
  });

  it('encrypts with a key of yours, and each function may use it as far as it reads and writes', () => {
    const { template } = synthesise((stack) => ({ encryptionKey: new Key(stack, 'Key') }));
    const [bucket] = resources(template, 'AWS::S3::Bucket');
    expect(JSON.stringify(bucket!['BucketEncryption'])).toContain('"aws:kms"');
    const allowed = Object.fromEntries(
      resources(template, 'AWS::IAM::Policy').map(({ PolicyDocument, PolicyName }) => [
        String(PolicyName).replace(/Role.*/, ''),
        (PolicyDocument as { Statement: { Action: unknown }[] }).Statement.flatMap(
          ({ Action }) => Action,
        ),
      ]),
    );
    expect(allowed).toEqual({
      Download: ['kms:Decrypt'],
      Upload: ['kms:Decrypt', 'kms:GenerateDataKey'],
      Admin: ['kms:Decrypt', 'kms:GenerateDataKey'],
    });
  });

  it('answers under a name of yours, and where you say so under no other', () => {
    const domain = (stack: Stack) => ({
      name: 'coatcheck.example',
      certificate: Certificate.fromCertificateArn(stack, 'Certificate', 'arn:aws:acm:x:1:y'),
    });
    const open = synthesise((stack) => ({ domain: domain(stack) }));
    expect([open.made.url, open.made.domainTarget]).toEqual([
      ...['https://coatcheck.example', expect.anything() as string],
    ]);
    const closed = synthesise((stack) => ({ domain: domain(stack), ownAddress: false }));
    expect(resources(closed.template, 'AWS::ApiGatewayV2::Api')).toMatchObject([
      { DisableExecuteApiEndpoint: true },
    ]);
    closed.template.resourceCountIs('AWS::ApiGatewayV2::ApiMapping', 1);
    const names = ({ template }: { template: Template }) =>
      property(
        resourceOf(template, 'AWS::Lambda::Function', 'download', ''),
        ...['Environment', 'Variables', 'COATCHECK_PUBLIC_URLS'],
      );
    expect(names(closed)).toBe('https://coatcheck.example');
    expect(names(open)).toMatch(/^https:\/\/coatcheck\.example https:\/\/./);
    const behind = synthesise(() => ({ publicUrls: ['https://cdn.example'], ownAddress: false }));
    expect(names(behind)).toBe('https://cdn.example');
    expect(resources(behind.template, 'AWS::ApiGatewayV2::Api')).toMatchObject([
      { DisableExecuteApiEndpoint: false },
    ]);
  });

  it('takes a boundary, tags, throttles, bounds of its functions, and protects its stack', () => {
    const { template, stack } = synthesise((own) => ({
      permissionsBoundary: ManagedPolicy.fromManagedPolicyName(own, 'Boundary', 'team'),
      tags: { owner: 'grid' },
      throttles: { propose: { rate: 1, burst: 2 } },
      reservedConcurrency: { upload: 5 },
      terminationProtection: true,
    }));
    expect(stack.terminationProtection).toBe(true);
    const roles = resources(template, 'AWS::IAM::Role');
    expect(roles.length).toBeGreaterThan(0);
    for (const role of roles) {
      expect(JSON.stringify(role['PermissionsBoundary'])).toContain(':policy/team');
    }
    expect(resources(template, 'AWS::S3::Bucket')).toMatchObject([
      { Tags: [{ Key: 'owner', Value: 'grid' }] },
    ]);
    expect(resources(template, 'AWS::ApiGatewayV2::Stage')).toMatchObject([
      {
        RouteSettings: {
          'POST /v1/nodes/{node}/proposals': { ThrottlingRateLimit: 1, ThrottlingBurstLimit: 2 },
        },
      },
    ]);
    const upload = resourceOf(template, 'AWS::Lambda::Function', 'upload', '');
    expect(property(upload, 'ReservedConcurrentExecutions')).toBe(5);
  });
});

describe('what somebody is told', () => {
  it('is every alarm, each with a runbook entry, to the topic that is given, and nobody without one', () => {
    const { template } = synthesise((stack) => ({ alarmsTopic: new Topic(stack, 'Topic') }));
    const alarms = resources(template, 'AWS::CloudWatch::Alarm');
    const names = new Set(
      alarms.map(
        ({ AlarmDescription }) => /coatcheck ([\w-]+) /.exec(String(AlarmDescription))![1]!,
      ),
    );
    expect([...names].toSorted()).toEqual([...ALARMS].toSorted());
    for (const { AlarmActions, OKActions } of alarms) {
      expect([AlarmActions, OKActions]).toEqual([[expect.anything()], [expect.anything()]]);
    }
    const runbook = readFileSync('docs/deploy-aws.md', 'utf8');
    for (const name of ALARMS) expect(runbook).toMatch(new RegExp(`^\\| \`${name}\` `, 'm'));
    const quiet = resources(synthesise().template, 'AWS::CloudWatch::Alarm');
    expect(quiet).toHaveLength(alarms.length);
    expect(quiet.every((alarm) => !('AlarmActions' in alarm))).toBe(true);
  });

  it('near the cap is that of the site', () => {
    const { template } = synthesise(() => ({ maxPending: 50 }));
    const near = resources(template, 'AWS::CloudWatch::Alarm').find(({ AlarmDescription }) =>
      String(AlarmDescription).includes('waiting-near-cap'),
    );
    expect(near).toMatchObject({ Threshold: 40, TreatMissingData: 'notBreaching' });
  });

  it('is that something waits, where a topic is given, by an event of the bucket', () => {
    const rules = (template: Template) =>
      resources(template, 'AWS::Events::Rule').map(({ EventPattern }) => EventPattern);
    const { template } = synthesise((stack) => ({ waitingTopic: new Topic(stack, 'Topic') }));
    expect(rules(template)).toContainEqual({
      source: ['aws.s3'],
      'detail-type': ['Object Created'],
      detail: {
        bucket: { name: [expect.anything()] },
        object: { key: [{ prefix: 'pending/' }] },
      },
    });
    expect(resources(template, 'AWS::S3::Bucket')).toMatchObject([
      { NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } } },
    ]);
    template.resourceCountIs('AWS::Lambda::Function', 3);
    template.resourceCountIs('AWS::IAM::Role', 3);
    expect(rules(synthesise().template)).toEqual([undefined]);
  });

  it('is by the access log what no function saw, without a header or a query', () => {
    const [stage] = resources(synthesise().template, 'AWS::ApiGatewayV2::Stage');
    const { Format } = stage!['AccessLogSettings'] as { Format: string };
    const fields = JSON.parse(Format) as Record<string, string>;
    expect(Object.keys(fields)).toEqual(
      expect.arrayContaining(['time', 'id', 'route', 'status', 'milliseconds']),
    );
    expect(Format).not.toMatch(/header|query|authorizer/i);
  });

  it('is by mail what the month costs, where a budget is given', () => {
    const { template } = synthesise(() => ({ budget: { usd: 20, email: 'ops@grid.example' } }));
    const [budget] = resources(template, 'AWS::Budgets::Budget');
    expect(budget).toMatchObject({
      Budget: { BudgetLimit: { Amount: 20, Unit: 'USD' }, TimeUnit: 'MONTHLY' },
    });
    synthesise().template.resourceCountIs('AWS::Budgets::Budget', 0);
  });
});
