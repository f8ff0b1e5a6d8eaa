/**
 * In the bundles in place of `@aws-sdk/credential-provider-node`, which looks for credentials in files, at other clouds and by four
 * clients of its own: a function gives the S3 client those of its role (infra/bundle.ts).
 */
export const defaultProvider = () => (): Promise<never> =>
  Promise.reject(new Error('the S3 client was given no credentials'));
