import { App, Stack } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { CoatcheckSite } from '../../infra/index.ts';
import type { CoatcheckSiteProps } from '../../infra/index.ts';
import { formatSite } from '../../protocol/site.ts';
import { makeSite } from './site.ts';

/** What a region's partition is called in an ARN. */
export const PARTITIONS: Readonly<Record<string, string>> = {
  'eu-central-1': 'aws',
  'cn-north-1': 'aws-cn',
  'us-gov-west-1': 'aws-us-gov',
  'eusc-de-east-1': 'aws-eusc',
};

const ACCOUNT = '123456789012';
const arn = (stack: Stack, service: string, resource: string): string =>
  `arn:${PARTITIONS[stack.region]}:${service}:${stack.region}:${ACCOUNT}:${resource}`;

/** Sites that between them have each resource that a prop can make. */
export const VARIANTS: Readonly<Record<string, (stack: Stack) => Partial<CoatcheckSiteProps>>> = {
  plain: () => ({}),
  'with everything': (stack) => {
    const certificate = arn(stack, 'acm', 'certificate/6bd7e2a5-0c0e-4c0e-8f0e-2f6c1d2b3a40');
    return {
      domain: {
        name: 'coatcheck.example',
        certificate: Certificate.fromCertificateArn(stack, 'Certificate', certificate),
      },
      publicUrls: ['https://cdn.example'],
      encryptionKey: Key.fromKeyArn(
        stack,
        'Key',
        arn(stack, 'kms', 'key/0c0e6bd7-e2a5-4c0e-8f0e-2f6c1d2b3a40'),
      ),
      token: {
        parameter: StringParameter.fromSecureStringParameterAttributes(stack, 'Token', {
          parameterName: '/coatcheck/token',
        }),
      },
      alarmsTopic: Topic.fromTopicArn(stack, 'Alarms', arn(stack, 'sns', 'alarms')),
      waitingTopic: Topic.fromTopicArn(stack, 'Waits', arn(stack, 'sns', 'waits')),
      probe: true,
      reservedConcurrency: { upload: 5 },
      permissionsBoundary: ManagedPolicy.fromManagedPolicyName(stack, 'Boundary', 'team'),
      tags: { owner: 'grid' },
      // GovCloud has none.
      ...(!stack.region.startsWith('us-gov-') && {
        budget: { usd: 20, email: 'ops@grid.example' },
      }),
    };
  },
  'on a bucket that is there': (stack) => ({
    bucket: Bucket.fromBucketName(stack, 'Kept', 'kept-bucket'),
    bucketPolicy: true,
    token: {
      secret: Secret.fromSecretCompleteArn(
        ...([stack, 'Token', arn(stack, 'secretsmanager', 'secret:token-AbCdEf')] as const),
      ),
    },
  }),
};

/** An app of somebody's own, with one of these sites in a stack for a region. */
export function variantApp(name: string, region: string, outdir: string): App {
  const app = new App({ outdir });
  const stack = new Stack(app, 'Own', { env: { region, account: ACCOUNT } });
  const site = formatSite(makeSite().site);
  new CoatcheckSite(stack, 'Default', { site, ...VARIANTS[name]!(stack) });
  return app;
}
