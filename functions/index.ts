/**
 * The server, to be a part of another one (docs/library.md): a Hono app over a store, and nothing
 * of Node. `coatcheck/serve` has what starts it, and opens stores, on Node.
 */
export { createApp } from './app.ts';
export type { AppDeps, RequestLog } from './app.ts';
export { listedKeysets, presignedKeysets, storeKeysets } from './keysets.ts';
export type { KeysetReader } from './keysets.ts';
export type { AdminDeps } from './routes/admin.ts';
export type { UploadDeps } from './routes/upload.ts';
export { CoatcheckError } from '../bundle/errors.ts';
export { ERRORS } from '../protocol/errors.ts';
export type { ErrorCode, ErrorRow } from '../protocol/errors.ts';
export type { Site } from '../protocol/site.ts';
