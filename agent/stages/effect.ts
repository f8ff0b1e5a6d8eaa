import { fromUtf8, utf8 } from '../../bundle/bytes.ts';
import type { Applied } from '../apply/apply.ts';
import type { ImageName, OfImage } from '../apply/of-image.ts';
import { tellApplied } from '../boot/install.ts';
import { showPath } from '../../bundle/errors.ts';
import { fail } from '../../protocol/errors.ts';
import type { Failure } from '../systemd/failure.ts';
import type { Activation } from '../systemd/settle.ts';
import type { Readiness } from '../ready/readiness.ts';

/** What became of a configuration that is in place. */
export interface Effect {
  readonly applied: Applied;
  readonly ofImage: OfImage;
  readonly activation: Activation;
  readonly ready: Readiness;
  /** Which image this is, and which ones are revoked; nothing where no key is bound to one */
  readonly images: readonly string[];
}

/** What a command ended with that told the administrators. */
export interface Finished extends Effect {
  /** Whether they heard of it */
  readonly reported: boolean;
}

const VERBS = ['reloaded', 'restarted', 'started', 'stopped', 'waiting'] as const;
/** What a report has room for (docs/format.md), but for what it says of the memory. */
const MAX_RESULT_BYTES = 1024 - 64;

/** Everything that did not take effect. */
export const failuresOf = ({ activation, ready }: Effect): readonly Failure[] => [
  ...activation.failed,
  ...ready.failed,
];

/**
 * In one line, for a report. Of the files that differ from those of the image so many are named as there is
 * room for. A failure's words are a stranger's: whoever prints it escapes them.
 */
export function tellEffect(effect: Effect): string {
  const { applied, ofImage, activation, ready, images } = effect;
  const units = VERBS.filter((verb) => activation[verb].length > 0);
  const before = [
    `${applied.left.length > 0 ? 'partial' : 'applied'}: ${tellApplied(applied)}`,
    ...images,
    ...leftLines(effect),
    ...namesOf(ofImage).map((name) => name.join(' ')),
  ];
  const after = [
    ...units.map((verb) => `${verb} ${activation[verb].join(' ')}`),
    ...(ready.done.length > 0 ? [`ready: ${ready.done.join(' ')}`] : []),
    ...failuresOf(effect).map(({ what, why }) => `FAILED ${what}: ${why}`),
  ];
  const others = [...before, ...after].join('; ');
  const room = MAX_RESULT_BYTES - utf8(others).length - '; '.length;
  return cut([...before, ...tellDiffering(ofImage, room), ...after].join('; '));
}

const tellName = ({ version, baseline }: ImageName): string =>
  `${version ?? 'without a version'}, baseline ${baseline ?? 'none'}`;

/** Which image it is, and which the bundle was made on where that is another. */
function namesOf({ running, madeOn }: OfImage): (readonly [what: string, name: string])[] {
  const [now, then] = [tellName(running), tellName(madeOn)];
  const unnamed = tellName({});
  if (now === unnamed && then === unnamed) return [];
  return [
    ['image', now],
    ...(then === now || then === unnamed ? [] : [['made on', then] as const]),
  ];
}

/** @param room bytes; the number is said whether there is room or not */
function tellDiffering({ left, differing }: OfImage, room: number): string[] {
  if (differing.length === 0) return [];
  const all = differing.map(showPath);
  const said = (named: number): string => {
    const more = all.length - named;
    const names = [...all.slice(0, named), ...(more > 0 ? [`and ${more} more`] : [])];
    const count = `${all.length} of ${left} files left to the image differ`;
    return named === 0 ? count : `${count}: ${names.join(' ')}`;
  };
  let named = all.length;
  while (named > 0 && utf8(said(named)).length > room) named--;
  return [said(named)];
}

const leftLines = ({ applied }: Effect): string[] =>
  applied.left.map(({ path, why }) => `LEFT ${showPath(path)}: ${why}`);

/** What a status says of the image: a word, and to what it applies. */
export const imageFacts = (ofImage: OfImage): (readonly [what: string, of: string])[] => [
  ...namesOf(ofImage),
  ...ofImage.differing.map((path) => ['differs', `${showPath(path)}, left to the image`] as const),
];

/** Line by line, for the console. */
export function effectLines(effect: Effect): string[] {
  const { ofImage, activation, ready, images } = effect;
  return [
    ...images,
    ...leftLines(effect),
    ...imageFacts(ofImage).map((fact) => fact.join(' ')),
    ...VERBS.flatMap((verb) => activation[verb].map((unit) => `${verb} ${unit}`)),
    ...ready.done.map((step) => `done ${step}`),
    ...failuresOf(effect).map(({ what, why }) => `FAILED ${what}: ${why}`),
  ];
}

/** @throws step_failed where anything of it failed; partial where a file was left as it was */
export function throwFailures(effect: Effect): void {
  const failures = failuresOf(effect);
  const { left } = effect.applied;
  if (failures.length === 0 && left.length > 0) {
    const paths = left.map(({ path, why }) => `${showPath(path)} ${why}`).join('; ');
    throw fail('partial', `all but this is applied, and it stays as it is: ${paths}`);
  }
  if (failures.length === 0) return;
  const names = failures.map(({ what }) => what).join(', ');
  throw fail('step_failed', `it is applied, but not all of it took effect: ${names}`, {
    details: { failed: names },
  });
}

/** As much of it as a report has room for, to the end of a character. */
export function cut(text: string): string {
  const bytes = utf8(text);
  if (bytes.length <= MAX_RESULT_BYTES) return text;
  let end = MAX_RESULT_BYTES - 3;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return `${fromUtf8(bytes.subarray(0, end))}...`;
}
