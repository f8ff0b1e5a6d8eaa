import type { Prefix } from './keys.ts';

/** The three credentials that the server works with. None of them is a root key. */
export const CREDENTIALS = ['download', 'upload', 'admin'] as const;
/** One of these. */
export type Credential = (typeof CREDENTIALS)[number];

/** What one credential may do, by prefix of the bucket. */
export interface Permissions {
  readonly get: readonly Prefix[];
  readonly put: readonly Prefix[];
  readonly delete: readonly Prefix[];
  readonly list: readonly Prefix[] | 'bucket';
}

/**
 * The one table that the IAM roles (infra/), the session policies of a MinIO (local-minio/) and the
 * guards of the filesystem lab (store/) are made from.
 *
 * `download` lists the bucket because S3 answers 403 instead of 404 for a missing key to a signer
 * that may not list. `upload` reads nothing but the public keysets, because the holder of a
 * presigned PUT can add an unsigned `x-amz-copy-source` header where a store honours it. `admin` deletes
 * what a node that is forgotten leaves. Nobody may delete from `history/`.
 */
export const PERMISSIONS: Readonly<Record<Credential, Permissions>> = {
  download: { get: ['approved', 'rejected', 'keysets'], put: [], delete: [], list: 'bucket' },
  upload: {
    get: ['keysets'],
    put: ['pending', 'reports'],
    delete: [],
    list: ['pending', 'rejected', 'keysets'],
  },
  admin: {
    get: ['pending', 'history', 'approved', 'rejected', 'reports', 'keysets', 'cosign'],
    put: ['history', 'approved', 'rejected', 'keysets', 'cosign'],
    delete: ['pending', 'rejected', 'reports', 'cosign'],
    list: 'bucket',
  },
};
