/** Everything of the format, for the node and for the administrator's tools. */
export * from './bytes.ts';
export * from './capability.ts';
export * from './ed25519.ts';
export * from './errors.ts';
export * from './frame.ts';
export * from './header.ts';
export * from './identity.ts';
export * from './keyset.ts';
export * from './manifest.ts';
export * from './statement.ts';
export * from './x25519.ts';
export type { Brand } from './brand.ts';
export { openBundle } from './open.ts';
export type { BoxKeys } from './open.ts';
export { openReport, sealReport } from './report.ts';
export type { Report } from './report.ts';
export { sealBundle } from './seal.ts';
export { signCapability } from './sign-capability.ts';
