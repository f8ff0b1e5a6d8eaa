import { App, CfnParameter, Stack } from 'aws-cdk-lib';
import type { AppProps } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fail } from '../protocol/errors.ts';
import { CoatcheckSite } from './coatcheck-site.ts';
import type { CoatcheckSiteProps } from './props.ts';
import { MAX_SITE_BYTES, siteText } from './site.ts';

const recommendedFlags = createRequire(import.meta.url)(
  'aws-cdk-lib/recommended-feature-flags.json',
) as Record<string, unknown>;

/**
 * The CDK app with its one stack, which is one site and nothing else; what `-c NAME=VALUE` says is in
 * docs/deploy-aws.md. It has no account and no region: those of the credentials at deployment. All of the library's
 * recommended behaviours are on.
 *
 * Without `-c site=PATH` the text is a parameter of the stack, which has no default: CloudFormation refuses to
 * deploy until somebody fills it in.
 *
 * @throws file_missing, file_malformed for the file of `site`; usage for another value that is none
 */
export function siteApp(props: AppProps = {}): { app: App; stack: Stack } {
  const app = new App({ ...props, context: { ...recommendedFlags, ...props.context } });
  const { text, flag, given } = contextOf(app);
  const stack = new Stack(app, text('stack') ?? 'Coatcheck', {
    description: 'coatcheck: configuration for machines without a disk',
  });
  new CoatcheckSite(stack, 'Default', {
    site: given('site', readSite) ?? siteParameter(stack),
    ...defined({
      bucket: given('bucket', (name) => Bucket.fromBucketName(stack, 'Kept', name)),
      bucketPolicy: flag('bucketPolicy'),
      domain: domainOf(stack, text('domain'), text('certificate')),
      publicUrls: given('publicUrls', (urls) => urls.split(',')),
      ownAddress: flag('ownAddress'),
      token: tokenOf(stack, text('tokenParameter'), text('tokenSecret')),
      maxPending: given('maxPending', Number),
      maxNodes: given('maxNodes', Number),
      dualStack: flag('dualStack'),
      probe: flag('probe'),
      terminationProtection: flag('terminationProtection'),
    }),
  });
  return { app, stack };
}

/** Members without a value are left out: `exactOptionalPropertyTypes` */
type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
function defined<T extends object>(members: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}

function contextOf(app: App) {
  const text = (name: string): string | undefined => {
    const value = app.node.tryGetContext(name) as string | boolean | undefined;
    return value === undefined ? undefined : String(value);
  };
  const flag = (name: string): boolean | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (value === 'true' || value === 'false') return value === 'true';
    throw fail('usage', `${name} is true or false`);
  };
  const given = <T>(name: string, make: (value: string) => T): T | undefined => {
    const value = text(name);
    return value === undefined ? undefined : make(value);
  };
  return { text, flag, given };
}

function readSite(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw fail('file_missing', `cannot read ${path}: give -c site=PATH of a site.json`, { cause });
  }
  return siteText(text, path);
}

function siteParameter(stack: Stack): string {
  return new CfnParameter(stack, 'Site', {
    description: 'The text of site.json, as `coatcheck init` wrote it',
    minLength: 1,
    maxLength: MAX_SITE_BYTES,
  }).valueAsString;
}

function domainOf(
  stack: Stack,
  name: string | undefined,
  arn: string | undefined,
): CoatcheckSiteProps['domain'] {
  if (name === undefined && arn === undefined) return undefined;
  if (name === undefined || arn === undefined) {
    throw fail('usage', 'domain=NAME and certificate=ARN belong together');
  }
  return { name, certificate: Certificate.fromCertificateArn(stack, 'Certificate', arn) };
}

function tokenOf(
  stack: Stack,
  parameterName: string | undefined,
  secretArn: string | undefined,
): CoatcheckSiteProps['token'] {
  if (parameterName !== undefined && secretArn !== undefined) {
    throw fail('usage', 'tokenParameter and tokenSecret: the token is in one of them');
  }
  if (parameterName !== undefined) {
    const named = { parameterName };
    return {
      parameter: StringParameter.fromSecureStringParameterAttributes(stack, 'Token', named),
    };
  }
  return secretArn === undefined
    ? undefined
    : { secret: Secret.fromSecretCompleteArn(stack, 'Token', secretArn) };
}
