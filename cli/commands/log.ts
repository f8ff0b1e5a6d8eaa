import { knownNodes } from '../../admin/find.ts';
import { copiedRecords, logView, readRecords } from '../../admin/log.ts';
import type { LogEntry, LogView } from '../../admin/log.ts';
import { findNode } from '../../admin/select.ts';
import { nodeWords } from '../../bundle/words.ts';
import type { NodeId } from '../../bundle/index.ts';
import { count } from '../../protocol/count.ts';
import { fail } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
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

/** `coatcheck log [NODE]`: every decision, verified, in the order of their times. */
export async function log(
  context: Context,
  nodeText: string | undefined,
  { copy }: { readonly copy?: string },
): Promise<void> {
  const view =
    copy === undefined
      ? await logOfStore(context, nodeText)
      : await logOfCopy(context, nodeText, copy);
  print(context.terminal, view);
}

async function logOfStore(context: Context, nodeText: string | undefined): Promise<LogView> {
  const session = await openSession(context);
  const nodes =
    nodeText === undefined ? await knownNodes(session) : [await findNode(session, nodeText)];
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
  const wanted = (node: NodeId): boolean =>
    nodeText === undefined || node.startsWith(nodeText) || nodeWords(node) === nodeText;
  const now = Math.floor(Date.now() / 1000);
  const { records, doubts } = await copiedRecords(bucket, site, memory, wanted, now);
  if (nodeText !== undefined && records.length !== 1) {
    const what =
      records.length === 0 ? 'no node of the copy' : `${records.length} nodes of the copy`;
    throw fail('not_found', `${what} has the id, the beginning of one, or the words ${nodeText}`);
  }
  for (const said of doubts) {
    terminal.warn(`${'node' in said ? `${said.node}: ` : ''}${doubtText(said)}`);
  }
  return logView(records);
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
