import { knownNodes } from '../../admin/find.ts';
import { doubtLess } from '../../admin/fleet.ts';
import { copiedEvidence, readEvidence } from '../../admin/evidence.ts';
import type { Evidence } from '../../admin/evidence.ts';
import { copiedRecords, doubtsOf, logView, readRecords } from '../../admin/log.ts';
import type { LogEntry, LogView } from '../../admin/log.ts';
import { proveKeysets, proveNode } from '../../admin/prove.ts';
import type { NodeProof } from '../../admin/prove.ts';
import { findNode } from '../../admin/select.ts';
import { bundleDigest, toHex } from '../../bundle/index.ts';
import type { NodeId } from '../../bundle/index.ts';
import { digestWords, nodeWords } from '../../bundle/words.ts';
import { createFile, exists } from '../../files/write.ts';
import { VERSION } from '../../functions/version.ts';
import { count } from '../../protocol/count.ts';
import { fail } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import type { Site } from '../../protocol/site.ts';
import { decidedBy } from '../../words/decisions.ts';
import { when } from '../../words/time.ts';
import { doubtText, warningText } from '../../words/warnings.ts';
import type { Context } from '../context.ts';
import { copiedBucket } from '../copied-bucket.ts';
import { readMemory } from '../memory.ts';
import { openSession } from '../session.ts';
import { readSite } from '../site-file.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

/** What the command line says of it. */
export interface LogFlags {
  readonly copy?: string;
  readonly html?: string;
}

/** `coatcheck log [NODE]`: every decision, verified, in the order of their times. */
export async function log(
  context: Context,
  nodeText: string | undefined,
  { copy, html }: LogFlags,
): Promise<void> {
  if (html !== undefined) {
    await logFile(context, nodeText, copy, html);
    return;
  }
  const view =
    copy === undefined
      ? await logOfStore(context, nodeText)
      : await logOfCopy(context, nodeText, copy);
  print(context.terminal, view);
}

async function logOfStore(context: Context, nodeText: string | undefined): Promise<LogView> {
  const session = await openSession(context);
  const nodes =
    nodeText === undefined
      ? // A record that was seen before and is gone is said to be.
        [...new Set([...(await knownNodes(session)), ...session.remembered.keys()])]
      : [await findNode(session, nodeText)];
  const read = (): ReturnType<typeof readRecords> => readRecords(session, nodes);
  return logView(
    await context.terminal.waiting(`reading the records of ${count(nodes.length, 'node')}`, read),
  );
}

async function logOfCopy(
  { terminal, home }: Context,
  nodeText: string | undefined,
  folder: string,
): Promise<LogView> {
  const site = await readSite(home);
  const bucket = await copiedBucket(folder);
  const memory = await readMemory(home.memoryFile, site);
  const now = Math.floor(Date.now() / 1000);
  const { records, doubts } = await copiedRecords(bucket, site, memory, isNamed(nodeText), now);
  demandOne(nodeText, records.length);
  for (const said of doubts) {
    terminal.warn(`${'node' in said ? `${said.node}: ` : ''}${doubtText(said)}`);
  }
  return logView(records);
}

const isNamed =
  (nodeText: string | undefined) =>
  (node: NodeId): boolean =>
    nodeText === undefined || node.startsWith(nodeText) || nodeWords(node) === nodeText;

/** @throws not_found where a node of a copy was named, and none or several are so */
function demandOne(nodeText: string | undefined, found: number): void {
  if (nodeText === undefined || found === 1) return;
  const what = found === 0 ? 'no node of the copy' : `${found} nodes of the copy`;
  throw fail('not_found', `${what} has the id, the beginning of one, or the words ${nodeText}`);
}

