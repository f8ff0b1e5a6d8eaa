import { NOT_ON_THE_LIST } from '../apply/capture.ts';
import type { Skipped } from '../apply/capture.ts';
import type { Node } from '../boot/node.ts';
import { takeSnapshot } from '../boot/snapshot.ts';
import type { Draft } from '../boot/snapshot.ts';
import type { Console } from '../console/console.ts';

/** The machine as it is, for a proposal; says what was left out. @throws as `takeSnapshot` */
export function capturedDraft(node: Node): Draft {
  const { skipped, ...draft } = takeSnapshot(node);
  tellSkipped(node.console, skipped);
  return draft;
}

/** What a capture left out, and why. What is on no list is counted only: it is most of a machine. */
export function tellSkipped(console: Console, skipped: readonly Skipped[]): void {
  const unlisted = skipped.filter(({ reason }) => reason === NOT_ON_THE_LIST);
  for (const { path, reason } of skipped) {
    if (reason !== NOT_ON_THE_LIST) console.note(`left out ${path}: ${reason}`);
  }
  if (unlisted.length > 0) console.note(`left out ${unlisted.length} files: ${NOT_ON_THE_LIST}`);
}

/** So many files, for people. */
export const counted = (files: number): string => (files === 1 ? '1 file' : `${files} files`);
