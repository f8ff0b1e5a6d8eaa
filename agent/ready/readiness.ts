import type { Failure } from '../systemd/failure.ts';

/** What a machine that is configured tells of itself. */
export interface ReadyAbout {
  /** Digest of the statement that is applied, hex; of the manifest where nobody approved it */
  readonly statement: string;
  /** 0 where nobody approved it */
  readonly seq: number;
  readonly isApproved: boolean;
  /** What did not take effect */
  readonly failed: readonly Failure[];
}

/** What was done to make the machine available, and what could not be. */
export interface Readiness {
  readonly done: readonly string[];
  readonly failed: readonly Failure[];
}

/** Of a machine that nothing makes available. */
export const NOT_ASKED: Readiness = { done: [], failed: [] };

/** Makes a machine available, once it is configured. */
export type MakeReady = (about: ReadyAbout) => Promise<Readiness>;
