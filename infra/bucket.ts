import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { PENDING_DAYS } from '../protocol/keys.ts';

/** How long a version that was overwritten or deleted can still be restored by an operator. */
const KEEP_OLD_VERSIONS_DAYS = 90;

/**
 * The site's bucket: private, TLS 1.2 or newer only, encrypted, versioned, kept when the stack is
 * deleted. Its policy holds two promises against every identity of the account, whatever rights
 * somebody gives it later:
 *
 * - nothing is put under `history/` without `If-None-Match` or `If-Match`. Multipart uploads and
 *   server-side copies carry neither where S3 checks this policy, so they are refused as well
 *   (S3 User Guide, "Enforce conditional writes on Amazon S3 buckets");
 * - nothing under `history/` is deleted.
 */
export class SiteBucket extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
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
    this.refuseInHistory('WriteOnce', 's3:PutObject', {
      // Two keys under one operator must both hold: denied if neither header is there.
      Null: { 's3:if-none-match': 'true', 's3:if-match': 'true' },
    });
    this.refuseInHistory('Kept', 's3:DeleteObject', {});
  }

  private refuseInHistory(
    sid: string,
    action: string,
    conditions: Record<string, Record<string, string>>,
  ): void {
    this.bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: `History${sid}`,
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: [action],
        resources: [this.bucket.arnForObjects('history/*')],
        conditions,
      }),
    );
  }
}
