/** What makes Lambda functions of an app, behind an HTTP API (docs/deploy-aws.md). */
export { lambdaHandler } from './handler.ts';
export { readEnvironment } from './environment.ts';
export type { LambdaEnvironment } from './environment.ts';
