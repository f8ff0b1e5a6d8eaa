import { toHex } from '../../bundle/index.ts';
import type { FileEntry, NodeId } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import { codeOf, fail } from '../../protocol/errors.ts';
import type { History, HistoryEntry } from '../../protocol/history.ts';
import { classifyPath } from '../../protocol/paths.ts';
import type { Context } from '../context.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { findBundle, findNode, knownNodes, lookAt, onlyMatch, waiting } from '../find.ts';
import type { BundlePlace, NodeView } from '../find.ts';
import { openPlace } from '../opened.ts';
import type { Opened } from '../opened.ts';
import { lastReport, reportDocument, reportLine } from '../report.ts';
import { aboutLines, nameLines } from '../review.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import { statementDocument, statementLine } from '../statement-line.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

/** `coatcheck show NODE|DIGEST`: what is in force for a node, or one bundle, and the last report. */
export async function show(context: Context, text: string): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const { node, digest } = await whatIs(session, text);
  const seen = await lookAt(session, node);
  const { history } = seen;
  const place = placeOf(seen, digest);
  const opened = place && (await tryOpen(context, session, node, place));
  const report = await lastReport(session, node, opened);
  const entry = place?.where === 'history' ? place.entry : history.inForce;

  terminal.document({
    node,
    words: nodeWords(node),
    where: place?.where ?? 'nowhere',
    ...(place?.where === 'pending' || entry === undefined
      ? {}
      : { decision: { slot: entry.slot, ...statementDocument(entry.frame) } }),
    ...(opened === undefined ? {} : bundleDocument(opened)),
    ...(report === undefined ? {} : { report: reportDocument(report) }),
  });
  const about = opened ? aboutLines(node, opened, session.keyset) : nameLines(node);
  for (const [name, value] of about) terminal.print(`${label(terminal, name)} ${value}`);
  terminal.print(`${label(terminal, 'state')} ${state(place, entry, history)}`);
  terminal.print(`${label(terminal, 'report')} ${reportLine(report, history)}`);
  if (opened !== undefined) printContents(terminal, opened);
}

const label = (terminal: Terminal, name: string): string => terminal.style.dim(name.padEnd(10));

/** A bundle that is not sealed to this administrator has a decision and a report all the same. */
async function tryOpen(
  { terminal }: Context,
  session: Session,
  node: NodeId,
  place: BundlePlace,
): Promise<Opened | undefined> {
  try {
    return await openPlace(session, node, place);
  } catch (error) {
    if (place.where === 'pending' || codeOf(error) === 'internal') throw error;
    terminal.warn(`what is in the bundle cannot be shown (${codeOf(error)})`);
    return undefined;
  }
}

/** A node by id, its words or its beginning, or a digest of something that waits or its beginning. */
async function whatIs(session: Session, text: string): Promise<{ node: NodeId; digest?: string }> {
  if (/^[a-z2-7]{32}$|^[a-z]+ /.test(text)) return { node: await findNode(session, text) };
  const nodes = await knownNodes(session);
  const proposals = await waiting(session);
  const candidates = [...nodes, ...proposals.map((p) => p.digest)];
  const match: string = onlyMatch<string>('node or waiting proposal', text, candidates);
  const proposal = proposals.find((p) => p.digest === match);
  return proposal === undefined
    ? { node: match as NodeId }
    : { node: proposal.node, digest: proposal.digest };
}

function placeOf(seen: NodeView, digest: string | undefined): BundlePlace | undefined {
  const { node, history, pending } = seen;
  if (digest !== undefined) return findBundle(seen, digest);
  const bundle = history.inForce?.frame.bundle;
  if (bundle !== undefined) return findBundle(seen, toHex(bundle.digest));
  if (pending.length === 1) return findBundle(seen, undefined);
  if (history.head === undefined && pending.length === 0) {
    throw fail('not_found', `nothing is known about node ${node}`);
  }
  return undefined;
}

function state(
  place: BundlePlace | undefined,
  entry: HistoryEntry | undefined,
  history: History,
): string {
  if (place?.where === 'pending') return 'waits for a decision';
  if (entry === undefined) return 'nothing is in force';
  const inForce = entry === history.inForce ? 'in force' : 'not in force';
  return `${inForce}: ${statementLine(entry)}`;
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

function bundleDocument({ sealed, manifest }: Opened): Record<string, unknown> {
  return {
    bundle: {
      digest: toHex(sealed.digest),
      size: sealed.bytes.length,
      madeBy: sealed.kind,
      signer: toHex(sealed.signer),
      base: toHex(manifest.base),
      metadata: manifest.metadata,
      files: manifest.files.map((file) => ({
        path: file.path,
        mode: octal(file.mode),
        owner: file.owner,
        group: file.group,
        uid: file.uid,
        gid: file.gid,
        size: file.content.length,
        class: classifyPath(file.path) ?? 'refused',
      })),
    },
  };
}

function printContents(terminal: Terminal, { manifest }: Opened): void {
  const { style } = terminal;
  terminal.print();
  const rows = manifest.files.map((file: FileEntry) => [
    octal(file.mode),
    `${escapeLine(file.owner)}:${escapeLine(file.group)}`,
    String(file.content.length),
    kind(file.path, terminal),
    escapeLine(file.path),
  ]);
  for (const line of table([['MODE', 'OWNER', 'BYTES', 'CLASS', 'PATH'].map(style.dim), ...rows])) {
    terminal.print(line);
  }
  const { enable, disable, mask, timezone, swap, restart } = manifest.metadata;
  const settings = Object.entries({ enable, disable, mask, timezone, swap })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [
      name,
      escapeLine(Array.isArray(value) ? value.join(' ') : String(value)),
    ]);
  for (const [path, units] of Object.entries(restart ?? {})) {
    settings.push(['restart', escapeLine(`${units.join(' ')} when ${path} changes`)]);
  }
  for (const line of table(settings)) terminal.print(line);
}

function kind(path: string, { style }: Terminal): string {
  const pathClass = classifyPath(path);
  if (pathClass === 'exec') return style.yellow('EXEC');
  if (pathClass === 'secret') return style.yellow('secret');
  return pathClass ?? style.red('REFUSED');
}
