import { structuredPatch } from 'diff';
import { shortDigest } from '../bundle/file-digest.ts';
import type { FileEntry, Manifest, Metadata } from '../bundle/index.ts';
import { decodeBytes } from '../protocol/escape.ts';
import type { Execution, SitePath } from '../protocol/paths.ts';
import { compareFiles, compareSettings } from './changes.ts';
import type { FileChange, SettingChange } from './changes.ts';
import { isSecretName, MASK } from './mask.ts';
import { octal } from './octal.ts';
import { machinePaths } from './traits.ts';
import type { MachinePaths, Traits } from './traits.ts';
import { accountChanges } from './secrets/accounts.ts';
import type { AccountChange } from './secrets/accounts.ts';
import { hidingOf } from './secrets/secrets.ts';
import type { LineParser } from './secrets/text.ts';

/** How much of a difference is wanted. */
export interface DiffOptions {
  /** Show what would be hidden: everywhere, or in the files of these paths. */
  readonly showSecrets: boolean | readonly string[];
  /** one line per file, no contents; but who gets in without a password is told */
  readonly stat: boolean;
  /** What the site adds to the built-in list of paths; absent: nothing. */
  readonly paths?: readonly SitePath[];
}

/** A part of a difference of which something is masked: one value in `lines[line]`. */
export interface MaskedSpan {
  /** index into {@link FileView.lines} */
  readonly line: number;
}

/** One file of a difference, as `--json` prints it and as a person is shown it. */
export interface FileView {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** What it can set off where it is; `refused` for a path that no node accepts. */
  readonly executes: Execution | 'refused';
  /** Keys or passwords are in it. */
  readonly secret: boolean;
  readonly mode?: { readonly before?: string; readonly after?: string };
  readonly owner?: { readonly before?: string; readonly after?: string };
  /** Bytes. */
  readonly size: { readonly before?: number; readonly after?: number };
  /**
   * Lines of a unified diff without its file header, as `decodeBytes` has them, each masked value as
   * {@link MASK}; absent where nobody asked for them, or where they are hidden.
   */
  readonly lines?: readonly string[];
  /**
   * Why there are no lines of a content that changes: it is one key to its last byte; or it is secret in
   * no format that is known, so that nobody can tell its secrets from what it runs; or only names were
   * wanted (`stat`).
   */
  readonly hidden?: 'key' | 'withheld' | 'unasked';
  /** What of `lines` is masked, in order; a masked value reads as {@link MASK}. */
  readonly masked: readonly MaskedSpan[];
  /** As many as `masked` has. */
  readonly maskedValues: number;
  /** How many of its lines are left out, since the whole would be too long to be read. */
  readonly linesCut?: number;
  /** Of passwd and shadow: what changes for whom. */
  readonly accounts?: readonly AccountChange[];
  /** How many of them are left out. */
  readonly accountsCut?: number;
  /**
   * Of a removed one that the machine still has, as its image has it: it becomes the image's own, which
   * is `same` as this one to its mode and owners, or `other`. Claimed.
   */
  readonly becomesImages?: 'same' | 'other';
}

/** What differs between two bundles, file by file, and the settings by name. */
export interface DiffView {
  /** The bundle names a list of paths that the site does not have: its machine may take more than is known. */
  readonly unknownPaths?: true;
  /** What runs by its place first, then what may name a program, then the rest; by path. */
  readonly files: readonly FileView[];
  /** the settings that differ, what runs first, then by name: units, host name, time zone, swap, answers */
  readonly metadata: readonly SettingChange[];
  /** How many of them are left out, since the whole would be too long to be read. */
  readonly settingsCut?: number;
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
  const diff = createDiff();
  const paths = machinePaths(options.paths, after);
  const files = compareFiles(before?.files ?? [], after.files)
    .map((change) => ({ change, traits: traitsIn(paths, change) }))
    .sort((a, b) => RANK.indexOf(a.traits.executes) - RANK.indexOf(b.traits.executes))
    .map(({ change, traits }) => ({
      ...fileView(change, traits, options, diff),
      ...imagesOwn(change, after.metadata),
    }));
  return {
    ...(!paths.isKnown && { unknownPaths: true as const }),
    files,
    metadata: compareSettings(before?.metadata ?? {}, after.metadata).map((change) =>
      options.showSecrets === true ? change : maskSetting(change),
    ),
  };
}

const traitsIn = (paths: MachinePaths, { path, after }: FileChange): Traits =>
  after === undefined ? paths.traitsBefore(path) : paths.traitsFor(path);

/** What a bundle says of a file that it has no more: the image has it anyway. */
function imagesOwn(
  { path, before, after }: FileChange,
  { left = {} }: Metadata,
): Pick<FileView, 'becomesImages'> {
  if (after !== undefined || before === undefined || !Object.hasOwn(left, path)) return {};
  return { becomesImages: left[path] === shortDigest(before) ? 'same' : 'other' };
}

const RANK: readonly FileView['executes'][] = ['refused', 'by place', 'may name', 'no'];

