import { lookAt } from '../admin/find.ts';
import type { Standing } from '../admin/find.ts';
import type { NodeRecord } from '../admin/record.ts';
import type { Session } from '../admin/session.ts';
import { takeBackOwn } from '../admin/take-back.ts';
import type { NodeId } from '../bundle/index.ts';
import type { Terminal } from './terminal.ts';
import { when } from '../words/time.ts';
import { warningText } from '../words/warnings.ts';

/** What waits for a node and what was decided, with what in it should worry a person. */
export async function look(session: Session, terminal: Terminal, node: NodeId): Promise<Standing> {
  const standing = await lookAt(session, node);
  warnOf(terminal, standing.history);
  return standing;
}

/**
 * {@link look}, before a decision: what this administrator uploaded for one that is not recorded is
 * taken back, and named.
 * @param wanted the digest, or its beginning, of what is to be decided: that one stays
 */
export async function lookToDecide(
  session: Session,
  terminal: Terminal,
  node: NodeId,
  wanted?: string,
  keeps?: (slot: number) => boolean,
): Promise<Standing> {
  const found = await lookAt(session, node, keeps);
  warnOf(terminal, found.history);
  const { standing, takenBack } = await takeBackOwn(session, found, wanted);
  for (const { digest, modified } of takenBack) {
    terminal.warn(
      `took back ${digest}, which you uploaded ${when(modified)} for a decision that is not recorded`,
    );
  }
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
