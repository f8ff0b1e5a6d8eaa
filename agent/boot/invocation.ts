import type { Console } from '../console/console.ts';
import type { Places } from './node.ts';

/** What the agent was called with, whatever the command. */
export interface Invocation {
  readonly places: Places;
  /** The server to ask; undefined: those that the site names */
  readonly server: string | undefined;
  readonly console: Console;
  /** Unix seconds */
  readonly now: () => number;
}
