import { PERMISSIONS } from './permissions.ts';
import type { Credential } from './permissions.ts';
import type { Prefix } from './keys.ts';

/** One statement of an IAM policy, as JSON carries it. */
export interface IamStatement {
  readonly Effect: 'Allow';
  readonly Action: string;
  readonly Resource: string | readonly string[];
  readonly Condition?: { readonly StringLike: { readonly 's3:prefix': readonly string[] } };
}

/**
 * The policy of one credential, from {@link PERMISSIONS}: for an IAM role (infra/) and for a session
 * of a MinIO (local-minio/) alike. It names no condition but `s3:prefix`, since MinIO refuses the
 * keys that it does not know; under 2,048 characters, the limit of a session policy.
 *
 * @param bucketArn `arn:aws:s3:::<bucket>`, or a token that stands for it
 */
export function policyStatements(credential: Credential, bucketArn: string): IamStatement[] {
  const { get, put, delete: remove, list } = PERMISSIONS[credential];
  const onObjects = (Action: string, prefixes: readonly Prefix[]): IamStatement[] =>
    prefixes.length === 0
      ? []
      : [{ Effect: 'Allow', Action, Resource: prefixes.map((p) => `${bucketArn}/${p}/*`) }];
  const listing: IamStatement = { Effect: 'Allow', Action: 's3:ListBucket', Resource: bucketArn };
  return [
    ...onObjects('s3:GetObject', get),
    ...onObjects('s3:PutObject', put),
    ...onObjects('s3:DeleteObject', remove),
    list === 'bucket'
      ? listing
      : { ...listing, Condition: { StringLike: { 's3:prefix': list.map((p) => `${p}/*`) } } },
  ];
}
