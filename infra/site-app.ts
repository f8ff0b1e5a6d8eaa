import { App } from 'aws-cdk-lib';
import type { AppProps } from 'aws-cdk-lib';
import recommendedFlags from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' };
import { fail } from '../protocol/errors.ts';
import { SiteStack } from './stack.ts';

/**
 * The CDK app with its one stack. It has no account and no region: those of the credentials at
 * deployment. All of the library's recommended behaviours are on; package-lock.json says which
 * library that is.
 *
 * @throws file_missing, file_malformed for `-c site=PATH`; usage for `-c publicUrls=URL,URL`,
 *   `-c maxPending=N` or `-c dualStack=true`
 */
export function siteApp(props: AppProps = {}): { app: App; stack: SiteStack } {
  const app = new App({ ...props, context: { ...recommendedFlags, ...props.context } });
  const context = (name: string): string | undefined =>
    app.node.tryGetContext(name) as string | undefined;
  const maxPending = context('maxPending');
  const stack = new SiteStack(app, 'Coatcheck', {
    publicUrls: context('publicUrls')?.split(',') ?? [],
    ...(maxPending === undefined ? {} : { maxPending: Number(maxPending) }),
    dualStack: isSet('dualStack', context('dualStack')),
    description: 'coatcheck: configuration for machines without a disk',
  });
  return { app, stack };
}

/** @throws usage for anything but `true` and `false` */
function isSet(name: string, value: string | boolean | undefined): boolean {
  if (value === undefined || String(value) === 'false') return false;
  if (String(value) === 'true') return true;
  throw fail('usage', `${name} is true or false`);
}
