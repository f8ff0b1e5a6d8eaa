import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Architecture, Function, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { policyStatements } from '../protocol/iam.ts';
import { PERMISSIONS } from '../protocol/permissions.ts';
import type { Credential } from '../protocol/permissions.ts';
import { functionCode } from './code.ts';
import type { FunctionName } from './code.ts';
import type { SiteWatch } from './watch.ts';

/** What a function of a site is made with. */
export interface SiteFunctionProps {
  readonly name: FunctionName;
  readonly bucket: IBucket;
  /** That encrypts the bucket, if it is not S3's own. */
  readonly encryptionKey: IKey | undefined;
  /** The text of `site.json`, or a token that stands for it until deployment. */
  readonly site: string;
  /** More of its environment (`functions/lambda/environment.ts`). */
  readonly environment: Readonly<Record<string, string>>;
  readonly reservedConcurrency: number | undefined;
  readonly watch: SiteWatch;
}

const PERIOD = Duration.minutes(5);
/** A quick answer, and one to some hundred requests: an HTTP API waits for 30 seconds. */
const TIMEOUT = { one: Duration.seconds(20), doctor: Duration.seconds(29) };
/** Milliseconds: most requests take some tens, and a start some hundreds. */
const SLOW = 3_000;

/**
 * One of the functions: its code (`functions/lambda/<name>.ts`, bundled), its log group, and its role, which may write to that log
 * group, do exactly what `protocol/permissions.ts` says of its credential, if it has one, and use the bucket's key for that.
 */
export class SiteFunction extends Construct {
  readonly handler: Function;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: SiteFunctionProps) {
    super(scope, id);
    const { name, bucket, site, environment, reservedConcurrency } = props;
    const logGroup = (this.logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    }));
    const credential = name === 'doctor' ? undefined : name;
    const role = (this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: {
        ...(credential !== undefined && {
          store: new PolicyDocument({
            statements: policyStatements(credential, bucket.bucketArn).map((statement) =>
              PolicyStatement.fromJson(statement),
            ),
          }),
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
    }));
    if (credential !== undefined) {
      acknowledgePrefixes(role, bucket, credential);
      grantKey(props.encryptionKey ?? bucket.encryptionKey, role, credential);
    }
    this.handler = new Function(this, 'Handler', {
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: functionCode(this, name),
      handler: 'index.handler',
      role,
      logGroup,
      memorySize: 512,
      timeout: TIMEOUT[credential === undefined ? 'doctor' : 'one'],
      ...(reservedConcurrency !== undefined && {
        reservedConcurrentExecutions: reservedConcurrency,
      }),
      environment: { COATCHECK_SITE: site, COATCHECK_BUCKET: bucket.bucketName, ...environment },
    });
    Validations.of(this.handler).acknowledge(
      {
        id: 'Serverless::Serverless-LambdaDLQ',
        reason:
          'Requests come by the API, which gives the failure to who asked; and who asked tries again. What comes ' +
          'without somebody who waits is a count, and the next is taken soon.',
      },
      {
        id: 'Serverless::Serverless-LambdaTracing',
        reason:
          'A request passes one function and S3: its time, id and outcome are a line of the log. To send traces a role ' +
          'would need rights on every resource.',
      },
    );
    const { watch } = props;
    const [errors, throttles] = [
      this.handler.metricErrors({ period: PERIOD }),
      this.handler.metricThrottles({ period: PERIOD }),
    ];
    const slow = this.handler.metricDuration({ period: PERIOD, statistic: 'p99' });
    watch.alarm(this, { name: 'errors', metric: errors, threshold: 1 });
    watch.alarm(this, { name: 'throttles', metric: throttles, threshold: 1 });
    if (credential !== undefined) {
      watch.alarm(this, { name: 'slow', metric: slow, threshold: SLOW, periods: 3 });
    }
    watch.graph(`${id}: invocations, errors, throttles`, [
      ...[this.handler.metricInvocations({ period: PERIOD }), errors, throttles],
    ]);
    watch.graph(`${id}: milliseconds, p99`, [slow]);
  }
}

/** Whoever reads an object has it opened by the key, whoever puts one has it make a key of its own. */
function grantKey(key: IKey | undefined, role: Role, credential: Credential): void {
  const { get, put } = PERMISSIONS[credential];
  const actions = [
    ...(get.length > 0 ? ['kms:Decrypt'] : []),
    ...(put.length > 0 ? ['kms:GenerateDataKey'] : []),
  ];
  key?.grant(role, ...actions);
}

/** Each prefix of the bucket is a finding of its own, and named as the template refers to the bucket. */
function acknowledgePrefixes(role: Role, bucket: IBucket, credential: Credential): void {
  const { get, put, delete: remove } = PERMISSIONS[credential];
  const arn = referenceText(Stack.of(role).resolve(bucket.bucketArn));
  for (const prefix of new Set([...get, ...put, ...remove])) {
    Validations.of(role).acknowledge({
      id: `AwsSolutions::AwsSolutions-IAM5[Resource::${arn}/${prefix}/*]`,
      reason: `The objects of ${prefix}/ are as many as the nodes: this is all that the role of ${credential} may do there.`,
    });
  }
}

/** A reference of a template as cdk-nag writes it: `<LogicalId.Attribute>`. */
function referenceText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const [name, argument] = Object.entries(value)[0] as [string, unknown];
  if (name !== 'Fn::Join') return `<${[argument].flat().join('.')}>`;
  const [separator, parts] = argument as [string, unknown[]];
  return parts.map(referenceText).join(separator);
}
