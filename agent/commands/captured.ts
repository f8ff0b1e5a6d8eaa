import { CoatcheckError, showPath } from '../../bundle/errors.ts';
import type { Metadata } from '../../bundle/manifest.ts';
import { settingsOf, withSettings } from '../../bundle/settings.ts';
import { NOT_ON_THE_LIST } from '../apply/capture.ts';
import type { Capture } from '../apply/capture.ts';
import { openOwn } from '../boot/node.ts';
import type { Node } from '../boot/node.ts';
import { takeSnapshot } from '../boot/snapshot.ts';
import type { Draft } from '../boot/snapshot.ts';
import type { Decision } from '../boot/source.ts';
import type { Console } from '../console/console.ts';

/**
 * The machine as it is, for a proposal; says what was left out. Settings that neither a file nor a link
 * shows are those in force. @throws as `takeSnapshot`
 */
export function capturedDraft(node: Node, inForce: Decision | undefined): Draft {
  const { skipped, unnamed, files, metadata } = takeSnapshot(node);
  tellSkipped(node.console, { skipped, unnamed });
  return { files, metadata: { ...settingsInForce(node, inForce), ...metadata } };
}

function settingsInForce(node: Node, inForce: Decision | undefined): Metadata {
  const bundle = inForce?.frame.bundle;
  if (bundle === undefined) return {};
  try {
    const settings = withSettings(settingsOf(openOwn(node, bundle).metadata), {});
    const { enable: _, mask: __, alias: ___, wants: ____, timezone: _____, ...rest } = settings;
    return rest;
  } catch (error) {
    // Sealed to an earlier key of this machine.
    if (error instanceof CoatcheckError) return {};
    throw error;
  }
}

/**
 * What a capture left out, and why, and whose name. What is on no list is counted only: it is most of a
 * machine.
 */
export function tellSkipped(
  console: Console,
  { skipped, unnamed }: Pick<Capture, 'skipped' | 'unnamed'>,
): void {
  for (const { name, id, paths } of unnamed) {
    const of = paths.length > 3 ? counted(paths.length) : paths.map(showPath).join(', ');
    console.note(`no bundle can hold the name of owner ${name}, who is ${id} by number: of ${of}`);
  }
  const unlisted = skipped.filter(({ reason }) => reason === NOT_ON_THE_LIST);
  for (const { path, reason, target } of skipped) {
    const to = target === undefined ? '' : ` (it leads to ${showPath(target)})`;
    if (reason !== NOT_ON_THE_LIST) console.note(`left out ${showPath(path)}: ${reason}${to}`);
  }
  if (unlisted.length > 0) console.note(`left out ${unlisted.length} files: ${NOT_ON_THE_LIST}`);
}

/** So many files, for people. */
export const counted = (files: number): string => (files === 1 ? '1 file' : `${files} files`);
