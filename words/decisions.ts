import type { StatementView } from '../admin/views/statement.ts';
import type { StatementType } from '../bundle/index.ts';
import { escapeLine } from '../protocol/escape.ts';
import { when } from './time.ts';

/** Who decided, by the names of the keyset. */
export function decidedBy({ self, decidedBy: names }: StatementView): string {
  return self ? 'the node itself' : names.join(', ');
}

/** What is signed, where a sentence speaks of it as a thing. */
export const STATEMENT_NOUNS: Readonly<Record<StatementType, string>> = {
  approve: 'approval',
  reject: 'rejection',
  rollback: 'rollback',
  reconfigure: 'order to reconfigure',
  revoke: 'revocation',
};

/** One decision in a line of text for the terminal. */
export function statementLine(statement: StatementView): string {
  const { type, seq, issued, reason, expires, expired } = statement;
  return [
    `${type} (seq ${seq}) by ${escapeLine(decidedBy(statement))}, ${when(issued)}`,
    ...(expires === undefined ? [] : [`${expired ? 'EXPIRED' : 'expires'} ${when(expires)}`]),
    ...(reason === '' ? [] : [`"${escapeLine(reason)}"`]),
  ].join(', ');
}