/** `coatcheck log --html FILE`: a page that verifies the record itself, in the browser of an auditor. */
async function logFile(
  context: Context,
  nodeText: string | undefined,
  copy: string | undefined,
  file: string,
): Promise<void> {
  const { terminal } = context;
  if (await exists(file)) throw fail('file_exists', `${file} exists already: name a new file`);
  const read = copy === undefined ? evidenceOfStore : evidenceOfCopy;
  const { evidence, site, tell } = await read(context, nodeText, copy ?? '');
  // What the page will say is said here as well, by the same module.
  const { trust } = proveKeysets(evidence, toHex(site.pinned.digest));
  const proofs = evidence.nodes.map((node) => proveNode(node, trust, evidence.read));
  for (const { node, junk } of proofs) {
    for (const { slot, code } of junk) {
      terminal.warn(`${node}: ${warningText({ code: 'junk_slot', slot, reason: code })}`);
    }
  }
  await tell(proofs);
  const { recordFile } = await import('../../web/record-file.tsx');
  const content = await recordFile(evidence);
  await createFile(file, content, 0o600);
  const sha256 = toHex(bundleDigest(content));
  const digest = toHex(site.pinned.digest);
  const decisions = proofs.reduce((sum, { entries }) => sum + entries.length, 0);
  terminal.document({
    ...{ file, sha256, keyset: digest, nodes: proofs.length, decisions },
    junk: logView(proofs).junk,
  });
  terminal.print(
    `wrote ${file}: ${count(decisions, 'decision')} about ${count(proofs.length, 'node')}`,
  );
  terminal.print(`its SHA-256: ${sha256}`);
  terminal.hint(
    `who opens it is told by another way than the file who the administrators are: the digest ${digest} of a keyset, or its words ${digestWords(site.pinned.digest)}`,
  );
}

/** What a page is made of, and what tells where the record contradicts what this tool has seen. */
interface ReadRecord {
  readonly evidence: Evidence;
  readonly site: Site;
  readonly tell: (proofs: readonly NodeProof[]) => Promise<void>;
}

async function evidenceOfStore(
  context: Context,
  nodeText: string | undefined,
): Promise<ReadRecord> {
  const session = await openSession(context);
  const node = nodeText === undefined ? undefined : await findNode(session, nodeText);
  const evidence = await context.terminal.waiting('reading the record', () =>
    readEvidence(session, node),
  );
  return {
    ...{ evidence, site: session.site },
    tell: async (proofs) => {
      for (const proof of proofs) await session.accept(proof.node, proof.history);
      if (node !== undefined) return;
      const highest = evidence.nodes.map(
        ({ node: one, slots }) => [one as NodeId, slots.at(-1)?.slot ?? 0] as const,
      );
      await doubtLess(session, new Map(highest));
    },
  };
}

async function evidenceOfCopy(
  { terminal, home }: Context,
  nodeText: string | undefined,
  folder: string,
): Promise<ReadRecord> {
  const site = await readSite(home);
  const bucket = await copiedBucket(folder);
  const memory = await readMemory(home.memoryFile, site);
  const read = Math.floor(Date.now() / 1000);
  const about = { site, program: `coatcheck ${VERSION}`, all: nodeText === undefined, read };
  const evidence = await copiedEvidence(bucket, about, isNamed(nodeText));
  demandOne(nodeText, evidence.nodes.length);
  return {
    ...{ evidence, site },
    tell: (proofs) => {
      const records = new Map(proofs.map(({ node, history }) => [node, history]));
      for (const said of doubtsOf(memory, records, isNamed(nodeText))) {
        terminal.warn(`${said.node}: ${doubtText(said)}`);
      }
      return Promise.resolve();
    },
  };
}

function print(terminal: Terminal, view: LogView): void {
  for (const { node, slot, code } of view.junk) {
    terminal.warn(`${node}: ${warningText({ code: 'junk_slot', slot, reason: code })}`);
  }
  terminal.document(view);
  const { style } = terminal;
  if (view.entries.length === 0) {
    terminal.hint('nothing was ever decided');
    return;
  }
  const head = ['WHEN', 'NODE', 'SEQ', 'DECISION', 'BY', 'BUNDLE', 'REASON'];
  const lines = table([head.map(style.dim), ...view.entries.map(rowOf)]);
  for (const line of lines) terminal.print(line);
  terminal.hint('* in force');
  if (view.begins.length > 0) {
    terminal.hint(
      `what was before it is not kept: the record of ${view.begins.join(', ')} begins later`,
    );
  }
}

function rowOf(entry: LogEntry): string[] {
  const { issued, node, seq, type, inForce, digest, reason, forgotten, expires, expired } = entry;
  return [
    ...[when(issued), node, String(seq), `${type}${inForce ? ' *' : ''}`],
    ...[escapeLine(decidedBy(entry)), digest.slice(0, 16)],
    [
      escapeLine(reason),
      ...(expires === undefined
        ? []
        : [`(${expired === true ? 'EXPIRED' : 'expires'} ${when(expires)})`]),
      ...(forgotten ? ['(contents forgotten)'] : []),
    ].join(' '),
  ];
}
