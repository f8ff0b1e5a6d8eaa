import { toHex } from '../../bundle/index.ts';
import type { NodeId, Statement } from '../../bundle/index.ts';
import { codeOf } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES, verifyEntry } from '../../protocol/history.ts';
import type { Context } from '../context.ts';
import { diffLines } from '../diff-view.ts';
import { escapeLine } from '../escape.ts';
import { findBundle, findNode, waiting } from '../find.ts';
import type { Waiting } from '../find.ts';
import { openPlace } from '../opened.ts';
import { openInForce, review, summary } from '../review.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import { decidedBy, statementDocument } from '../statement-line.ts';
import { table } from '../table.ts';
import { when } from '../time.ts';

/** `coatcheck pending`: what waits for a decision, of all nodes. */
export async function pending(context: Context): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const proposals = await terminal.waiting('looking for proposals', async () => {
    const found = [];
    for (const proposal of await waiting(session)) found.push(await about(session, proposal));
    return found;
  });
  terminal.document({ pending: proposals });
  if (proposals.length === 0) {
    terminal.hint('nothing waits');
    return;
  }
  const rows = proposals.map((p) => [
    p.node,
    p.digest.slice(0, 16),
    when(p.modified),
    `${p.size}`,
    p.problem === undefined
      ? escapeLine(p.hostname ?? '-')
      : terminal.style.red(`does not verify: ${p.problem}`),
  ]);
  const head = ['NODE', 'DIGEST', 'SINCE', 'BYTES', 'HOST NAME (CLAIMED)'];
  for (const line of table([head.map(terminal.style.dim), ...rows])) terminal.print(line);
  terminal.hint('coatcheck diff NODE shows what would change; coatcheck approve NODE decides');
}

interface PendingRow {
  readonly node: NodeId;
  readonly digest: string;
  readonly size: number;
  readonly modified: number;
  readonly madeBy?: 'node' | 'admin';
  readonly hostname?: string;
  readonly keySource?: string;
  /** the error code, for what cannot be opened */
  readonly problem?: string;
}

async function about(session: Session, proposal: Waiting): Promise<PendingRow> {
  const { node, digest, size, modified, key } = proposal;
  const row = { node, digest, size, modified };
  try {
    const { sealed, manifest } = await openPlace(session, node, { where: 'pending', digest, key });
    const { hostname, keySource } = manifest.metadata;
    return {
      ...row,
      madeBy: sealed.kind === 'admin' ? 'admin' : 'node',
      ...(hostname === undefined ? {} : { hostname }),
      ...(keySource === undefined ? {} : { keySource }),
    };
  } catch (error) {
    return { ...row, problem: codeOf(error) };
  }
}

/** `coatcheck list`: every node that something is in force for. */
export async function list(context: Context): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const nodes = await terminal.waiting('reading what is in force', async () => {
    const found = [];
    for await (const { key, parsed } of session.list('approved')) {
      if (parsed.prefix === 'approved') found.push(await shown(session, parsed.node, key));
    }
    return found;
  });
  terminal.document({ nodes });
  if (nodes.length === 0) {
    terminal.hint('nothing is in force for any node');
    return;
  }
  const rows = nodes.map(({ node, statement, by, problem }) =>
    statement === undefined
      ? [node, terminal.style.red(`does not verify: ${problem ?? ''}`)]
      : [
          node,
          statement.type,
          String(statement.seq),
          when(statement.issued),
          escapeLine(by),
          statement.expires === undefined ? '-' : when(statement.expires),
          escapeLine(statement.reason),
        ],
  );
  const head = ['NODE', 'IN FORCE', 'SEQ', 'SINCE', 'BY', 'EXPIRES', 'REASON'];
  for (const line of table([head.map(terminal.style.dim), ...rows])) terminal.print(line);
}

interface ListRow {
  readonly node: NodeId;
  readonly by: string;
  readonly statement?: Pick<Statement, 'type' | 'seq' | 'issued' | 'expires' | 'reason'>;
  /** digest of the bundle in force */
  readonly bundle?: string;
  /** the error code, for what does not verify */
  readonly problem?: string;
}

async function shown(session: Session, node: NodeId, key: string): Promise<ListRow> {
  try {
    const bytes = (await session.read([key], MAX_ENTRY_BYTES)).get(key);
    if (bytes === undefined) return { node, by: '', problem: 'not_found' };
    const frame = verifyEntry(bytes, session.site, node);
    const { type, seq, issued, expires, reason } = frame.statement;
    return {
      node,
      statement: { type, seq, issued, ...(expires === undefined ? {} : { expires }), reason },
      by: decidedBy(frame),
      ...(frame.bundle === undefined ? {} : { bundle: toHex(frame.bundle.digest) }),
    };
  } catch (error) {
    return { node, by: '', problem: codeOf(error) };
  }
}

/** `coatcheck diff NODE [DIGEST]`: what would change for a node. */
export async function diff(
  context: Context,
  nodeText: string,
  digestText: string | undefined,
  options: { readonly showSecrets?: boolean; readonly stat?: boolean },
): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const node = await findNode(session, nodeText);
  const history = await session.history(node);
  const place = await findBundle(session, node, history, digestText);
  const opened = await openPlace(session, node, place);
  const inForce = openInForce(session, terminal, node, history);
  const { view, fresh } = review(session, history, inForce, opened, {
    showSecrets: options.showSecrets === true,
    stat: options.stat === true,
  });
  for (const line of diffLines(view, terminal.style)) terminal.print(line);
  terminal.hint(summary(view));
  if (place.where === 'pending' && !fresh) {
    terminal.warn('this proposal was made before what is in force now');
  }
  terminal.document({ node, digest: place.digest, where: place.where, fresh, ...view });
}

/** `coatcheck history NODE`: every decision about a node, verified. */
export async function history(context: Context, nodeText: string): Promise<void> {
  const { terminal } = context;
  const { style } = terminal;
  const session = await openSession(context);
  const node = await findNode(session, nodeText);
  const { entries, junk, inForce } = await session.history(node);
  const [first] = entries;
  const isWhole = first === undefined || first.frame.statement.prev.every((byte) => byte === 0);
  terminal.document({
    node,
    entries: entries.map((entry) => ({
      slot: entry.slot,
      ...statementDocument(entry.frame),
      inForce: entry === inForce,
      forgotten: entry.forgotten,
    })),
    junk,
    isWhole,
  });
  if (first === undefined) {
    terminal.hint(`nothing was ever decided about ${node}`);
    return;
  }
  const rows = entries.map((entry) => {
    const { type, seq, issued, expires, reason, digest } = entry.frame.statement;
    return [
      String(entry.slot),
      String(seq),
      entry === inForce ? style.green(`${type} *`) : type,
      when(issued),
      escapeLine(decidedBy(entry.frame)),
      toHex(digest).slice(0, 16),
      [
        escapeLine(reason),
        ...(expires === undefined ? [] : [`(expires ${when(expires)})`]),
        ...(entry.forgotten ? ['(contents forgotten)'] : []),
      ].join(' '),
    ];
  });
  const head = ['SLOT', 'SEQ', 'DECISION', 'WHEN', 'BY', 'BUNDLE', 'REASON'];
  for (const line of table([head.map(style.dim), ...rows])) terminal.print(line);
  terminal.hint('* in force');
  if (!isWhole) {
    terminal.hint(`the record begins at slot ${first.slot}: what was before it is not kept`);
  }
}
