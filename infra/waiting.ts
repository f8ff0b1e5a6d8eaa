import { Duration, Validations } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { EventField, Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction, SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { SiteWatch } from './watch.ts';

/** What is known of what waits. */
export interface WaitingProps {
  readonly upload: { readonly handler: IFunction; readonly logGroup: ILogGroup };
  readonly bucket: IBucket;
  readonly maxPending: number;
  readonly watch: SiteWatch;
  /** What is told when something waits; undefined: nobody is */
  readonly topic: ITopic | undefined;
}

const EVERY = Duration.minutes(15);
const NEAR = 0.8;
/** Long before a proposal ends (`PENDING_DAYS`). */
const OLDEST_DAYS = 7;

/**
 * What waits for an administrator: counted every quarter of an hour by the upload function, which may list
 * `pending/`, from whose log metrics are made; and told, as it comes.
 */
export class SiteWaiting extends Construct {
  constructor(scope: Construct, id: string, props: WaitingProps) {
    super(scope, id);
    const { upload, bucket, maxPending, watch, topic } = props;
    const count = new Rule(this, 'Count', {
      schedule: Schedule.rate(EVERY),
      targets: [
        // As `functions/lambda/count.ts` knows it. Missed, it is asked again soon enough.
        new LambdaFunction(upload.handler, {
          event: RuleTargetInput.fromObject({ coatcheck: 'count' }),
          retryAttempts: 0,
        }),
      ],
    });
    Validations.of(count).acknowledge({
      id: 'Serverless::Serverless-EventBusDLQ',
      reason:
        'A count that was missed is of no use later: the next is taken a quarter of an hour after it.',
    });
    const metric = (name: string, field: string): Metric => {
      const { metricName, metricNamespace } = {
        ...{ metricName: name, metricNamespace: `coatcheck/${this.node.addr.slice(0, 12)}` },
      };
      new MetricFilter(this, name, {
        ...{ logGroup: upload.logGroup, metricName, metricNamespace },
        ...{ filterPattern: FilterPattern.exists(`$.${field}`), metricValue: `$.${field}` },
      });
      const namespace = metricNamespace;
      return new Metric({ namespace, metricName, statistic: 'Maximum', period: EVERY });
    };
    const waiting = metric('Waiting', 'waiting');
    const oldest = metric('OldestSeconds', 'oldestSeconds');
    watch.alarm(this, {
      name: 'waiting-near-cap',
      ...{ metric: waiting, threshold: Math.ceil(NEAR * maxPending) },
    });
    watch.alarm(this, {
      name: 'oldest-waiting',
      ...{ metric: oldest, threshold: Duration.days(OLDEST_DAYS).toSeconds() },
    });
    watch.graph('Proposals that wait', [waiting]);
    watch.graph('Seconds that the oldest waits', [oldest]);
    if (topic === undefined) return;
    const key = EventField.fromPath('$.detail.object.key');
    const came = new Rule(this, 'Came', {
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: {
          bucket: { name: [bucket.bucketName] },
          object: { key: [{ prefix: 'pending/' }] },
        },
      },
      targets: [
        new SnsTopic(topic, {
          message: RuleTargetInput.fromText(`A proposal waits: ${key} (coatcheck pending)`),
        }),
      ],
    });
    Validations.of(came).acknowledge({
      id: 'Serverless::Serverless-EventBusDLQ',
      reason:
        'What a lost message told is still in the bucket: `pending` shows it, the alarms count it and say when it is old. ' +
        'EventBridge tries to deliver one for a day.',
    });
  }
}
