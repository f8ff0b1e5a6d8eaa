import type { Manifest } from '../bundle/index.ts';
import { BUILT_IN_PATHS, pathList, pathListOf } from '../protocol/paths.ts';
import type { Execution, SitePath } from '../protocol/paths.ts';

/** What a path can set off and whether it is secret; `refused` for one that its node does not accept. */
export interface Traits {
  readonly executes: Execution | 'refused';
  readonly secret: boolean;
}

/** What the paths of a bundle can set off on its machine. */
export interface MachinePaths {
  /** Whether the site has the list that the bundle names; if not, the machine may take more. */
  readonly isKnown: boolean;
  /** Of a path that is put in place, by the list of the machine. */
  readonly traitsFor: (path: string) => Traits;
  /** Of one that goes away, by whatever list it came. */
  readonly traitsBefore: (path: string) => Traits;
}

/** @param own what the site adds to the built-in list */
export function machinePaths(
  own: readonly SitePath[] | undefined,
  { metadata }: Pick<Manifest, 'metadata'>,
): MachinePaths {
  const whole = pathList(own);
  const machine = pathListOf(own ?? [], metadata.paths);
  const by = (traitsOf: typeof whole.traitsOf) => (path: string) =>
    traitsOf(path) ?? {
      executes: 'refused' as const,
      secret: whole.traitsOf(path)?.secret ?? false,
    };
  return {
    isKnown: machine !== undefined,
    traitsFor: by((machine ?? BUILT_IN_PATHS).traitsOf),
    traitsBefore: by(whole.traitsOf),
  };
}
