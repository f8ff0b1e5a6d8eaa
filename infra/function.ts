import { Duration, RemovalPolicy, Stage } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { policyStatements } from '../protocol/iam.ts';
import type { Credential } from '../protocol/permissions.ts';
import { bundleEntry } from './bundle.ts';

/** What a function of a site is made with. */
export interface SiteFunctionProps {
  readonly credential: Credential;
  readonly bucket: Bucket;
  /** The text of `site.json`, or a token that stands for it until deployment. */
  readonly site: string;
  /** More of its environment (`functions/lambda/environment.ts`). */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * One of the three functions: its code (`functions/lambda/<credential>.ts`, bundled), its log group,
 * and its role, which may do exactly what `protocol/permissions.ts` says plus write to that log
 * group.
 */
export class SiteFunction extends Construct {
  readonly handler: Function;

  constructor(
    scope: Construct,
    id: string,
    { credential, bucket, site, environment }: SiteFunctionProps,
  ) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: {
        store: new PolicyDocument({
          statements: policyStatements(credential, bucket.bucketArn).map((statement) =>
            PolicyStatement.fromJson(statement),
          ),
        }),
        logs: new PolicyDocument({
          statements: [
            new PolicyStatement({
              actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              // The ARN of a log group ends in `:*`, which stands for its streams.
              resources: [logGroup.logGroupArn],
            }),
          ],
        }),
      },
    });
    this.handler = new Function(this, 'Handler', {
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: bundledCode(this, credential),
      handler: 'index.handler',
      role,
      logGroup,
      memorySize: 512,
      timeout: Duration.seconds(20),
      environment: { COATCHECK_SITE: site, COATCHECK_BUCKET: bucket.bucketName, ...environment },
    });
  }
}

/**
 * The entry, bundled into the app's output folder. CDK names the asset by its content: the same
 * sources make the same template.
 */
function bundledCode(scope: Construct, credential: Credential): Code {
  const folder = join(Stage.of(scope)!.outdir, 'bundles', credential);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'index.mjs'), bundleEntry(`functions/lambda/${credential}.ts`));
  return Code.fromAsset(folder);
}
