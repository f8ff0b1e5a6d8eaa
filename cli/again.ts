import { equalBytes } from '../bundle/index.ts';
import type { NodeId } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { escapeLine } from '../protocol/escape.ts';
import type { History, HistoryEntry } from '../protocol/history.ts';
import { statementLine } from './statement-line.ts';
import type { Terminal } from './terminal.ts';

/** The revoke in force, if there is one. */
function revokeInForce({ inForce }: Pick<History, 'inForce'>): HistoryEntry | undefined {
  return inForce?.frame.statement.type === 'revoke' ? inForce : undefined;
}

/** Says before an approval that it ends a revoke. */
export function warnOfRevoke(terminal: Terminal, history: Pick<History, 'inForce'>): void {
  const revoke = revokeInForce(history);
  if (revoke === undefined) return;
  const { seq, reason } = revoke.frame.statement;
  terminal.warn(
    `this node is revoked (seq ${seq}, reason "${escapeLine(reason)}"): approving lets it apply a configuration again`,
  );
}

/**
 * Approving a bundle of the history renews what is in force, or is refused: to go back to an older
 * one, or behind a revoke, is a rollback, and must not happen by a digest that was mistyped.
 * @param entry the newest that carries the bundle
 * @throws stale_base unless `anyway`
 */
export function demandRenewal(
  terminal: Terminal,
  node: NodeId,
  history: Pick<History, 'inForce'>,
  entry: HistoryEntry,
  options: { readonly anyway: boolean },
): void {
  const { inForce } = history;
  const [bundle, current] = [entry.frame.bundle, inForce?.frame.bundle];
  if (inForce && bundle && current && equalBytes(bundle.digest, current.digest)) {
    terminal.print(`this renews what is in force: ${statementLine(inForce)}`);
    if (inForce.frame.statement.type === 'reconfigure') {
      terminal.warn('approving it takes the reconfigure back');
    }
    return;
  }
  const { type, seq } = entry.frame.statement;
  const now = inForce?.frame.statement;
  const stale = `this bundle is of an older decision (${type}, seq ${seq}), and ${now?.type ?? 'nothing'} (seq ${now?.seq ?? 0}) is in force`;
  if (!options.anyway) {
    throw fail(
      'stale_base',
      `${stale}: coatcheck rollback ${node} ${entry.slot} goes back to it, --anyway approves it all the same`,
    );
  }
  terminal.warn(stale);
  warnOfRevoke(terminal, history);
}
