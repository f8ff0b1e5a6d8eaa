/** The port to an object store, what is behind it, and what signs its URLs; on Node. */
export { listAll } from './port.ts';
export type {
  ListPage,
  ObjectHead,
  ObjectInfo,
  ObjectStore,
  PresignedGet,
  PresignedPut,
  StoredObject,
  UrlSigner,
} from './port.ts';
export { guardStore } from './guard.ts';
export { createMemoryStore } from './memory.ts';
export { createFilesystemStore, openFilesystemStore } from './filesystem.ts';
export { createLocalHandler, createLocalSigner } from './local-urls.ts';
export type { LocalHandlerOptions, LocalSignerOptions } from './local-urls.ts';
export { createS3Store } from './s3.ts';
export { createS3Signer } from './s3-signer.ts';
export type { S3Credentials, S3CredentialsProvider, S3Options } from './s3-options.ts';
export { CREDENTIALS, PERMISSIONS } from '../protocol/permissions.ts';
export type { Credential } from '../protocol/permissions.ts';
export type { DigestHex, ObjectKey, Prefix } from '../protocol/keys.ts';
