import { equalBytes, MAX_REPORT_BYTES, openReport, readBundle, toHex } from '../bundle/index.ts';
import type { NodeId, Report } from '../bundle/index.ts';
import { codeOf, fail } from '../protocol/errors.ts';
import type { History } from '../protocol/history.ts';
import { reportKey } from '../protocol/keys.ts';
import { escapeLine } from '../protocol/escape.ts';
import type { Opened } from './opened.ts';
import type { Session } from './session.ts';
import { when } from './time.ts';

/** A report, or the error code of one that does not verify. */
export type LastReport = Report | { readonly problem: string };

/** The node's last report, if it is this node's; a broken one is named, never shown. */
export async function lastReport(
  session: Session,
  node: NodeId,
  opened: Opened | undefined,
): Promise<LastReport | undefined> {
  try {
    const key = reportKey(node);
    const bytes = await session.read(key, MAX_REPORT_BYTES);
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

export function reportDocument(report: LastReport): Record<string, unknown> {
  if ('problem' in report) return report;
  const { time, result, statementDigest } = report;
  return { time, result, statementDigest: toHex(statementDigest) };
}

export function reportLine(report: LastReport | undefined, history: History): string {
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
