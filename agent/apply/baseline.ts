import * as v from 'valibot';
import { sha256 } from '#platform';
import { fromUtf8, toHex } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { attributesOf, fileDigest } from '../../bundle/file-digest.ts';
import type { FileEntry, Metadata } from '../../bundle/manifest.ts';
import { formatEntries, isAccountFile, parseEntries } from '../../protocol/accounts.ts';
import type { Entry } from '../../protocol/accounts.ts';
import { fail } from '../../protocol/errors.ts';
import { readIn } from '../tree/files.ts';
import { inFolderOf, parentOf } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import { imageVersion } from '../tree/image.ts';
import { statOf } from '../tree/resolve.ts';
import { HexDigest } from '../tree/state-file.ts';
import { bytesOf, textOf } from './accounts.ts';

/** Where an image has its baseline: below /usr, since no bundle reaches there. */
export const BASELINE_FILE = 'usr/lib/coatcheck/baseline.json';
const MAX_BYTES = 4 * 1024 * 1024;

const BaselineFile = v.strictObject({
  coatcheck: v.literal('baseline/1'),
  /** The version of the image, as `imageVersion` gives it */
  image: v.exactOptional(v.pipe(v.string(), v.regex(/^[ -~]{1,64}$/))),
  /** By path: {@link fileDigest} */
  files: v.record(v.string(), HexDigest),
  /** By path: the target, as it is written in the link */
  links: v.record(v.string(), v.string()),
  /** By path of an account file: mode and owners, and by name the digest of all its lines of that name */
  accounts: v.record(
    v.string(),
    v.strictObject({ is: v.string(), entries: v.record(v.string(), HexDigest) }),
  ),
});

/** What an image ships, of all that a bundle may hold. */
export type Baseline = Omit<v.InferOutput<typeof BaselineFile>, 'coatcheck'>;

/** What there is of a baseline below a root. */
export type BaselineLook =
  | { readonly state: 'absent' }
  | { readonly state: 'unusable'; readonly why: string }
  | { readonly state: 'found'; readonly digest: string; readonly baseline: Baseline };

/**
 * Reads the baseline of an image. One that somebody else than root could have written, or that is no
 * baseline, counts for nothing.
 */
export function readBaseline(root: Folder): BaselineLook {
  try {
    if (statOf(root, BASELINE_FILE) === undefined) return { state: 'absent' };
    checkOwner(root);
    const { content } = inFolderOf(root, BASELINE_FILE, (at, name) => readIn(at, name, MAX_BYTES))!;
    const parsed = v.safeParse(BaselineFile, JSON.parse(fromUtf8(content)));
    if (!parsed.success) return { state: 'unusable', why: 'it is no baseline of coatcheck' };
    const { coatcheck: _, ...baseline } = parsed.output;
    return { state: 'found', digest: toHex(sha256(content)), baseline };
  } catch (error) {
    if (error instanceof SyntaxError) return { state: 'unusable', why: 'it is not JSON' };
    if (error instanceof CoatcheckError) return { state: 'unusable', why: error.message };
    throw error;
  }
}

function checkOwner(root: Folder): void {
  for (let path = BASELINE_FILE; path !== ''; path = parentOf(path)) {
    const { uid, mode } = statOf(root, path)!;
    if ((uid !== 0 && uid !== process.geteuid?.()) || (mode & 0o022) !== 0) {
      throw fail('path_refused', `others than root may write ${path}`);
    }
  }
}

/** What a bundle that is made here says of the image. */
export function madeOn(root: Folder, look: BaselineLook): Pick<Metadata, 'image' | 'baseline'> {
  const image = imageVersion(root);
  return {
    ...(look.state === 'found' && { baseline: look.digest }),
    ...(image !== undefined && { image }),
  };
}

/** The text of a baseline. @param entries what `filesOf` gives of an image's root, with its links */
export function formatBaseline(
  root: Folder,
  files: readonly FileEntry[],
  links: Baseline['links'],
): string {
  const image = imageVersion(root);
  const accounts = files.filter(({ path }) => isAccountFile(path));
  const value = {
    coatcheck: 'baseline/1',
    ...(image !== undefined && { image }),
    files: Object.fromEntries(files.map((file) => [file.path, fileDigest(file)])),
    links,
    accounts: Object.fromEntries(
      accounts.map((file) => [
        file.path,
        { is: attributesOf(file), entries: Object.fromEntries(entryDigests(file.content)) },
      ]),
    ),
  };
  return `${JSON.stringify(value, null, 1)}\n`;
}

function entryDigests(content: Uint8Array): Map<string, string> {
  const digest = (lines: readonly Entry[]): string => toHex(sha256(bytesOf(formatEntries(lines))));
  return new Map([...linesByName(content)].map(([name, lines]) => [name, digest(lines)]));
}

function linesByName(content: Uint8Array): Map<string, Entry[]> {
  const names = new Map<string, Entry[]>();
  for (const entry of parseEntries(textOf(content))) {
    names.set(entry[0]!, [...(names.get(entry[0]!) ?? []), entry]);
  }
  return names;
}

/** What of a file is not the image's: nothing, all of it, or of accounts the entries that are not. */
export function ownPart(file: FileEntry, { files, accounts }: Baseline): FileEntry | undefined {
  const { path, content } = file;
  if (files[path] === undefined) return file;
  if (files[path] === fileDigest(file)) return undefined;
  const image = accounts[path];
  if (image === undefined) return file;
  const digests = entryDigests(content);
  const own = parseEntries(textOf(content)).filter(
    ([name]) => image.entries[name!] !== digests.get(name!),
  );
  if (own.length === 0 && image.is === attributesOf(file)) return undefined;
  return { ...file, content: bytesOf(formatEntries(own)) };
}

/**
 * The lines of account files of a bundle that the image below a root has too, by path: wrong or not, they are
 * the image's (`faultsOf`). None where it does not say what it ships.
 */
export function linesOfImage(
  root: Folder,
  files: readonly Pick<FileEntry, 'path' | 'content'>[],
): (path: string) => ReadonlySet<string> {
  const look = readBaseline(root);
  const accounts = look.state === 'found' ? look.baseline.accounts : {};
  return (path) => {
    const content = files.find((file) => file.path === path)?.content ?? new Uint8Array();
    const digests = entryDigests(content);
    const known = [...linesByName(content)].filter(
      ([name]) => accounts[path]?.entries[name] === digests.get(name),
    );
    return new Set(known.flatMap(([, entries]) => entries.map((entry) => entry.join(':'))));
  };
}

/** Names of accounts that the image has and a file lacks. */
export function missingEntries({ path, content }: FileEntry, { accounts }: Baseline): string[] {
  const names = linesByName(content);
  return Object.keys(accounts[path]?.entries ?? {}).filter((name) => !names.has(name));
}