/** Only answers may hold a password; a mask on units would hide what executes. */
export function maskSetting(change: SettingChange): SettingChange {
  const { name, executes, before, after } = change;
  if (!name.startsWith('answer:') || !isSecretName(name)) return change;
  return {
    ...{ name, executes },
    ...(before === undefined ? {} : { before: MASK }),
    ...(after === undefined ? {} : { after: MASK }),
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

function fileView(change: FileChange, traits: Traits, options: DiffOptions, diff: Diff): FileView {
  const { before, after, path } = change;
  return {
    path,
    change: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed',
    ...traits,
    ...(change.mode || before === undefined ? { mode: both(change, (f) => octal(f.mode)) } : {}),
    ...(change.owner || before === undefined ? { owner: both(change, owner) } : {}),
    size: both(change, (file) => file.content.length),
    ...contentView(change, traits, options, diff),
  };
}

function contentView(
  change: FileChange,
  { secret }: Traits,
  { stat, showSecrets }: DiffOptions,
  diff: Diff,
): Pick<FileView, 'lines' | 'hidden' | 'masked' | 'maskedValues' | 'accounts'> {
  const whole = { masked: [], maskedValues: 0 };
  const { path } = change;
  if (!change.content) return whole;
  const sides = [change.before, change.after].map((file) => file?.content);
  const shown = showSecrets === true || (showSecrets !== false && showSecrets.includes(path));
  const hiding = shown ? undefined : hidingOf(path, secret);
  if (hiding === 'withheld') return { hidden: 'withheld', ...whole };
  if (hiding !== undefined && 'whole' in hiding) {
    const isKey = sides.every((content) => content === undefined || hiding.whole(content));
    return { hidden: isKey ? 'key' : 'withheld', ...whole };
  }
  const [before, after] = sides.map((content) => decodeBytes(content ?? new Uint8Array())) as [
    string,
    string,
  ];
  const accounts = accountChanges(path, before, after);
  return {
    ...(stat
      ? { hidden: 'unasked' as const, ...whole }
      : maskedDiff(diff(before, after), before, after, hiding?.lines)),
    ...(accounts && { accounts }),
  };
}

/** A unified diff of the texts, with the lines of both as a parser of their secrets leaves them. */
function maskedDiff(
  lines: readonly string[],
  before: string,
  after: string,
  parse: LineParser | undefined,
): Pick<FileView, 'lines' | 'masked' | 'maskedValues'> {
  if (parse === undefined) return { lines, masked: [], maskedValues: 0 };
  const [old, now] = [before, after].map((text) => maskText(text, parse)) as [string[], string[]];
  let [oldAt, nowAt] = [0, 0];
  const masked: MaskedSpan[] = [];
  const shown = lines.map((line, i) => {
    const sign = line[0]!;
    if (sign === '@') {
      const [, oldStart, nowStart] = /^@@ -(\d+),\d+ \+(\d+),/.exec(line)!.map(Number);
      [oldAt, nowAt] = [Math.max(oldStart! - 1, 0), Math.max(nowStart! - 1, 0)];
      return line;
    }
    if (sign === '\\') return line;
    const text = sign === '-' ? old[oldAt]! : now[nowAt]!;
    if (sign !== '+') oldAt++;
    if (sign !== '-') nowAt++;
    if (sign + text !== line) masked.push({ line: i });
    return sign + text;
  });
  return { lines: shown, masked, maskedValues: masked.length };
}

function maskText(text: string, parse: LineParser): string[] {
  const lines = text.split('\n');
  const ranges = parse(lines);
  return lines.map((line, i) => {
    const range = ranges[i];
    return range === undefined ? line : line.slice(0, range.start) + MASK + line.slice(range.end);
  });
}

type Diff = (before: string, after: string) => string[];

/** Effort for all files of one difference, and for one of them, as the square of its edits. */
const STEPS = 10_000_000;
const MAX_EDITS = 1_000;

/**
 * Unified diffs whose cost together is bounded in steps: of a file that would cost more than is
 * left, all lines are shown as replaced.
 */
export function createDiff(): Diff {
  let left = STEPS;
  return (before, after) => {
    if (before === '' || after === '') return replaced(before, after);
    const maxEditLength = Math.min(MAX_EDITS, Math.floor(Math.sqrt(left)));
    const patch = structuredPatch('', '', before, after, '', '', { context: 3, maxEditLength });
    if (patch === undefined) {
      left -= maxEditLength ** 2;
      return replaced(before, after);
    }
    const edits = patch.hunks.flatMap(({ lines }) => lines).filter((line) => /^[+-]/.test(line));
    left = Math.max(0, left - edits.length ** 2);
    return patch.hunks.flatMap((hunk) => [
      `@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`,
      ...hunk.lines,
    ]);
  };
}

/** An empty range names the line before it. */
const range = (start: number, lines: number): string =>
  `${lines === 0 ? start - 1 : start},${lines}`;

/** Every line of both, without a search for what they share. */
function replaced(before: string, after: string): string[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  return [
    `@@ -${range(1, old.length)} +${range(1, now.length)} @@`,
    ...signed('-', before, old),
    ...signed('+', after, now),
  ];
}

const linesOf = (text: string): string[] =>
  text === '' ? [] : text.replace(/\n$/, '').split('\n');

const signed = (sign: string, text: string, lines: readonly string[]): string[] => [
  ...lines.map((line) => sign + line),
  ...(text === '' || text.endsWith('\n') ? [] : ['\\ No newline at end of file']),
];
