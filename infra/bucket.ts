import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  BucketPolicy,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import type { CfnBucket, IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { PENDING_DAYS } from '../protocol/keys.ts';
import type { CoatcheckSiteProps } from './props.ts';

/** How long a version that was overwritten or deleted can still be restored by an operator. */
const KEEP_OLD_VERSIONS_DAYS = 90;
const MIN_TLS_VERSION = 1.2;

/**
 * The site's bucket: private, TLS 1.2 or newer only, encrypted, versioned, kept when the stack is
 * deleted, and its policy with it; or one that is there already. The policy holds two promises against every
 * identity of the account, whatever rights somebody gives it later:
 *
 * - nothing is put under `history/` without `If-None-Match` or `If-Match`. Multipart uploads and
 *   server-side copies carry neither where S3 checks this policy, so they are refused as well
 *   (S3 User Guide, "Enforce conditional writes on Amazon S3 buckets");
 * - nothing under `history/` is deleted.
 */
export class SiteBucket extends Construct {
  readonly bucket: IBucket;

  constructor(
    scope: Construct,
    id: string,
    props: Pick<CoatcheckSiteProps, 'bucket' | 'bucketPolicy' | 'encryptionKey' | 'waitingTopic'>,
  ) {
    super(scope, id);
    const { bucket, bucketPolicy = bucket === undefined, encryptionKey } = props;
    this.bucket = bucket ?? this.newBucket(encryptionKey, props.waitingTopic !== undefined);
    if (!bucketPolicy) return;
    const policy = new BucketPolicy(this, 'Policy', {
      bucket: this.bucket,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    policy.document.addStatements(...bucketStatements(this.bucket));
  }

  private newBucket(encryptionKey: IKey | undefined, eventBridgeEnabled: boolean): IBucket {
    const made = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      ...(encryptionKey === undefined
        ? { encryption: BucketEncryption.S3_MANAGED }
        : { encryption: BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true }),
      versioned: true,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        {
          noncurrentVersionExpiration: Duration.days(KEEP_OLD_VERSIONS_DAYS),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
          expiredObjectDeleteMarker: true,
        },
        // The one prefix whose objects have an end (docs/adr/0177).
        { prefix: 'pending/', expiration: Duration.days(PENDING_DAYS) },
      ],
    });
    if (eventBridgeEnabled) {
      // By CDK's own prop a fourth function sets this, whose role may change the notifications of every bucket.
      const { defaultChild } = made.node;
      (defaultChild as CfnBucket).notificationConfiguration = {
        eventBridgeConfiguration: { eventBridgeEnabled },
      };
    }
    Validations.of(made).acknowledge({
      id: 'AwsSolutions::AwsSolutions-S1',
      reason:
        'Who asked for what is in the logs of the functions and the API, what was decided is in the bucket, signed. ' +
        'A bucket of access logs would need a policy, an end and a bill of its own: a bucket that has one can be given.',
    });
    // Its `isWebsite` may be undefined, and the interface's may only be absent.
    return made as Omit<IBucket, 'isWebsite'>;
  }
}

/** What the policy of a site's bucket says: for a bucket whose policy is kept elsewhere. */
export function bucketStatements(bucket: IBucket): PolicyStatement[] {
  const everything = [bucket.bucketArn, bucket.arnForObjects('*')];
  const history = [bucket.arnForObjects('history/*')];
  const deny = (
    sid: string,
    action: string,
    resources: string[],
    conditions: Record<string, Record<string, string | number>> = {},
  ): PolicyStatement =>
    new PolicyStatement({
      ...{ sid, effect: Effect.DENY, principals: [new AnyPrincipal()] },
      ...{ actions: [action], resources, conditions },
    });
  return [
    deny('OnlyTls', 's3:*', everything, { Bool: { 'aws:SecureTransport': 'false' } }),
    deny('OnlyNewTls', 's3:*', everything, {
      NumericLessThan: { 's3:TlsVersion': MIN_TLS_VERSION },
    }),
    // Two keys under one operator must both hold: denied if neither header is there.
    deny('HistoryWriteOnce', 's3:PutObject', history, {
      Null: { 's3:if-none-match': 'true', 's3:if-match': 'true' },
    }),
    deny('HistoryKept', 's3:DeleteObject', history),
  ];
}
