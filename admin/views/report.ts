import { equalBytes, MAX_REPORT_BYTES, readBundle, toHex } from '../../bundle/index.ts';
import type { NodeId, Report } from '../../bundle/index.ts';
import { codeOf, fail, hasCode, mayPass } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { reportKey } from '../../protocol/keys.ts';
import { attestedReport, attestedView } from '../attested.ts';
import type { ApprovedTpm, AttestedView } from '../attested.ts';
import { isUnreadable } from '../open.ts';
import type { OpenedBundle } from '../open.ts';
import type { Session } from '../session.ts';

/**
 * What a node last said of itself; or the code of why that does not verify, and is never shown then; or
 * of why the store did not give it, so that nobody knows whether there is one.
 */
export type ReportView =
  | {
      /** unix seconds, by the node's clock */
      readonly time: number;
      /** what came of it, in the node's words */
      readonly result: string;
      /** the decision that it acted on, 64 hex digits */
      readonly statementDigest: string;
      /** what its TPM vouches for; absent where nothing vouches */
      readonly attested?: AttestedView;
    }
  | { readonly problem: ErrorCode }
  | { readonly unreachable: ErrorCode };

/**
 * The node's last report; undefined if there is none.
 * @param opened a bundle of the node, whose key then must have signed the report too
 * @param approved the TPM that was approved for it, where one was
 * @throws what the key throws
 */
export async function lastReport(
  session: Session,
  node: NodeId,
  opened: OpenedBundle | undefined,
  approved?: ApprovedTpm,
): Promise<ReportView | undefined> {
  try {
    const bytes = await session.read(reportKey(node), MAX_REPORT_BYTES);
    if (bytes === undefined) return undefined;
    const { report, signer } = await openNodeReport(session, node, bytes);
    const signKey = opened?.manifest.node.signKey;
    if (signKey !== undefined && !equalBytes(signer, signKey)) {
      throw fail('bad_signer', 'the report is signed by another key');
    }
    const { time, result, statementDigest } = report;
    const facts = await attestedReport(session.site, report);
    return {
      ...{ time, result, statementDigest: toHex(statementDigest) },
      ...(facts && { attested: attestedView(facts, approved) }),
    };
  } catch (error) {
    const code = codeOf(error);
    if (mayPass(code)) return { unreachable: code };
    if (isUnreadable(error) || hasCode(error, 'wrong_site')) return { problem: code };
    throw error;
  }
}

/**
 * A report that was read: that it is about this node and site is checked, and its signature; whose key
 * the signer's is, a bundle of the node tells.
 * @throws not_this_node, wrong_site, not_a_recipient, any code of the format
 */
export async function openNodeReport(
  session: Pick<Session, 'key' | 'site'>,
  node: NodeId,
  bytes: Uint8Array,
): Promise<{ readonly report: Report; readonly signer: Uint8Array }> {
  const sealed = readBundle(bytes, { maxBytes: MAX_REPORT_BYTES, expect: 'report' });
  const report = await session.key.open.report(sealed);
  if (report.node !== node) throw fail('not_this_node', 'the report is about another node');
  if (!equalBytes(report.site, session.site.id)) throw fail('wrong_site', 'of another site');
  return { report, signer: sealed.signer };
}
