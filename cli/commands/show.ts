import { equalBytes, MAX_REPORT_BYTES, openReport, readBundle, toHex } from '../../bundle/index.ts';
import type { FileEntry, NodeId, Report } from '../../bundle/index.ts';
import { codeOf, fail } from '../../protocol/errors.ts';
import type { History, HistoryEntry } from '../../protocol/history.ts';
import { reportKey } from '../../protocol/keys.ts';
import { classifyPath } from '../../protocol/paths.ts';
import type { Context } from '../context.ts';
import { escapeLine } from '../escape.ts';
import { findBundle, knownNodes, onlyMatch, waiting } from '../find.ts';
import type { BundlePlace } from '../find.ts';
import { openPlace } from '../opened.ts';
import type { Opened } from '../opened.ts';
import { aboutLines } from '../review.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import { statementDocument, statementLine } from '../statement-line.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { when } from '../time.ts';

/** `coatcheck show NODE|DIGEST`: what is in force for a node, or one bundle, and the last report. */
export async function show(context: Context, text: string): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const { node, digest } = await whatIs(session, text);
  const history = await session.history(node);
  const place = await placeOf(session, node, history, digest);
  const opened = place && (await openPlace(session, node, place));
  const report = await lastReport(session, node, opened);
  const entry = place?.where === 'history' ? place.entry : history.inForce;

  terminal.document({
    node,
    where: place?.where ?? 'nowhere',
    ...(place?.where === 'pending' || entry === undefined
      ? {}
      : { decision: { slot: entry.slot, ...statementDocument(entry.frame) } }),
    ...(opened === undefined ? {} : bundleDocument(opened)),
    ...(report === undefined ? {} : { report: reportDocument(report) }),
  });
  if (opened === undefined) terminal.print(`${label(terminal, 'node')} ${node}`);
  else {
    for (const [name, value] of aboutLines(node, opened, session.keyset)) {
      terminal.print(`${label(terminal, name)} ${value}`);
    }
  }
  terminal.print(`${label(terminal, 'state')} ${state(place, entry, history)}`);
  terminal.print(`${label(terminal, 'report')} ${reportLine(report, history)}`);
  if (opened !== undefined) printContents(terminal, opened);
}

const label = (terminal: Terminal, name: string): string => terminal.style.dim(name.padEnd(10));

/** A node by id or its beginning, or a digest of something that waits or its beginning. */
async function whatIs(session: Session, text: string): Promise<{ node: NodeId; digest?: string }> {
  if (/^[a-z2-7]{32}$/.test(text)) return { node: text as NodeId };
  const nodes = await knownNodes(session);
  const proposals = await waiting(session);
  const candidates = [...nodes, ...proposals.map((p) => p.digest)];
  const match: string = onlyMatch<string>('node or waiting proposal', text, candidates);
  const proposal = proposals.find((p) => p.digest === match);
  return proposal === undefined
    ? { node: match as NodeId }
    : { node: proposal.node, digest: proposal.digest };
}

async function placeOf(
  session: Session,
  node: NodeId,
  history: History,
  digest: string | undefined,
): Promise<BundlePlace | undefined> {
  if (digest !== undefined) return findBundle(session, node, history, digest);
  const bundle = history.inForce?.frame.bundle;
  if (bundle !== undefined) return findBundle(session, node, history, toHex(bundle.digest));
  const only = await waiting(session, node);
  if (only.length === 1) return findBundle(session, node, history, undefined);
  if (history.head === undefined && only.length === 0) {
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

/** The node's last report, if it is this node's; a broken one is named, never shown. */
async function lastReport(
  session: Session,
  node: NodeId,
  opened: Opened | undefined,
): Promise<Report | { problem: string } | undefined> {
  try {
    const key = reportKey(node);
    const bytes = (await session.read([key], MAX_REPORT_BYTES)).get(key);
    if (bytes === undefined) return undefined;
    const sealed = readBundle(bytes, { maxBytes: MAX_REPORT_BYTES, expect: 'report' });
    const signKey = opened?.manifest.node.signKey;
    if (signKey !== undefined && !equalBytes(sealed.signer, signKey)) {
      throw fail('bad_signer', 'the report is signed by another key');
    }
    const report = openReport(sealed, session.identity);
    if (report.node !== node) throw fail('not_this_node', 'the report is about another node');
    if (!equalBytes(report.site, session.site.id)) throw fail('wrong_site', 'of another site');
    return report;
  } catch (error) {
    return { problem: codeOf(error) };
  }
}

function reportDocument(report: Report | { problem: string }): Record<string, unknown> {
  if ('problem' in report) return report;
  const { time, result, statementDigest } = report;
  return { time, result, statementDigest: toHex(statementDigest) };
}

function reportLine(report: Report | { problem: string } | undefined, history: History): string {
  if (report === undefined) return 'none';
  if ('problem' in report) return `there is one that does not verify (${report.problem})`;
  const about = history.entries.find(({ frame }) =>
    equalBytes(frame.statementDigest, report.statementDigest),
  );
  const what =
    about === undefined
      ? 'a decision that is not in the record'
      : `seq ${about.frame.statement.seq}`;
  return `${escapeLine(report.result)} at ${when(report.time)} (the node's clock), about ${what}`;
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
