import { REVIEW_LINES } from '../admin/budget.ts';
import { tally } from '../admin/diff-view.ts';
import type { DiffView } from '../admin/diff-view.ts';
import type { Review, ReviewOptions } from '../admin/review.ts';
import type { BundleFacts, BundleSigner, ImageFacts } from '../admin/views/bundle.ts';
import { pathIn } from '../bundle/errors.ts';
import { escapeLine } from '../protocol/escape.ts';
import { diffLines } from './diff-lines.ts';
import { count } from '../protocol/count.ts';
import type { Terminal } from './terminal.ts';
import { when } from '../words/time.ts';
import { imageText, warningText } from '../words/warnings.ts';

/** Which node it is: its console shows the same words. */
export function nameLines({
  node,
  words,
}: Pick<BundleFacts, 'node' | 'words'>): [string, string][] {
  return [
    ['node', node],
    ['words', words],
  ];
}

/** The name of whoever signed a bundle. */
function signerName(signer: BundleSigner): string {
  if (signer.by === 'node') return 'the node itself';
  return signer.name === undefined
    ? 'an administrator of an older keyset'
    : `administrator ${signer.name}`;
}

/** Who and what a bundle is; every fact that only the node vouches for is marked as its claim. */
export function aboutLines(facts: BundleFacts): [string, string][] {
  const { hostname, keySource, madeAt, madeBy, digest, size } = facts;
  const claim = (text: string | undefined): string =>
    text === undefined ? 'not said' : `${escapeLine(text)} (as the maker claims)`;
  const made = [
    ...(madeAt === undefined ? [] : [when(madeAt)]),
    ...(madeBy === undefined ? [] : [`by ${madeBy}`]),
  ].join(' ');
  return [
    ...nameLines(facts),
    ['host name', claim(hostname)],
    ['key from', claim(keySource)],
    ['made', claim(made === '' ? undefined : made)],
    ['signed by', signerName(facts.signer)],
    ['bundle', `${digest}, ${size} bytes sealed`],
    ['image', claim(facts.image && imageText(facts.image))],
    ['files', String(facts.files)],
  ];
}

/** Prints who and what a bundle is. */
export function printAbout({ print, style }: Terminal, facts: BundleFacts): void {
  for (const [label, text] of aboutLines(facts)) print(`${style.dim(label.padEnd(10))} ${text}`);
}

/** Says before a difference what it was not compared with. */
export function warnOfUnreadable(terminal: Terminal, { warnings }: Review): void {
  for (const warning of warnings) {
    if (warning.code === 'in_force_unreadable') terminal.warn(warningText(warning));
  }
}

/** How much a person wants to see of a difference. */
export interface ReviewFlags {
  /** `--show-secrets`: of these paths, or of all where none is named */
  readonly showSecrets?: readonly string[];
  readonly stat?: boolean;
  /** `--full` */
  readonly full?: boolean;
  /** `--unseen` */
  readonly unseen?: readonly string[];
}

/** A path as a bundle has it: as it was shown, or as a machine has it. */
export const bundlePath = (text: string): string => pathIn(text).replace(/^\//, '');

/** What is shown: what a person can page through, or a program reads, is not cut. */
export function shownBy(
  { json, paged }: Terminal,
  { showSecrets, stat = false, full = false }: ReviewFlags,
): ReviewOptions {
  return {
    showSecrets:
      showSecrets === undefined ? false : showSecrets.length === 0 || showSecrets.map(bundlePath),
    stat,
    ...(json || paged || full ? {} : { budget: REVIEW_LINES }),
  };
}

/** Shows what would change, and then says what deserves a second look. */
export async function printReview(terminal: Terminal, review: Review): Promise<void> {
  warnOfUnreadable(terminal, review);
  const about = aboutLines(review.bundle).map(
    ([label, text]) => `${terminal.style.dim(label.padEnd(10))} ${text}`,
  );
  await terminal.page([...about, '', ...diffLines(review.diff, terminal.style)]);
  terminal.print();
  terminal.print(summary(review.diff));
  for (const line of imageLines(review)) terminal.print(line);
  for (const warning of review.warnings) {
    if (warning.code !== 'in_force_unreadable') terminal.warn(warningText(warning));
  }
}

/** What the bundle says of its image, and the one in force where that says something else. */
export function imageLines({ bundle: { image }, imageInForce }: Review): string[] {
  const shown = (facts: ImageFacts): string => escapeLine(imageText(facts));
  const now = `image: ${image === undefined ? 'not said' : `${shown(image)} (as the maker claims)`}`;
  const differs =
    imageInForce !== undefined &&
    (image?.version !== imageInForce.version || image?.baseline !== imageInForce.baseline);
  return differs ? [now, `image of what is in force: ${shown(imageInForce)}`] : [now];
}

/** How much a difference changes, in a line. */
export function summary(diff: DiffView): string {
  const { added, changed, removed, settings } = tally(diff);
  return [
    `${count(added, 'file')} added`,
    `${changed} changed`,
    `${removed} removed`,
    ...(settings > 0 ? [`${count(settings, 'setting')} changed`] : []),
  ].join(', ');
}
