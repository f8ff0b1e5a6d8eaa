import { CfnOutput, Stack, Tags } from 'aws-cdk-lib';
import { ArnPrincipal, PermissionsBoundary, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { CREDENTIALS } from '../protocol/permissions.ts';
import type { Credential } from '../protocol/permissions.ts';
import { SiteApi } from './api.ts';
import { SiteBucket } from './bucket.ts';
import { SiteBudget } from './budget.ts';
import { SiteFunction } from './function.ts';
import { assertProps } from './props.ts';
import type { CoatcheckSiteProps } from './props.ts';
import { siteText } from './site.ts';
import { SiteWaiting } from './waiting.ts';
import { SiteWatch } from './watch.ts';

/**
 * One site on AWS: a bucket, three functions with a role each, and an HTTP API. Whatever a part needs is made with it:
 * its rights, its log, its alarms.
 */
export class CoatcheckSite extends Construct {
  /** Where nodes and administrators connect: for `servers` of `site.json`. */
  readonly url: string;
  /** What a record of the domain's name leads to; undefined without a `domain`. */
  readonly domainTarget: string | undefined;
  readonly bucket: IBucket;

  /** @throws usage for a prop that is none; file_malformed for a `site` that is none */
  constructor(scope: Construct, id: string, props: CoatcheckSiteProps) {
    super(scope, id);
    assertProps(props);
    const { token, maxPending, maxNodes, dualStack = false, encryptionKey } = props;
    const watch = new SiteWatch(this, 'Watch', props.alarmsTopic);
    const { bucket } = new SiteBucket(this, 'Store', props);
    const api = new SiteApi(this, 'Http', props, watch);
    const site = siteText(props.site);
    const environment = {
      COATCHECK_PUBLIC_URLS: api.publicUrls.join(' '),
      ...(maxPending !== undefined && { COATCHECK_MAX_PENDING: String(maxPending) }),
      ...(maxNodes !== undefined && { COATCHECK_MAX_NODES: String(maxNodes) }),
      ...(dualStack && { COATCHECK_DUAL_STACK: '1' }),
      ...(token !== undefined && { COATCHECK_TOKEN_FROM: placeOf(token) }),
    };
    const parts = { bucket, encryptionKey, site, watch };
    const functions = Object.fromEntries(
      CREDENTIALS.map((name) => [
        name,
        new SiteFunction(this, NAMES[name], {
          ...{ ...parts, name, environment },
          reservedConcurrency: props.reservedConcurrency?.[name],
        }),
      ]),
    ) as Record<Credential, SiteFunction>;
    const roles = CREDENTIALS.map((name) => `${name}=${functions[name].role.roleArn}`).join(' ');
    const doctor =
      props.probe === true
        ? new SiteFunction(this, 'Doctor', {
            ...{
              ...parts,
              name: 'doctor',
              environment: { ...environment, COATCHECK_ROLES: roles },
            },
            reservedConcurrency: undefined,
          })
        : undefined;
    if (doctor !== undefined) grantRoles(Object.values(functions), doctor);
    const { download, upload, admin } = functions;
    if (token !== undefined) grantToken(token, upload.handler);
    const handlers = {
      ...{ download: download.handler, upload: upload.handler, admin: admin.handler },
    };
    api.route(handlers, doctor?.handler);
    new SiteWaiting(this, 'Waiting', {
      ...{ upload, bucket, watch, maxPending: maxPending ?? 1000, topic: props.waitingTopic },
    });
    if (props.budget !== undefined) new SiteBudget(this, 'Cost', props.budget);

    const { permissionsBoundary, tags = {}, terminationProtection } = props;
    if (permissionsBoundary !== undefined) PermissionsBoundary.of(this).apply(permissionsBoundary);
    for (const [key, value] of Object.entries(tags)) Tags.of(this).add(key, value);
    if (terminationProtection !== undefined) {
      Stack.of(this).terminationProtection = terminationProtection;
    }
    new CfnOutput(this, 'CoatcheckServer', { value: api.url });
    new CfnOutput(this, 'CoatcheckBucket', { value: bucket.bucketName });
    if (api.domainTarget !== undefined) {
      new CfnOutput(this, 'CoatcheckDomainTarget', { value: api.domainTarget });
    }
    this.url = api.url;
    this.domainTarget = api.domainTarget;
    this.bucket = bucket;
  }
}

const NAMES: Record<Credential, string> = {
  download: 'Download',
  upload: 'Upload',
  admin: 'Admin',
};

type Token = NonNullable<CoatcheckSiteProps['token']>;

/** As `functions/lambda/token.ts` reads it. */
const placeOf = (token: Token): string =>
  'parameter' in token
    ? `ssm:${token.parameter.parameterName}`
    : `secretsmanager:${token.secret.secretArn}`;

function grantToken(token: Token, to: IGrantable): void {
  if ('parameter' in token) token.parameter.grantRead(to);
  else token.secret.grantRead(to);
}

/** A role is taken by whom it trusts, and who may take it: both have to say so. */
function grantRoles(from: readonly SiteFunction[], to: SiteFunction): void {
  const actions = ['sts:AssumeRole'];
  for (const { role } of from) {
    const principals = [new ArnPrincipal(to.role.roleArn)];
    role.assumeRolePolicy!.addStatements(new PolicyStatement({ actions, principals }));
  }
  const resources = from.map(({ role }) => role.roleArn);
  to.role.addToPrincipalPolicy(new PolicyStatement({ actions, resources }));
}
