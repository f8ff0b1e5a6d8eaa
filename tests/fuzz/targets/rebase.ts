import { sameFiles } from '../../../admin/changes.ts';
import { rebase } from '../../../admin/rebase.ts';
import { fileOf } from '../../fixtures/format.ts';
import type { FileEntry, Manifest, Metadata } from '../../../bundle/manifest.ts';
import { sameSettings, settingsOf } from '../../../bundle/settings.ts';
import { Choices } from '../engine/choices.ts';
import type { Target } from '../engine/target.ts';
import { demand } from '../engine/verdict.ts';

type Configuration = Pick<Manifest, 'files' | 'metadata'>;

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

const UNITS = ['a.service', 'b.service'];

/** Files, and settings of each kind. */
function side(choices: Choices): Configuration {
  const swap = [undefined, 'none', 'zram'][choices.below(3)];
  const chosen = (): string[] => UNITS.filter(() => choices.below(3) === 0);
  const answer = choices.below(3);
  const metadata: Metadata = {
    ...(swap === undefined ? {} : { swap }),
    ...{ enable: chosen(), mask: chosen(), madeAt: choices.below(2) },
    ...(answer === 0 ? {} : { answers: { ip: `${answer}` } }),
  };
  return { files: files(choices), metadata };
}

const SETTINGS = ['swap', 'answer:ip', ...UNITS.map((unit) => `unit:${unit}`)];
const setting = ({ metadata }: Configuration, name: string): string | undefined =>
  settingsOf(metadata).get(name);

/** The rules of a merge, setting by setting. */
function demandSettings(
  merged: ReturnType<typeof rebase>,
  [base, theirs, mine]: readonly [Configuration, Configuration, Configuration],
): void {
  for (const name of SETTINGS) {
    const [old, their, my] = [setting(base, name), setting(theirs, name), setting(mine, name)];
    const isConflict = old !== their && old !== my && their !== my;
    demand(merged.conflicts.includes(`setting ${name}`) === isConflict, 'conflict');
    if (!isConflict) demand(setting(merged, name) === (old === my ? their : my), 'a side was lost');
  }
}

const has = (list: readonly FileEntry[], path: string): FileEntry[] =>
  list.filter((file) => file.path === path);
const same = (a: readonly FileEntry[], b: readonly FileEntry[], path: string): boolean =>
  sameFiles(has(a, path), has(b, path));

/** The rules of a merge of three sides, path by path and setting by setting. */
export const target: Target = {
  run(input) {
    const choices = new Choices(input);
    const sides = [side(choices), side(choices), side(choices)] as const;
    const merged = rebase(...sides);
    demandSettings(merged, sides);
    const [base, theirs, mine] = sides.map((one) => one.files) as [
      FileEntry[],
      FileEntry[],
      FileEntry[],
    ];
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
    const other = rebase(sides[0], sides[2], sides[1]);
    demand(other.conflicts.join() === merged.conflicts.join(), 'the sides are not alike');
    demand(sameFiles(other.files, merged.files), 'the sides are not alike');
    demand(sameSettings(other.metadata, merged.metadata), 'the sides are not alike');
    const unchanged = rebase(sides[0], sides[1], sides[0]);
    demand(sameFiles(unchanged.files, theirs), 'no change changed something');
    demand(sameSettings(unchanged.metadata, sides[1].metadata), 'no change changed something');
    return `${merged.conflicts.length} ${merged.files.length}`;
  },
  seeds: [new Uint8Array(36), Uint8Array.from({ length: 36 }, (_, i) => i)],
  limits: { maxBytes: 80, work: [15_000, 20], allocated: [16_384, 64] },
};
