import { traitsOf } from '../protocol/paths.ts';
import type { Execution } from '../protocol/paths.ts';

/** What a path can set off and whether it is secret; `refused` for one that no node accepts. */
export function traitsFor(path: string): {
  readonly executes: Execution | 'refused';
  readonly secret: boolean;
} {
  return traitsOf(path) ?? { executes: 'refused', secret: false };
}
