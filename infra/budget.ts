import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { Construct } from 'constructs';
import type { CoatcheckSiteProps } from './props.ts';

/** Shares of the budget, percent, at which somebody is told. */
const AT = [50, 100];

/** Tells by mail when the account's month costs more than it should: whatever runs in it. */
export class SiteBudget extends Construct {
  constructor(scope: Construct, id: string, props: NonNullable<CoatcheckSiteProps['budget']>) {
    super(scope, id);
    const { usd, email } = props;
    new CfnBudget(this, 'Budget', {
      budget: {
        ...{ budgetType: 'COST', timeUnit: 'MONTHLY', budgetLimit: { amount: usd, unit: 'USD' } },
      },
      notificationsWithSubscribers: AT.map((threshold) => ({
        notification: {
          ...{ notificationType: 'ACTUAL', comparisonOperator: 'GREATER_THAN', threshold },
        },
        subscribers: [{ subscriptionType: 'EMAIL', address: email }],
      })),
    });
  }
}
