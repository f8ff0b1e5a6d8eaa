import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

/** Every alarm; docs/deploy-aws.md says under the same name what to do. */
export const ALARMS = [
  'errors',
  'throttles',
  'slow',
  'server-errors',
  'waiting-near-cap',
  'oldest-waiting',
] as const;
/** One of these. */
export type AlarmName = (typeof ALARMS)[number];

/** When an alarm goes off: at `threshold` or above, in each of `periods` in a row. */
export interface AlarmProps {
  readonly name: AlarmName;
  readonly metric: IMetric;
  readonly threshold: number;
  readonly periods?: number;
}

/** The alarms of a site and its dashboard: each part of the site adds its own. */
export class SiteWatch extends Construct {
  private readonly dashboard: Dashboard;
  private readonly topic: ITopic | undefined;

  /** @param topic what is told of each alarm, and of its end; undefined: nobody is */
  constructor(scope: Construct, id: string, topic: ITopic | undefined) {
    super(scope, id);
    this.topic = topic;
    this.dashboard = new Dashboard(this, 'Dashboard', { defaultInterval: Duration.days(7) });
  }

  /** Makes an alarm as a part of `scope`. */
  alarm(scope: Construct, { name, metric, threshold, periods = 1 }: AlarmProps): void {
    const alarm = new Alarm(scope, `Alarm-${name}`, {
      ...{ metric, threshold, evaluationPeriods: periods },
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      // Where nobody asks anything there is nothing to say.
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: `coatcheck ${name} (${scope.node.id}): docs/deploy-aws.md, "Alarms"`,
    });
    if (this.topic === undefined) return;
    const action = new SnsAction(this.topic);
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
  }

  /** Adds a graph to the dashboard. */
  graph(title: string, left: IMetric[]): void {
    this.dashboard.addWidgets(new GraphWidget({ title, left, width: 12 }));
  }
}
