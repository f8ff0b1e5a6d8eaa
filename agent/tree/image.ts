import * as v from 'valibot';
import { CoatcheckError, quote } from '../../bundle/errors.ts';
import { MAX_TIME } from '../../bundle/statement.ts';
import { decodeBytes } from '../../protocol/escape.ts';
import { parseIsoTime } from '../../protocol/iso-time.ts';
import { readIn, statIn } from './files.ts';
import { inFolderOf, withRoot } from './folder.ts';
import type { Folder } from './folder.ts';
import { resolveIn } from './resolve.ts';

/** What an image says of itself, below its root (docs/config.md). */
export const IMAGE_FILE = 'usr/lib/coatcheck/image.json';

/** What an image says of itself: text, which whoever made it wrote. Nothing is told by dates of files. */
export interface Image {
  readonly version?: string;
  /** When it was made, Unix seconds. No clock that is right says less. */
  readonly date?: number;
  /** The kernel's arguments that it was signed with, and no other are good; undefined for one that is not signed */
  readonly commandLine?: string;
  /** Why it has no date */
  readonly fault?: string;
}

const MAX_BYTES = 64 * 1024;

const ImageFile = v.looseObject({
  version: v.optional(v.pipe(v.string(), v.regex(/^[ -~]{1,64}$/))),
  date: v.optional(v.union([v.string(), v.pipe(v.number(), v.safeInteger())])),
  commandLine: v.optional(v.string()),
});

/** @param rootPath the machine's root; that a file there is missing or damaged is in the answer */
export function readImage(rootPath: string): Image {
  return orFault(() => withRoot(rootPath, imageIn));
}

function imageIn(root: Folder): Image {
  const content = inFolderOf(root, IMAGE_FILE, (folder, name) =>
    statIn(folder, name) === undefined ? undefined : readIn(folder, name, MAX_BYTES).content,
  );
  return content === undefined ? { fault: `there is no ${IMAGE_FILE}` } : parse(content);
}

function orFault(look: () => Image): Image {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return { fault: error.message };
  }
}

/** The version of the image below a root: of {@link IMAGE_FILE}, else IMAGE_VERSION of os-release(5). */
export const imageVersion = (root: Folder): string | undefined =>
  orFault(() => imageIn(root)).version ?? orFault(() => releaseIn(root)).version;

function releaseIn(root: Folder): Image {
  const real = resolveIn(root, 'usr/lib/os-release');
  if (real?.stat?.isFile() !== true) return {};
  const text = inFolderOf(root, real.path, (at, name) => readIn(at, name, MAX_BYTES))!.content;
  const lines = Buffer.from(text).toString('latin1');
  const [, version] = /^IMAGE_VERSION=["']?([ -~]{1,64}?)["']?$/m.exec(lines) ?? [];
  return version === undefined ? {} : { version };
}

function parse(content: Uint8Array): Image {
  let value: unknown;
  try {
    value = JSON.parse(decodeBytes(content).replace(/^\uFEFF/, ''));
  } catch {
    return { fault: `${IMAGE_FILE} is no JSON` };
  }
  const parsed = v.safeParse(ImageFile, value);
  if (!parsed.success) return { fault: `${IMAGE_FILE} has no version and date` };
  const { version, date: given, commandLine } = parsed.output;
  const known = {
    ...(version !== undefined && { version }),
    ...(commandLine !== undefined && { commandLine }),
  };
  if (given === undefined) return { ...known, fault: `${IMAGE_FILE} has no date` };
  const seconds = typeof given === 'number' ? given : Math.floor((parseIsoTime(given) ?? 0) / 1000);
  if (seconds > 0 && seconds <= MAX_TIME) return { ...known, date: seconds };
  const shown = quote(String(given));
  return {
    ...known,
    fault: `the date of ${IMAGE_FILE} is ${shown}, and not as in 2026-11-24T16:16:58Z`,
  };
}
