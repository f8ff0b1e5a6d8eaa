import { toHex } from '../bundle/index.ts';
import type { ReportView } from '../admin/views/report.ts';
import { isSealedToOthers } from '../admin/views/status.ts';
import { escapeLine } from '../protocol/escape.ts';
import type { History } from '../protocol/history.ts';
import { attestedText } from './attested.ts';
import { NOT_SEALED_TO_YOU } from './status.ts';
import { when } from './time.ts';

/** A node's last report in a line, and which decision it is about. */
export function reportLine(
  report: ReportView | undefined,
  { entries }: Pick<History, 'entries'>,
): string {
  if (report === undefined) return 'none';
  if ('unreachable' in report) return `unreachable (${report.unreachable})`;
  if ('problem' in report && isSealedToOthers(report.problem)) return NOT_SEALED_TO_YOU;
  if ('problem' in report) return `there is one that does not verify (${report.problem})`;
  const about = entries.find(
    ({ frame }) => toHex(frame.statementDigest) === report.statementDigest,
  );
  const what =
    about === undefined
      ? 'a decision that is not in the record'
      : `seq ${about.frame.statement.seq}`;
  return `${escapeLine(report.result)} at ${when(report.time)} (the node's clock), about ${what}`;
}

/** What vouches for a node's last report, in a line; undefined where nothing does. */
export const vouchedLine = (report: ReportView | undefined): string | undefined =>
  report !== undefined && 'attested' in report ? attestedText(report.attested) : undefined;
