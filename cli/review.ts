import { bundlePath } from '../admin/alter.ts';
import { REVIEW_LINES } from '../admin/budget.ts';
import type { Review, ReviewOptions } from '../admin/review.ts';
import type { BundleFacts, ImageFacts } from '../admin/views/bundle.ts';
import { escapeLine } from '../protocol/escape.ts';
import { diffLines } from './diff-lines.ts';
import type { Terminal } from './terminal.ts';
import { aboutLines } from '../words/bundle.ts';
import { summary } from '../words/changes.ts';
import { imageText, warningText } from '../words/warnings.ts';

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
