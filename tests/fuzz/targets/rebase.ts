import { sameFiles } from '../../../admin/changes.ts';
import { rebase } from '../../../admin/rebase.ts';
import { fileOf } from '../../fixtures/format.ts';
import type { FileEntry } from '../../../bundle/manifest.ts';
import { Choices } from '../engine/choices.ts';
import type { Target } from '../engine/target.ts';
import { demand } from '../engine/verdict.ts';

const PATHS = ['a', 'a/b', 'b', 'etc/hosts', 'constructor', '__proto__'];
const MODES = [0o644, 0o600];

/** Some of the paths, each with one of few contents, modes and owners. */
function files(choices: Choices): FileEntry[] {
  return PATHS.flatMap((path) => {
    const made = choices.below(8);
    if (made > 5) return [];
    return [fileOf(path, 'xyz'[made % 3], { mode: MODES[made >> 2]!, uid: choices.below(2) })];
  });
}

const has = (list: readonly FileEntry[], path: string): FileEntry[] =>
  list.filter((file) => file.path === path);
const same = (a: readonly FileEntry[], b: readonly FileEntry[], path: string): boolean =>
  sameFiles(has(a, path), has(b, path));

/** The rules of a merge of three sides, path by path. */
export const target: Target = {
  run(input) {
    const choices = new Choices(input);
    const [base, theirs, mine] = [files(choices), files(choices), files(choices)];
    const merged = rebase(base, theirs, mine);
    for (const path of PATHS) {
      const isConflict = merged.conflicts.includes(path);
      const bothChanged = !same(base, theirs, path) && !same(base, mine, path);
      demand(isConflict === (bothChanged && !same(theirs, mine, path)), 'conflict');
      if (isConflict) continue;
      const expected = same(base, mine, path) ? theirs : mine;
      demand(same(merged.files, expected, path), 'a side was lost');
    }
    demand(
      merged.files.every(({ path }) => PATHS.includes(path)),
      'a path was made up',
    );
    const other = rebase(base, mine, theirs);
    demand(other.conflicts.join() === merged.conflicts.join(), 'the sides are not alike');
    demand(sameFiles(other.files, merged.files), 'the sides are not alike');
    demand(sameFiles(rebase(base, theirs, base).files, theirs), 'no change changed something');
    return `${merged.conflicts.length} ${merged.files.length}`;
  },
  seeds: [new Uint8Array(36), Uint8Array.from({ length: 36 }, (_, i) => i)],
  limits: { maxBytes: 48, work: [5000, 20], allocated: [16_384, 64] },
};
