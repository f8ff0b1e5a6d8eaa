import { pathIn, showPath } from '../bundle/errors.ts';
import { equalBytes } from '../bundle/index.ts';
import type { FileEntry, Manifest, Metadata } from '../bundle/index.ts';
import { isOwnerName } from '../bundle/manifest.ts';
import { isPath } from '../bundle/path.ts';
import { settingsOf, withSettings } from '../bundle/settings.ts';
import { fail } from '../protocol/errors.ts';
import { decodeBytes } from '../protocol/escape.ts';
import { octal } from './octal.ts';

/** What of a bundle a machine is configured by. */
export type Configuration = Pick<Manifest, 'files' | 'metadata'>;

/**
 * A change of what is in force, the same for every node that it is meant for.
 * @throws usage where it cannot be made of that node's
 */
export type Change = (now: Configuration) => Configuration;

/** Who a file belongs to, by name; a number where the machine has to be told which it is. */
export interface OwnerWish {
  readonly name: string;
  readonly id?: number;
}

/** What a file is to be like; absent: as it is, and of a new one 0644, or 0600 where it is secret, root's. */
export interface FileWish {
  /** absent: it stays, and has to be there */
  readonly content?: Uint8Array;
  /** 0 to 0o777 */
  readonly mode?: number;
  readonly owner?: OwnerWish;
  readonly group?: OwnerWish;
}

const ROOT = { owner: 'root', uid: 0, group: 'root', gid: 0 };

/**
 * Puts a file into a bundle, or changes the one that is there.
 * @param isSecret whether only its owner may read it, where it is new
 */
export const withFile =
  (path: string, wish: FileWish, isSecret: boolean): Change =>
  ({ files, metadata }) => {
    const before = files.find((file) => file.path === path);
    const { content = before?.content, owner, group } = wish;
    if (content === undefined) throw fail('usage', `${showPath(path)} is not in it`);
    const file: FileEntry = {
      ...(before ?? { path, mode: isSecret ? 0o600 : 0o644, ...ROOT }),
      content,
      ...(wish.mode !== undefined && { mode: wish.mode }),
      ...(owner && { owner: owner.name, uid: idOf(owner, files, 'owner') }),
      ...(group && { group: group.name, gid: idOf(group, files, 'group') }),
    };
    const others = files.filter((one) => one.path !== path);
    return { files: [...others, file], metadata: notLeft(metadata, path) };
  };

/** Takes a file out of a bundle; one that has it not stays as it is. */
export const withoutFile =
  (path: string): Change =>
  ({ files, metadata }) => ({ files: files.filter((file) => file.path !== path), metadata });

/** Changes settings, by the names of `settingsOf`; an empty value takes one out. @throws bad_metadata */
export const withSetting =
  (changes: ReadonlyMap<string, string>): Change =>
  ({ files, metadata }) => {
    const settings = new Map(settingsOf(metadata));
    for (const [name, value] of changes) {
      if (value === '') settings.delete(name);
      else settings.set(name, value);
    }
    return { files, metadata: withSettings(settings, metadata) };
  };

/** A file that is put in is not left to the image any more. */
function notLeft(metadata: Metadata, path: string): Metadata {
  if (metadata.left?.[path] === undefined) return metadata;
  const left = Object.entries(metadata.left).filter(([other]) => other !== path);
  return { ...metadata, left: Object.fromEntries(left) };
}

/**
 * The number of an owner or a group: as it was said, or as the node's own accounts or another of its files
 * have it. @throws usage where none of them has it
 */
function idOf(
  { name, id }: OwnerWish,
  files: readonly FileEntry[],
  kind: 'owner' | 'group',
): number {
  if (id !== undefined) return id;
  if (name === 'root') return 0;
  const accounts = files.find(
    ({ path }) => path === (kind === 'owner' ? 'etc/passwd' : 'etc/group'),
  );
  const lines = decodeBytes(accounts?.content ?? new Uint8Array()).split('\n');
  const line = lines.map((text) => text.split(':')).find(([own]) => own === name);
  if (line?.[2] !== undefined && /^\d{1,10}$/.test(line[2])) return Number(line[2]);
  const other = files.find((file) => file[kind] === name);
  if (other !== undefined) return kind === 'owner' ? other.uid : other.gid;
  throw fail(
    'usage',
    `no file of it says which number the ${kind} ${name} has: give it, as ${name}=NUMBER`,
  );
}

/** How many nodes have a file in one version: in words for whoever asked for one that all have. */
export interface FileVersion<T> {
  /** undefined: they have none */
  readonly file: FileEntry | undefined;
  readonly of: readonly T[];
}

/** The different contents that a file has, the most frequent first. */
export function versionsOf<T extends { readonly manifest: Pick<Manifest, 'files'> }>(
  nodes: readonly T[],
  path: string,
): FileVersion<T>[] {
  const versions: { file: FileEntry | undefined; of: T[] }[] = [];
  for (const node of nodes) {
    const file = node.manifest.files.find((one) => one.path === path);
    const same = versions.find((version) => sameContent(version.file, file));
    if (same === undefined) versions.push({ file, of: [node] });
    else same.of.push(node);
  }
  return versions.sort((a, b) => b.of.length - a.of.length);
}

const sameContent = (a: FileEntry | undefined, b: FileEntry | undefined): boolean =>
  a === undefined || b === undefined ? a === b : equalBytes(a.content, b.content);

/** A path as a bundle has it: as it was shown, or as a machine has it. */
export const bundlePath = (text: string): string => pathIn(text).replace(/^\//, '');

/** {@link bundlePath} of a file that a bundle can hold. @throws usage */
export function parsePath(text: string): string {
  const path = bundlePath(text);
  if (isPath(path)) return path;
  throw fail('usage', `${showPath(text)} is no path of a file on a node, such as etc/chrony.conf`);
}

/** `user`, `user:group` or `:group`, each a name, or name=NUMBER. @throws usage */
export function parseOwner(text: string): Pick<FileWish, 'owner' | 'group'> {
  const [user = '', group = '', ...rest] = text.split(':');
  const wishOf = (part: string): OwnerWish => {
    const [name = '', id, ...more] = part.split('=');
    if (!isOwnerName(name) || more.length > 0 || (id !== undefined && !/^\d{1,10}$/.test(id))) {
      throw fail(
        'usage',
        `${text} is no owner: user, user:group or :group, each a name, or name=NUMBER`,
      );
    }
    return { name, ...(id !== undefined && { id: Number(id) }) };
  };
  if (rest.length > 0 || text === ':') wishOf('');
  return {
    ...(user !== '' && { owner: wishOf(user) }),
    ...(group !== '' && { group: wishOf(group) }),
  };
}

/** A mode as it is written. @throws usage for anything but 0 to 0777, octal */
export function parseMode(text: string): number {
  if (/^0?[0-7]{1,3}$/.test(text)) return Number.parseInt(text, 8);
  throw fail(
    'usage',
    `${text} is no mode: 0 to ${octal(0o777)}, octal, without setuid and its like`,
  );
}
