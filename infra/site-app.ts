import { App } from 'aws-cdk-lib';
import type { AppProps } from 'aws-cdk-lib';
import recommendedFlags from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' };
import { SiteStack } from './stack.ts';

/**
 * The CDK app with its one stack. It has no account and no region: those of the credentials at
 * deployment. All of the library's recommended behaviours are on; package-lock.json says which
 * library that is.
 *
 * @throws file_missing, file_malformed for `-c site=PATH`; usage for `-c publicUrls=URL,URL` or
 *   `-c maxPending=N`
 */
export function siteApp(props: AppProps = {}): { app: App; stack: SiteStack } {
  const app = new App({ ...props, context: { ...recommendedFlags, ...props.context } });
  const context = (name: string): string | undefined =>
    app.node.tryGetContext(name) as string | undefined;
  const maxPending = context('maxPending');
  const stack = new SiteStack(app, 'Coatcheck', {
    publicUrls: context('publicUrls')?.split(',') ?? [],
    ...(maxPending === undefined ? {} : { maxPending: Number(maxPending) }),
    description: 'coatcheck: configuration for machines without a disk',
  });
  return { app, stack };
}
