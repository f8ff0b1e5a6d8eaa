import { toHex } from '../../bundle/index.ts';
import type { NodeId, Statement } from '../../bundle/index.ts';
import { codeOf } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES, verifyEntry } from '../../protocol/history.ts';
import type { Context } from '../context.ts';
import { escapeLine } from '../../protocol/escape.ts';
import type { Site } from '../../protocol/site.ts';
import { openSession } from '../session.ts';
import type { ReadObject } from '../session.ts';
import { decidedBy } from '../statement-line.ts';
import { table } from '../table.ts';
import { when } from '../time.ts';

/** `coatcheck list`: every node that something is in force for. */
export async function list(context: Context): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const nodes = await terminal.waiting('reading what is in force', async () => {
    const listed = new Map<string, NodeId>();
    for await (const { key, parsed } of session.list('approved')) {
      if (parsed.prefix === 'approved') listed.set(key, parsed.node);
    }
    const found = [];
    for await (const object of session.readEach([...listed.keys()], MAX_ENTRY_BYTES)) {
      found.push(shown(session.site, listed.get(object.key)!, object));
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

function shown(site: Site, node: NodeId, object: ReadObject): ListRow {
  const { bytes } = object;
  if (object.error !== undefined) return { node, by: '', problem: object.error.code };
  if (bytes === undefined) return { node, by: '', problem: 'not_found' };
  try {
    const frame = verifyEntry(bytes, site, node);
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
