import type { ObjectKey } from '../../protocol/keys.ts';

/** What `store-child.ts` is asked: an operation of the port. A body is `text` repeated to `size`. */
export type Call =
  | { readonly do: 'open'; readonly create: boolean }
  /** What a server does at its start: the secrets of its URLs. */
  | { readonly do: 'secrets' }
  | { readonly do: 'create'; readonly key: ObjectKey; readonly text: string; readonly size: number }
  | {
      readonly do: 'replace';
      readonly key: ObjectKey;
      readonly text: string;
      readonly size: number;
      readonly etag: string;
    }
  | {
      /** A PUT to a presigned URL. */
      readonly do: 'upload';
      readonly key: ObjectKey;
      readonly text: string;
      readonly size: number;
      readonly overwrite?: boolean;
    }
  | { readonly do: 'delete' | 'get' | 'head'; readonly key: ObjectKey }
  | { readonly do: 'list'; readonly prefix: string };

/** What it says: nothing under a key is an answer without an ETag. */
export interface Answer {
  readonly etag?: string;
  /** of the body that was read, hex */
  readonly sha256?: string;
  readonly keys?: readonly string[];
  /** the code of the port, or of the S3 answer to an upload */
  readonly error?: string;
  readonly message?: string;
}
