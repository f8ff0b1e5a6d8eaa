import { equalBytes, isZero, toHex } from '../bundle/index.ts';
import type { Keyset, Manifest, NodeId } from '../bundle/index.ts';
import { nodeWords } from '../bundle/words.ts';
import { codeOf } from '../protocol/errors.ts';
import type { History, HistoryEntry } from '../protocol/history.ts';
import { sameFiles } from '../admin/changes.ts';
import { diffLines } from './diff-lines.ts';
import { diffView } from '../admin/diff-view.ts';
import type { DiffOptions, DiffView } from '../admin/diff-view.ts';
import { escapeLine } from '../protocol/escape.ts';
import { openEntry } from './opened.ts';
import type { Opened } from './opened.ts';
import type { Session } from './session.ts';
import { count } from '../protocol/count.ts';
import type { Terminal } from './terminal.ts';
import { when } from './time.ts';

/** What is in force for a node: nothing yet, a decision without a bundle, or one with it. */
export interface InForce {
  readonly entry?: HistoryEntry;
  readonly opened?: Opened;
}

/** Opens what is in force. A bundle that cannot be opened here counts as none, with a warning. */
export function openInForce(
  session: Session,
  terminal: Terminal,
  node: NodeId,
  history: History,
): InForce {
  const entry = history.inForce;
  if (entry === undefined) return {};
  if (entry.frame.bundle === undefined) return { entry };
  try {
    return { entry, opened: openEntry(session, node, entry) };
  } catch (error) {
    if (codeOf(error) === 'internal') throw error;
    terminal.warn(
      `what is in force cannot be opened (${codeOf(error)}): everything is shown as new`,
    );
    return { entry };
  }
}

/** What an administrator sees before a bundle is put in force. */
export interface Review {
  readonly opened: Opened;
  readonly view: DiffView;
  /** False if its base is no longer in force: {@link isFresh}. */
  readonly fresh: boolean;
}

export function review(
  session: Session,
  history: History,
  inForce: InForce,
  opened: Opened,
  options: DiffOptions,
): Review {
  return {
    opened,
    view: diffView(inForce.opened?.manifest, opened.manifest, options),
    fresh: isFresh(session, history, inForce, opened.manifest),
  };
}

/**
 * Whether a proposal was made against what is in force: its `base` names that decision, or one that
 * put the same files in force (a renewal or a re-seal), or that a revoke ended.
 */
function isFresh(
  session: Session,
  history: History,
  inForce: InForce,
  { base }: Pick<Manifest, 'base'>,
): boolean {
  if (inForce.entry === undefined) return isZero(base);
  if (equalBytes(base, inForce.entry.frame.statementDigest)) return true;
  const { type, node } = inForce.entry.frame.statement;
  // A revoke puts no files in force that a proposal could undo: those before it count.
  const before = history.entries.findLast(({ frame }) => frame.bundle !== undefined);
  if (type === 'revoke' && before === undefined) return isZero(base);
  const old = baseManifest(session, history, node, base);
  const now =
    type === 'revoke' && before !== undefined
      ? baseManifest(session, history, node, before.frame.statementDigest)
      : inForce.opened?.manifest;
  return old !== undefined && now !== undefined && sameFiles(old.files, now.files);
}

/**
 * What the decision named `base` had put in force; undefined if it is not there, has no bundle, or
 * cannot be opened here.
 */
export function baseManifest(
  session: Session,
  history: History,
  node: NodeId,
  base: Uint8Array,
): Manifest | undefined {
  const entry = history.entries.find(({ frame }) => equalBytes(frame.statementDigest, base));
  if (entry?.frame.bundle === undefined) return undefined;
  try {
    return openEntry(session, node, entry).manifest;
  } catch (error) {
    if (codeOf(error) === 'internal') throw error;
    return undefined;
  }
}

/** The name of whoever signed a bundle, as the terminal shows it. */
function signerName(opened: Opened, keyset: Keyset): string {
  if (opened.sealed.kind === 'node') return 'the node itself';
  const key = keyset.keys.find(({ signKey }) => equalBytes(signKey, opened.sealed.signer));
  return key === undefined ? 'an administrator of an older keyset' : `administrator ${key.name}`;
}

/** Which node it is: its console shows the same words. */
export function nameLines(node: NodeId): [string, string][] {
  return [
    ['node', node],
    ['words', nodeWords(node)],
  ];
}

/** Who and what a bundle is; every fact that only the node vouches for is marked as its claim. */
export function aboutLines(node: NodeId, opened: Opened, keyset: Keyset): [string, string][] {
  const { sealed, manifest } = opened;
  const { hostname, keySource, madeAt, madeBy } = manifest.metadata;
  const claim = (text: string | undefined): string =>
    text === undefined ? 'not said' : `${escapeLine(text)} (as the maker claims)`;
  const made = [
    ...(madeAt === undefined ? [] : [when(madeAt)]),
    ...(madeBy === undefined ? [] : [`by ${madeBy}`]),
  ].join(' ');
  return [
    ...nameLines(node),
    ['host name', claim(hostname)],
    ['key from', claim(keySource)],
    ['made', claim(made === '' ? undefined : made)],
    ['signed by', signerName(opened, keyset)],
    ['bundle', `${toHex(sealed.digest)}, ${sealed.bytes.length} bytes sealed`],
    ['files', String(manifest.files.length)],
  ];
}

/** Prints what would change, and what deserves a second look. */
export function printReview(terminal: Terminal, node: NodeId, r: Review, session: Session): void {
  const { style } = terminal;
  for (const [label, text] of aboutLines(node, r.opened, session.keyset)) {
    terminal.print(`${style.dim(label.padEnd(10))} ${text}`);
  }
  terminal.print();
  for (const line of diffLines(r.view, style)) terminal.print(line);
  terminal.print();
  terminal.print(summary(r.view));
  warnings(terminal, r, session);
}

export function summary(view: DiffView): string {
  const of = (change: string): number => view.files.filter((f) => f.change === change).length;
  const parts = [
    `${count(of('added'), 'file')} added`,
    `${of('changed')} changed`,
    `${of('removed')} removed`,
    ...(view.metadata.length > 0 ? [`${count(view.metadata.length, 'setting')} changed`] : []),
  ];
  return parts.join(', ');
}

function warnings(terminal: Terminal, r: Review, session: Session): void {
  const executes = r.view.files.filter((file) => file.class === 'exec').length;
  if (executes > 0) terminal.warn(`${count(executes, 'file')} can execute something on the node`);
  const refused = r.view.files.filter(
    (file) => file.class === 'refused' && file.change !== 'removed',
  );
  if (refused.length > 0) {
    terminal.warn(
      `${count(refused.length, 'path')} that no node accepts: it will refuse the bundle`,
    );
  }
  if (r.opened.manifest.metadata.keySource === 'image') {
    terminal.warn('the key comes from the image: whoever has the image has the key of every node');
  }
  const expected = 1 + session.keyset.keys.length;
  if (r.opened.sealed.recipientCount !== expected) {
    terminal.warn(
      `sealed to ${r.opened.sealed.recipientCount} recipients instead of ${expected}: it was made under another keyset`,
    );
  }
}
