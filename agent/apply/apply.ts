import type { FileEntry } from '../../bundle/manifest.ts';
import { isPassedOver } from '../../protocol/paths.ts';
import { notePending } from '../systemd/activation-record.ts';
import type { PathList } from '../../protocol/paths.ts';
import type { Folder } from '../tree/folder.ts';
import { withLock } from '../tree/lock.ts';
import { keep, NOTHING_KEPT, readKept, sweepContents, writeKept } from './kept.ts';
import type { Kept } from './kept.ts';
import { commitMarker, readMarker, stageMarker } from './marker.ts';
import type { Marker } from './marker.ts';
import { prunedOriginals } from './merge.ts';
import { bundleTexts, planApply } from './plan.ts';
import type { ApplyPlan } from './plan.ts';
import type { Obstacle } from './survey.ts';
import { commit, forgetStaged, removeStaged, stage } from './stage.ts';
import { lookIntoState, withState } from '../tree/state-place.ts';

/** What applying a bundle did to a root. */
export interface Applied {
  /** Paths that got another content, mode or owner. */
  readonly changed: readonly string[];
  /** Paths that are gone, because neither the bundle nor the image has them. */
  readonly removed: readonly string[];
  /** How many files were right already, and not touched. */
  readonly unchanged: number;
  /** What could not be replaced, and stayed: it is applied in part. */
  readonly left: readonly Obstacle[];
  /** What somebody should know who asks why. */
  readonly notes: readonly string[];
}

/** What is applied, and where. */
export interface ApplyInput {
  readonly root: Folder;
  readonly files: readonly FileEntry[];
  /** What a bundle may place here. */
  readonly list: PathList;
  /** Set owners too: only root can. */
  readonly owners: boolean;
  /** What the marker says besides the files. */
  readonly about: Omit<Marker, 'files' | 'left'>;
  /** Asked once no other process applies anything here; throws if this bundle comes too late. */
  readonly checkTurn?: () => void;
}

/**
 * Makes the root hold a bundle's files (docs/adr/0050): check everything, keep the machine's own
 * versions aside, stage everything, rename one by one, write the marker last. Killed at any point
 * and run again, with this bundle or another, the result is the same as without the kill. An error,
 * such as a full disk or a file that the system will not have replaced, leaves every file as it was.
 *
 * @throws path_refused, file_denied, file_malformed, disk_full; in_use while another process does so
 */
export function applyFiles(input: ApplyInput): Applied {
  return withState(input.root, (state) => withLock(state, () => applyIn(state, input)));
}

function applyIn(state: Folder, input: ApplyInput): Applied {
  const { root, list, owners, about } = input;
  const files = input.files.filter(({ path }) => !isPassedOver(path));
  input.checkTurn?.();
  removeStaged(root, state);
  const kept = readKept(state);
  sweepContents(state, kept); // now: what this cannot do must not show when all is done
  const plan = planApply({ root, state, files, kept, list, owners });
  if (plan.changes.length > 0 || !isApplied(readMarker(root), input, plan)) {
    try {
      keepAside(state, kept, plan);
      stage(root, state, plan.changes, owners);
      stageMarker(state, { ...about, files: plan.files, left: leftOf(plan) });
      notePending(state, changedPaths(plan), about.statement);
      commit(root, plan.changes, owners);
      commitMarker(state);
    } catch (error) {
      removeStaged(root, state);
      sweepContents(state, readKept(state));
      throw error;
    }
  }
  forget(state, [...files.map(({ path }) => path), ...plan.left.map(({ path }) => path)], files);
  const passedOver = input.files.flatMap(({ path }) => (isPassedOver(path) ? [path] : []));
  return summary(plan, passedOver);
}

/**
 * Whether these files could be applied to a root as it is now. Changes nothing.
 * @throws as {@link applyFiles}, path_refused above all
 */
export function checkApplicable(
  root: Folder,
  list: PathList,
  files: readonly FileEntry[],
  owners: boolean,
): void {
  const plan = (state?: Folder): ApplyPlan =>
    planApply({ root, state, files, list, owners, kept: state ? readKept(state) : NOTHING_KEPT });
  if (lookIntoState(root, plan) === undefined) plan();
}

const leftOf = ({ left }: ApplyPlan): Marker['left'] =>
  left.map(({ path, why }) => ({ path, why }));
const changedPaths = ({ changes }: ApplyPlan): string[] => changes.map(({ path }) => path);

function summary(
  { changes, files, left, shared }: ApplyPlan,
  passedOver: readonly string[],
): Applied {
  const notes = [
    ...passedOver.map((path) => `${path} is no configuration: passed over`),
    ...shared.map((pair) => `one number for two: ${pair}`),
  ];
  const paths = (gone: boolean): string[] =>
    changes.filter(({ to }) => (to.kind === 'absent') === gone).map(({ path }) => path);
  const changed = paths(false);
  const touched = new Set(changed);
  const unchanged = Object.keys(files).filter((path) => !touched.has(path)).length;
  return { changed, removed: paths(true), unchanged, left, notes };
}

function isApplied(marker: Marker | undefined, { about }: ApplyInput, plan: ApplyPlan): boolean {
  return (
    marker !== undefined &&
    marker.statement === about.statement &&
    marker.node === about.node &&
    JSON.stringify(marker.files) === JSON.stringify(plan.files) &&
    JSON.stringify(marker.left) === JSON.stringify(leftOf(plan)) &&
    JSON.stringify(marker.ofImage) === JSON.stringify(about.ofImage)
  );
}

function keepAside(state: Folder, kept: Kept, { toKeep, merged }: ApplyPlan): void {
  const files = { ...kept.files };
  for (const [path, item] of toKeep) files[path] = keep(state, item);
  writeKept(state, { files, originals: merged.originals });
}

/** Once a bundle is in place, what it does not have is the machine's own again; not what was left. */
function forget(state: Folder, paths: readonly string[], files: readonly FileEntry[]): void {
  const kept = readKept(state);
  const left: Kept = {
    files: Object.fromEntries(Object.entries(kept.files).filter(([path]) => paths.includes(path))),
    originals: prunedOriginals(kept.originals, bundleTexts(files)),
  };
  if (JSON.stringify(left) !== JSON.stringify(kept)) writeKept(state, left);
  sweepContents(state, left);
  forgetStaged(state);
}
