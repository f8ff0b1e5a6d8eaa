/** A site on AWS as a construct of CDK, and the app of one stack that `cdk deploy` runs (docs/deploy-aws.md). */
export { CoatcheckSite } from './coatcheck-site.ts';
export type { CoatcheckSiteProps, Throttle } from './props.ts';
export { bucketStatements } from './bucket.ts';
export { siteApp } from './site-app.ts';
