import { CoatcheckError, showPath } from '../../bundle/errors.ts';
import { hasCode } from '../../protocol/errors.ts';
import { pathList } from '../../protocol/paths.ts';
import type { PathList } from '../../protocol/paths.ts';
import type { Metadata } from '../../bundle/manifest.ts';
import { settingsOf, withSettings } from '../../bundle/settings.ts';
import { NOT_ON_THE_LIST } from '../apply/capture.ts';
import type { Capture, MachineCapture, Skipped, SkipReason } from '../apply/capture.ts';
import { BASELINE_FILE } from '../apply/baseline.ts';
import { openOwn, readNamedSite } from '../boot/node.ts';
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
  const capture = takeSnapshot(node);
  const { files, metadata } = capture;
  tellCapture(node.console, capture, node.paths);
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

/** What a capture left out, and why, and what it was compared with. @param list that it went by */
export function tellCapture(console: Console, capture: MachineCapture, list: PathList): void {
  const { baseline, metadata } = capture;
  tellSkipped(console, capture, list);
  if (baseline.state === 'found') {
    const image = metadata.image === undefined ? 'this image' : `image ${metadata.image}`;
    const left = counted(Object.keys(metadata.left ?? {}).length);
    console.note(`left to ${image}: ${left} that it has anyway (${BASELINE_FILE})`);
  } else {
    const why = baseline.state === 'unusable' ? `is not used: ${baseline.why}` : 'is not there';
    console.note(`everything is taken, whether the image has it or not: ${BASELINE_FILE} ${why}`);
  }
}

/** So many paths are named for each reason: a pattern of a site may find tens of thousands. */
const MAX_NAMED = 50;

/**
 * What a capture left out, and why, and whose name. What is on no list is counted only: it is most of a
 * machine. Of very many for one reason what runs by its place is named before the others.
 */
function tellSkipped(
  console: Console,
  { skipped, unnamed }: Pick<Capture, 'skipped' | 'unnamed'>,
  list: PathList,
): void {
  for (const { name, id, paths } of unnamed) {
    const of = paths.length > 3 ? counted(paths.length) : paths.map(showPath).join(', ');
    console.note(`no bundle can hold the name of owner ${name}, who is ${id} by number: of ${of}`);
  }
  const runs = ({ path }: Skipped): boolean => list.traitsOf(path)?.executes === 'by place';
  const byReason = new Map<SkipReason, Skipped[]>();
  for (const one of skipped) {
    const same = byReason.get(one.reason);
    if (same === undefined) byReason.set(one.reason, [one]);
    else same.push(one);
  }
  const unlisted = byReason.get(NOT_ON_THE_LIST) ?? [];
  byReason.delete(NOT_ON_THE_LIST);
  for (const [reason, all] of byReason) {
    const isMany = all.length > MAX_NAMED;
    const ranked = isMany ? [...all.filter(runs), ...all.filter((one) => !runs(one))] : all;
    for (const one of ranked.slice(0, MAX_NAMED)) console.note(skippedLine(one));
    const rest = ranked.slice(MAX_NAMED);
    if (rest.length > 0) {
      console.note(
        `left out ${rest.length} more, of which ${rest.filter(runs).length} run by their place: ${reason} (coatcheck-agent --json capture lists them)`,
      );
    }
  }
  if (unlisted.length > 0) console.note(`left out ${unlisted.length} files: ${NOT_ON_THE_LIST}`);
}

function skippedLine({ path, reason, target, names }: Skipped): string {
  const to = target === undefined ? '' : ` (it leads to ${showPath(target)})`;
  const whose = names === undefined ? '' : `, and no bundle takes one away: ${names.join(' ')}`;
  return `left out ${showPath(path)}: ${reason}${to}${whose}`;
}

/** So many files, for people. */
export const counted = (files: number): string => (files === 1 ? '1 file' : `${files} files`);

/** What a bundle may place here; without a site, which a machine may not have yet, the built-in list. */
export function siteList(site: string, console: Console): PathList {
  try {
    return pathList(readNamedSite(site).paths);
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    console.note(`by the built-in list of paths: there is no ${showPath(site)}`);
    return pathList();
  }
}
