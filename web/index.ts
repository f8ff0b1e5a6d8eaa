/** The page that an administrator looks at, served on loopback beside the key. */
export { startPage } from './server.ts';
export type { RunningPage } from './server.ts';
