import { toHex } from '../../bundle/bytes.ts';
import { showPath } from '../../bundle/errors.ts';
import type { Console } from '../console/console.ts';
import { tellApplied, tellDecision } from '../boot/install.ts';
import { NOT_ASKED } from '../ready/readiness.ts';
import type { InPlace } from './7-applying.ts';
import { effectLines } from './effect.ts';
import type { Effect } from './effect.ts';
import type { Found } from '../boot/boot.ts';

const NOTHING_TOLD = { reloaded: [], restarted: [], started: [], stopped: [], waiting: [] };

/** What stands on the console before what comes next may clear it. */
export type Told = ReadonlySet<string>;

/**
 * The files that are in place, by whom, and what did not take effect so far: said before the service manager
 * hears that the machine is ready, since a getty may clear the screen then.
 */
export function tellInPlace(console: Console, found: Found, { installed, failed }: InPlace): Told {
  const { applied, ofImage } = installed;
  if ('decision' in found) console.note(tellDecision(found.decision.frame));
  const lines = linesOf(found, {
    applied,
    ofImage,
    activation: { ...NOTHING_TOLD, failed },
    ready: NOT_ASKED,
    images: [],
  });
  console.part(lines);
  return new Set(lines);
}

/** The result of a boot or an apply. @param told what of it was said already */
export function tellInstalled(
  console: Console,
  found: Found,
  {
    applied,
    ofImage,
    activation,
    ready,
    images,
    ...more
  }: Effect & { readonly reported?: boolean },
  told?: Told,
): void {
  const json = { ...applied, ofImage, activation, ready, images, ...more };
  const all = linesOf(found, { applied, ofImage, activation, ready, images });
  const lines = all.filter((line) => told?.has(line) !== true);
  if ('unapproved' in found) {
    console.result(lines.join('\n'), { unapproved: true, ...json });
    return;
  }
  const { frame } = found.decision;
  const { type, seq } = frame.statement;
  if (told === undefined) console.note(tellDecision(frame));
  console.result(lines.join('\n'), {
    statement: toHex(frame.statementDigest),
    type,
    seq,
    ...json,
  });
}

function linesOf(found: Found, effect: Effect): string[] {
  const { applied } = effect;
  const what =
    'decision' in found
      ? `applied decision ${found.decision.frame.statement.seq}`
      : 'UNAPPROVED: applied what nobody approved';
  return [
    ...applied.changed.map((path) => `changed ${showPath(path)}`),
    ...applied.removed.map((path) => `removed ${showPath(path)}`),
    ...effectLines(effect),
    `${what}: ${tellApplied(applied)}`,
  ];
}
