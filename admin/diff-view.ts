import { structuredPatch } from 'diff';
import type { FileEntry, Manifest } from '../bundle/index.ts';
import { decodeBytes } from '../protocol/escape.ts';
import { classifyPath } from '../protocol/paths.ts';
import { compareFiles, compareMetadata } from './changes.ts';
import type { FileChange, MetadataChange } from './changes.ts';
import { MASK, maskerOf, maskLine } from './mask.ts';
import { octal } from './octal.ts';

/** How much of a difference is wanted. */
export interface DiffOptions {
  /** show what mask.ts would hide */
  readonly showSecrets: boolean;
  /** one line per file, no contents */
  readonly stat: boolean;
}

/** A part of a difference of which something is masked: one or more values in `lines[line]`. */
export interface MaskedSpan {
  /** index into {@link FileView.lines} */
  readonly line: number;
}

/** One file of a difference, as `--json` prints it and as a person is shown it. */
export interface FileView {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** The class of the path (protocol/paths.ts); `refused` for one that no node accepts. */
  readonly class: 'plain' | 'secret' | 'exec' | 'refused';
  /** How sure it is that the file has the node run something: `may`, its path allows it. Absent: no. */
  readonly executes?: 'may';
  /** Whether the whole file counts as a secret; one can be both. */
  readonly secret: boolean;
  readonly mode?: { readonly before?: string; readonly after?: string };
  readonly owner?: { readonly before?: string; readonly after?: string };
  /** Bytes. */
  readonly size: { readonly before?: number; readonly after?: number };
  /**
   * Lines of a unified diff without its file header, as `decodeBytes` has them; absent where nobody
   * asked for them, or where they are hidden.
   */
  readonly lines?: readonly string[];
  /** Why the contents are withheld as a whole. */
  readonly hidden?: 'secret';
  /** What of `lines` is masked, in order; a masked value reads as {@link MASK}. */
  readonly masked: readonly MaskedSpan[];
  /** As many as `masked` has. */
  readonly maskedValues: number;
}

/** What differs between two bundles, by path, and the settings by name. */
export interface DiffView {
  readonly files: readonly FileView[];
  /** settings: units, host name, time zone, swap, answers */
  readonly metadata: readonly MetadataChange[];
}

/** How many files a difference adds, changes and removes, and how many settings it changes. */
export interface DiffTally {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  readonly settings: number;
}

/** Counts a difference. */
export function tally({ files, metadata }: DiffView): DiffTally {
  const of = (change: FileView['change']): number =>
    files.filter((file) => file.change === change).length;
  const [added, changed, removed] = [of('added'), of('changed'), of('removed')];
  return { added, changed, removed, settings: metadata.length };
}

/** What changes from `before` (nothing, if undefined) to `after`. */
export function diffView(
  before: Manifest | undefined,
  after: Manifest,
  options: DiffOptions,
): DiffView {
  return {
    files: compareFiles(before?.files ?? [], after.files).map((change) =>
      fileView(change, options),
    ),
    metadata: compareMetadata(before?.metadata ?? {}, after.metadata).map((change) =>
      options.showSecrets ? change : maskMetadata(change),
    ),
  };
}

/** Only answers may hold a password; a mask on units would hide what executes. */
function maskMetadata(change: MetadataChange): MetadataChange {
  const { name, before, after } = change;
  if (!name.startsWith('answers ')) return change;
  const mask = (value: string): string =>
    maskLine(`${name}=${value}`) === `${name}=${value}` ? value : MASK;
  return {
    name,
    ...(before === undefined ? {} : { before: mask(before) }),
    ...(after === undefined ? {} : { after: mask(after) }),
  };
}

const owner = (file: FileEntry): string => `${file.owner}(${file.uid}):${file.group}(${file.gid})`;

/** The same property of both sides, leaving out the side that is not there. */
function both<T>(change: FileChange, value: (file: FileEntry) => T): { before?: T; after?: T } {
  return {
    ...(change.before === undefined ? {} : { before: value(change.before) }),
    ...(change.after === undefined ? {} : { after: value(change.after) }),
  };
}

function fileView(change: FileChange, options: DiffOptions): FileView {
  const { before, after, path } = change;
  const pathClass = classifyPath(path) ?? 'refused';
  return {
    path,
    change: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed',
    class: pathClass,
    ...(pathClass === 'exec' ? { executes: 'may' as const } : {}),
    secret: pathClass === 'secret',
    ...(change.mode || before === undefined ? { mode: both(change, (f) => octal(f.mode)) } : {}),
    ...(change.owner || before === undefined ? { owner: both(change, owner) } : {}),
    size: both(change, (file) => file.content.length),
    ...contentView(change, options),
  };
}

function contentView(
  change: FileChange,
  options: DiffOptions,
): Pick<FileView, 'lines' | 'hidden' | 'masked' | 'maskedValues'> {
  const whole = { masked: [], maskedValues: 0 };
  if (!change.content || options.stat) return whole;
  const [before, after] = [change.before, change.after].map((file) =>
    decodeBytes(file?.content ?? new Uint8Array()),
  ) as [string, string];
  const mask = options.showSecrets ? undefined : maskerOf(change.path, [before, after]);
  if (mask === 'secret') return { hidden: 'secret', ...whole };
  const lines = unifiedLines(before, after);
  if (mask === undefined) return { lines, ...whole };
  const shown = lines.map((line) =>
    line.startsWith('@@') ? line : line[0]! + mask(line.slice(1)),
  );
  const masked = shown.flatMap((text, line) => (text === lines[line] ? [] : [{ line }]));
  return { lines: shown, masked, maskedValues: masked.length };
}

/** Effort that a pair of files may cost; beyond it all lines are shown as replaced. */
const MAX_EDITS = 20_000;
const TIMEOUT_MS = 2_000;

/** Hunks of a unified diff with three lines of context, raw: the caller escapes them. */
export function unifiedLines(before: string, after: string): string[] {
  const patch = structuredPatch('', '', before, after, '', '', {
    context: 3,
    maxEditLength: MAX_EDITS,
    timeout: TIMEOUT_MS,
  });
  if (patch === undefined) return [...prefixed('-', before), ...prefixed('+', after)];
  return patch.hunks.flatMap((hunk) => [
    `@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`,
    ...hunk.lines,
  ]);
}

/** An empty range names the line before it. */
const range = (start: number, lines: number): string =>
  `${lines === 0 ? start - 1 : start},${lines}`;

const prefixed = (sign: string, text: string): string[] =>
  text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => sign + line);
