/** What runs a server on Node: the whole of it, or its parts for a server that somebody else runs. */
export { startServer } from './server.ts';
export type { RunningServer, ServerOptions } from './server.ts';
export { rolesOn } from './backend.ts';
export { readSiteFile } from './site-file.ts';
export { openFolder } from '../stores/folder.ts';
export { openBucket } from '../stores/bucket.ts';
export type { BucketOptions } from '../stores/bucket.ts';
export { openWebdav } from '../stores/webdav.ts';
export type { Access, OpenedStore } from '../stores/kind.ts';
export { credentialProviders, readCredentials } from '../stores/credentials.ts';
export { examine } from '../doctor/examine.ts';
export { labOf } from '../doctor/lab.ts';
export type { Finding, Lab } from '../doctor/probe.ts';
