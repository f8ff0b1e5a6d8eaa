import { showPath } from '../../bundle/errors.ts';
import { MAX_FILES } from '../../bundle/manifest.ts';
import { checkPath } from '../../bundle/path.ts';
import { octal } from '../../admin/octal.ts';
import { fail } from '../../protocol/errors.ts';
import type { PathList } from '../../protocol/paths.ts';
import { ROOTS } from './found.ts';
import type { Found, FoundFile, Owned } from './found.ts';
import { preparedMode } from '../folder-files.ts';

/** A file that `coatcheck prepare` takes. */
export interface ImportedFile {
  readonly path: string;
  readonly content: Uint8Array;
  /** As `coatcheck prepare` makes it: 0644, 0755, 0600 or 0700 */
  readonly mode: number;
}

/** What files are in a source and will not be on a machine. */
export interface NotKept {
  /** `0640 root:adm becomes 0644 root:root` */
  readonly change: string;
  readonly paths: readonly string[];
}

/** What becomes of a source. */
export interface Settled {
  readonly files: readonly ImportedFile[];
  readonly notKept: readonly NotKept[];
}

/**
 * What of a source goes into a folder, all of it or nothing.
 * @throws usage, naming all that no bundle of this site may hold
 */
export function settle({ files, folders, refused: before }: Found, list: PathList): Settled {
  const refused = [...before];
  const taken = new Map<string, ImportedFile>();
  const changes = new Map<string, string[]>();
  for (const file of files) {
    const fault = faultOf(file.path);
    if (fault !== undefined) {
      refused.push(fault);
      continue;
    }
    if (taken.has(file.path)) {
      refused.push(`${showPath(file.path)}: it is there twice`);
      continue;
    }
    const mode = preparedMode(
      ((file.mode ?? 0) & 0o100) !== 0,
      list.traitsOf(file.path)?.secret === true,
    );
    taken.set(file.path, { path: file.path, content: file.content, mode });
    note(changeOf(file, mode), file.path);
  }
  const holding = new Set([...taken.keys()].flatMap(foldersOf));
  for (const path of taken.keys()) {
    if (holding.has(path)) refused.push(`${showPath(path)}: it is a file, and has files in it`);
  }
  for (const { path, mode = 0o755, ...owned } of folders) {
    if (taken.has(path)) refused.push(`${showPath(path)}: it is a file and a folder`);
    else if (!holding.has(path)) {
      refused.push(
        `${showPath(path)}: it is a folder without a file that is taken, and a bundle holds files`,
      );
    } else if (mode !== 0o755 || !isRoots(owned)) {
      note(`${written(mode, owned)} is ${written(0o755, ROOTS)} where it is made`, `${path}/`);
    }
  }
  if (taken.size > MAX_FILES) refused.push(`there are ${taken.size} files: at most ${MAX_FILES}`);
  if (refused.length > 0) throw fail('usage', `nothing was imported: ${refused.join('; ')}`);
  if (taken.size === 0) throw fail('usage', 'nothing was imported: it has no file');
  const notKept = [...changes].map(([change, paths]) => ({ change, paths }));
  return { files: [...taken.values()], notKept };

  function note(change: string | undefined, path: string): void {
    if (change !== undefined) changes.set(change, [...(changes.get(change) ?? []), path]);
  }
  function faultOf(path: string): string | undefined {
    if (list.traitsOf(path) !== undefined) return undefined;
    try {
      checkPath(path);
    } catch (error) {
      return (error as Error).message;
    }
    return `${showPath(path)}: no bundle of this site may hold it (coatcheck site paths): names begin at the root of the machine, as etc/motd does`;
  }
}

const foldersOf = (path: string): string[] => {
  const parts = path.split('/');
  return parts.slice(1).map((_, n) => parts.slice(0, n + 1).join('/'));
};

/** How a file is not as it was said to be; undefined where it is. */
function changeOf(file: FoundFile, mode: number): string | undefined {
  const { attributes = [] } = file;
  const lost = attributes.length > 0 ? `, without ${attributes.join(', ')}` : '';
  const said = file.mode ?? mode;
  if (said === mode && isRoots(file) && lost === '') return undefined;
  return `${written(said, file)} becomes ${written(mode, ROOTS)}${lost}`;
}

const isRoots = ({ owner, group }: Owned): boolean =>
  owner === ROOTS.owner && group === ROOTS.group;

const written = (mode: number, { owner, group }: Owned): string =>
  `${octal(mode)} ${owner}:${group}`;
