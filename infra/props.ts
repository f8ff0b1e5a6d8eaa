import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { IManagedPolicy } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IStringParameter } from 'aws-cdk-lib/aws-ssm';
import { isServerAddress } from '../protocol/address.ts';
import { fail } from '../protocol/errors.ts';
import type { RouteName } from '../protocol/http.ts';
import type { Credential } from '../protocol/permissions.ts';

/** Requests to one route; beyond them the gateway answers 429 and no function runs. */
export interface Throttle {
  /** Requests a second that go on for long */
  readonly rate: number;
  /** Requests at one moment */
  readonly burst: number;
}

/** What a site on AWS is made with. */
export interface CoatcheckSiteProps {
  /**
   * `site.json`, as `coatcheck init` wrote it: its text, what `JSON.parse` makes of it, or a token that stands
   * for the text until deployment.
   */
  readonly site: string | Readonly<Record<string, unknown>>;
  /**
   * A bucket that is there: that of a stack that was removed, or one of your own. Its lifecycle, versions and
   * encryption are left as they are. Without it a bucket is made.
   */
  readonly bucket?: IBucket;
  /**
   * Whether the policy of the bucket is made: not of one that is there, unless told so. CloudFormation makes none
   * where there is one, and that of a stack that was removed has stayed.
   */
  readonly bucketPolicy?: boolean;
  /** Encrypts the bucket, and the functions may use it. Without it S3's own keys. */
  readonly encryptionKey?: IKey;
  /** A name of your own, in the region of the stack; its record is yours to make (`domainTarget`). */
  readonly domain?: { readonly name: string; readonly certificate: ICertificate };
  /**
   * More addresses by which clients name the API, e.g. that of a CloudFront distribution in front of it. What
   * is signed for another than these, `domain` and the API's own is refused.
   */
  readonly publicUrls?: readonly string[];
  /** `false`: what is signed for the API's own address is refused, and under a `domain` nothing answers there. */
  readonly ownAddress?: boolean;
  /** Where the enrolment token is, 16 to 64 characters; the upload function reads it when it starts. */
  readonly token?: { readonly parameter: IStringParameter } | { readonly secret: ISecret };
  /** How many proposals may wait in the whole site: 1 to 1,000, the default. */
  readonly maxPending?: number;
  /** How many nodes that approve for themselves are let in without a token: 1 to 1,000, the default. */
  readonly maxNodes?: number;
  /** Reach the bucket, and have nodes reach it, by IPv4 and IPv6; by IPv4 alone unless given. */
  readonly dualStack?: boolean;
  /** Instead of {@link THROTTLES}, by route. */
  readonly throttles?: { readonly [N in RouteName]?: Throttle };
  /** How many of a function run at once at most, taken out of the account's number; unless given, no bound. */
  readonly reservedConcurrency?: { readonly [C in Credential]?: number };
  /**
   * Whether `coatcheck doctor --deployed` may ask (docs/adr/0272): a fourth function, whose role may take that of each other
   * one, and does so for an administrator who asks, at most once a minute. Not unless given.
   */
  readonly probe?: boolean;
  /** Is told of each alarm, and of its end. */
  readonly alarmsTopic?: ITopic;
  /** Is told when something waits, with its node. Of a bucket that is there, its owner turns EventBridge on. */
  readonly waitingTopic?: ITopic;
  /** Who is told by mail when the account's month has cost half of this, and all of it. Some regions have none. */
  readonly budget?: { readonly usd: number; readonly email: string };
  /** On every role of the site. */
  readonly permissionsBoundary?: IManagedPolicy;
  /** On everything that takes tags. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Of the stack that this is in: it is removed only after that was turned off. */
  readonly terminationProtection?: boolean;
}

/** Each route has its own: a flood of proposals takes nothing from boots. */
export const THROTTLES: { readonly [N in RouteName]?: Throttle } = {
  config: { rate: 200, burst: 400 },
  health: { rate: 20, burst: 40 },
  propose: { rate: 10, burst: 50 },
  accept: { rate: 10, burst: 50 },
};
/** What is over once a minute the function refuses; whoever has no key shall not run it often to be told so. */
export const PROBE_THROTTLE: Throttle = { rate: 1, burst: 5 };
/** Of every other route. */
export const DEFAULT_THROTTLE: Throttle = { rate: 50, burst: 100 };

const MAX_URLS = 7;

/** @throws usage for a prop that is none, named */
export function assertProps(props: CoatcheckSiteProps): void {
  const { publicUrls = [], domain, bucket, bucketPolicy, ownAddress, throttles = {} } = props;
  for (const url of publicUrls) {
    // Below the API there is no path: whatever stands in front may have none either.
    if (isServerAddress(url) && new URL(url).pathname === '/') continue;
    throw fail('usage', `publicUrls: ${url} is no address such as https://coatcheck.example`);
  }
  if (publicUrls.length > MAX_URLS - 1) {
    throw fail('usage', `publicUrls: there are at most ${MAX_URLS - 1} of them`);
  }
  for (const name of ['maxPending', 'maxNodes'] as const) {
    const value = props[name];
    if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= 1000)) continue;
    throw fail('usage', `${name} is a number from 1 to 1000`);
  }
  for (const [route, { rate, burst }] of Object.entries(throttles)) {
    if (rate > 0 && burst >= 1) continue;
    throw fail('usage', `throttles.${route}: a rate is above 0, and a burst at least 1`);
  }
  if (ownAddress === false && domain === undefined && publicUrls.length === 0) {
    throw fail('usage', 'ownAddress: without it a domain or publicUrls has to be given');
  }
  if (bucket === undefined && bucketPolicy === false) {
    throw fail('usage', 'bucketPolicy: a bucket that is made has one');
  }
}
