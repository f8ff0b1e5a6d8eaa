import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { inFolder, withRoot } from './folder.ts';
import type { Folder } from './folder.ts';
import { errnoOf, naming, treeError } from '../../files/errors.ts';

/**
 * Where the agent keeps what it did to a root, below that root: with it, it comes and goes. The
 * memory against rollback may be elsewhere (`--state`), since it shall outlive the root.
 */
const BELOW_ROOT = 'var/lib/coatcheck';
/** The same for what shall end with this boot. */
const OF_THIS_BOOT = 'run/coatcheck';

/** Runs `act` in the agent's folder, if it is there. */
export function lookIntoState<T>(root: Folder, act: (state: Folder) => T): T | undefined {
  return inFolder(root, BELOW_ROOT, act);
}

/** Runs `act` in the agent's folder, which is made if it is missing, and closed to others. */
export function withState<T>(root: Folder, act: (state: Folder) => T): T {
  return inMade(root, BELOW_ROOT, act);
}

function inMade<T>(root: Folder, path: string, act: (state: Folder) => T): T {
  return inFolder(root, path, (state) => act(closed(state)), { make: 0o755 }) as T;
}

function closed(folder: Folder): Folder {
  fs.fchmodSync(folder.fd, 0o700);
  return folder;
}

/** A folder for the agent's files, wherever it is, and whether it is there or not. */
export interface StatePlace {
  /** Undefined if the folder is not there. */
  look<T>(act: (folder: Folder) => T): T | undefined;
  /** Makes the folder if it is missing. */
  change<T>(act: (folder: Folder) => T): T;
}

/** The agent's folder below a root, never left through a link. */
export const stateBelow = (rootPath: string): StatePlace => placeBelow(rootPath, BELOW_ROOT);

/** The folder below a root that is gone with the next boot. */
export const stateOfThisBoot = (rootPath: string): StatePlace => placeBelow(rootPath, OF_THIS_BOOT);

function placeBelow(rootPath: string, path: string): StatePlace {
  return {
    look: (act) => withRoot(rootPath, (root) => inFolder(root, path, act)),
    change: (act) => withRoot(rootPath, (root) => inMade(root, path, act)),
  };
}

/** A folder that the operator chose. */
export function stateAt(path: string): StatePlace {
  return {
    look: (act) => (fs.existsSync(path) ? withRoot(path, act) : undefined),
    change(act) {
      naming(path, () => fs.mkdirSync(dirname(path), { recursive: true }));
      try {
        fs.mkdirSync(path, { mode: 0o700 });
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw treeError(error, path);
      }
      return withRoot(path, act);
    },
  };
}
