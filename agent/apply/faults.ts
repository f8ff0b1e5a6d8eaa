import type { FileEntry } from '../../bundle/manifest.ts';
import { isAccountFile, isEntry, linesOf } from '../../protocol/accounts.ts';
import type { FileFault } from '../../protocol/accounts.ts';
import { faultsOf } from '../../protocol/bootable.ts';
import type { PathList } from '../../protocol/paths.ts';
import type { Folder } from '../tree/folder.ts';
import { readThrough } from '../tree/through.ts';
import { textOf } from './accounts.ts';
import { linesOfImage } from './baseline.ts';

/**
 * Why no machine would take these files (`faultsOf`), with the lines of account files as they are counted on
 * this one, of which a bundle has a part. A line that the image has too is no fault.
 */
export function faultsHere(
  root: Folder,
  files: readonly FileEntry[],
  list: PathList,
): readonly FileFault[] {
  const ofImage = linesOfImage(root, files);
  const notInBundle = new Map<string, readonly string[]>();
  const whole = files.map((file) => {
    if (!isAccountFile(file.path)) return file;
    const disk = diskContent(root, file.path);
    const here = linesOf(textOf(disk));
    const theirs = new Set(linesOf(textOf(file.content)));
    // Of another one it has nothing to say.
    if (![...theirs].filter(isEntry).every((line) => here.includes(line))) return file;
    const others = here.filter((line) => !theirs.has(line));
    notInBundle.set(file.path, others);
    return { ...file, content: disk };
  });
  return faultsOf(
    whole,
    list,
    (path) => new Set([...ofImage(path), ...(notInBundle.get(path) ?? [])]),
  );
}

function diskContent(root: Folder, path: string): Uint8Array {
  const item = readThrough(root, path);
  return item.kind === 'file' ? item.content : new Uint8Array();
}
