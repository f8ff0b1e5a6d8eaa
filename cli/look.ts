import { lookAt } from '../admin/find.ts';
import type { Standing } from '../admin/find.ts';
import type { NodeRecord } from '../admin/record.ts';
import type { Session } from '../admin/session.ts';
import type { NodeId } from '../bundle/index.ts';
import type { Terminal } from './terminal.ts';
import { warningText } from './words.ts';

/** What waits for a node and what was decided, with what in it should worry a person. */
export async function look(session: Session, terminal: Terminal, node: NodeId): Promise<Standing> {
  const standing = await lookAt(session, node);
  warnOf(terminal, standing.history);
  return standing;
}

/** What was decided about a node, with what in it should worry a person. */
export async function record(
  session: Session,
  terminal: Terminal,
  node: NodeId,
  keeps?: (slot: number) => boolean,
): Promise<NodeRecord> {
  const history = await session.history(node, keeps);
  warnOf(terminal, history);
  return history;
}

function warnOf(terminal: Terminal, { warnings }: NodeRecord): void {
  for (const warning of warnings) terminal.warn(warningText(warning));
}
