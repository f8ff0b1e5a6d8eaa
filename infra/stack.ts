import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { SiteApi } from './api.ts';
import { SiteBucket } from './bucket.ts';
import { SiteFunction } from './function.ts';
import { siteText } from './site.ts';

/** One site on AWS: a bucket, three functions with a role each, and an HTTP API. */
export class SiteStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const { bucket } = new SiteBucket(this, 'Store');
    const shared = { bucket, site: siteText(this) };
    const api = new SiteApi(this, 'Http', {
      download: new SiteFunction(this, 'Download', { ...shared, credential: 'download' }).handler,
      upload: new SiteFunction(this, 'Upload', { ...shared, credential: 'upload' }).handler,
      admin: new SiteFunction(this, 'Admin', { ...shared, credential: 'admin' }).handler,
    });
    new CfnOutput(this, 'Server', { value: api.url });
    new CfnOutput(this, 'Bucket', { value: bucket.bucketName });
  }
}
