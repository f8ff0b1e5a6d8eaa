import { CfnOutput, CfnParameter, Fn, Stack } from 'aws-cdk-lib';
import type { StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { isServerAddress } from '../protocol/address.ts';
import { fail } from '../protocol/errors.ts';
import { SiteApi } from './api.ts';
import { SiteBucket } from './bucket.ts';
import { SiteFunction } from './function.ts';
import { siteText } from './site.ts';

/** What a site on AWS is made with, besides its `site.json`. */
export interface SiteStackProps extends StackProps {
  /**
   * More addresses by which clients name the API, e.g. that of a domain of your own in front of it. What
   * is signed for another than these and the API's own is refused.
   */
  readonly publicUrls?: readonly string[];
  /** How many proposals may wait in the whole site: 1 to 1,000, the default. */
  readonly maxPending?: number;
  /** Reach the bucket, and have nodes reach it, by IPv4 and IPv6; by IPv4 alone unless given. */
  readonly dualStack?: boolean;
}

/** What Lambda's 4,096 bytes of environment leave beside the rest. */
const MAX_URLS_BYTES = 180;

/** One site on AWS: a bucket, three functions with a role each, and an HTTP API. */
export class SiteStack extends Stack {
  /** @throws usage for an address or a number that is none; as `siteText` */
  constructor(
    scope: Construct,
    id: string,
    { publicUrls = [], maxPending, dualStack = false, ...props }: SiteStackProps = {},
  ) {
    super(scope, id, props);
    for (const url of publicUrls) {
      // Below the API there is no path: whatever stands in front may have none either.
      if (isServerAddress(url) && new URL(url).pathname === '/') continue;
      throw fail('usage', `publicUrls: ${url} is no address such as https://coatcheck.example`);
    }
    if (publicUrls.join(' ').length > MAX_URLS_BYTES) {
      throw fail('usage', `publicUrls: a function holds at most ${MAX_URLS_BYTES} bytes of them`);
    }
    const isCount =
      maxPending === undefined ||
      (Number.isInteger(maxPending) && maxPending >= 1 && maxPending <= 1000);
    if (!isCount) throw fail('usage', 'maxPending is a number from 1 to 1000');
    const { bucket } = new SiteBucket(this, 'Store');
    const api = new SiteApi(this, 'Http');
    // No echo, and in no template: whoever may read a function's configuration sees it all the same.
    const token = new CfnParameter(this, 'EnrolmentToken', {
      description: 'What a node that can show no decision must send to propose; empty for none',
      noEcho: true,
      default: '',
      allowedPattern: '^(.{16,64})?$',
    }).valueAsString;
    // The stage's address ends in a slash, and ours do not.
    const own = Fn.select(0, Fn.split('/', Fn.select(1, Fn.split('//', api.url))));
    const shared = {
      bucket,
      site: siteText(this),
      environment: {
        COATCHECK_PUBLIC_URLS: Fn.join(' ', [Fn.join('', ['https://', own]), ...publicUrls]),
        COATCHECK_TOKEN: token,
        ...(maxPending === undefined ? {} : { COATCHECK_MAX_PENDING: String(maxPending) }),
        ...(dualStack && { COATCHECK_DUAL_STACK: '1' }),
      },
    };
    api.route({
      download: new SiteFunction(this, 'Download', { ...shared, credential: 'download' }).handler,
      upload: new SiteFunction(this, 'Upload', { ...shared, credential: 'upload' }).handler,
      admin: new SiteFunction(this, 'Admin', { ...shared, credential: 'admin' }).handler,
    });
    new CfnOutput(this, 'Server', { value: api.url });
    new CfnOutput(this, 'Bucket', { value: bucket.bucketName });
  }
}
