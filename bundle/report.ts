import { fromUtf8, Reader, utf8, Writer } from './bytes.ts';
import { bundleError } from './errors.ts';
import { MAX_REPORT_BYTES } from './header.ts';
import type { SealedBundle } from './header.ts';
import { nodeIdBytes, nodeIdFromBytes } from './identity.ts';
import type { Identity, NodeId } from './identity.ts';
import { openBytes } from './open.ts';
import type { BoxKeys } from './open.ts';
import { sealBytes } from './seal.ts';
import { MAX_TIME } from './statement.ts';

/** What a node last applied, for the administrators' eyes. */
export interface Report {
  readonly node: NodeId;
  /** 16 bytes */
  readonly site: Uint8Array;
  /** Of the statement that the node acted on, 32 bytes */
  readonly statementDigest: Uint8Array;
  /** Unix seconds, by the node's clock */
  readonly time: number;
  /** At most 1,024 bytes of UTF-8; whoever prints it must escape it */
  readonly result: string;
  /** What its TPM vouches for (protocol/attestation.ts): 1 to 2,000 bytes */
  readonly attestation?: Uint8Array;
}

const MAX_RESULT_BYTES = 1024;
const MAX_ATTESTATION_BYTES = 2000;

/**
 * @param options.recipients the administrators' box keys, in the order of the keyset
 * @throws bad_field, bad_time, bad_recipient_count, bad_public_key
 */
export function sealReport(options: {
  report: Report;
  signer: Identity;
  recipients: readonly Uint8Array[];
}): Uint8Array {
  const { report, ...rest } = options;
  const { attestation } = report;
  const text = reportText(report);
  const plain =
    attestation === undefined
      ? text
      : new Writer().bytes(text).u16(attestation.length).bytes(attestation).finish();
  return sealBytes({ ...rest, plain, kind: 'report' });
}

/**
 * What a report says, but for the attestation, which is about it.
 * @throws bad_field, bad_time
 */
export function reportText(report: Report): Uint8Array {
  const result = utf8(report.result);
  checkReport(report, result.length);
  return new Writer()
    .bytes(nodeIdBytes(report.node))
    .bytes(report.site)
    .bytes(report.statementDigest)
    .u64(report.time)
    .u16(result.length)
    .bytes(result)
    .finish();
}

/**
 * @param sealed read with `expect: 'report'`
 * @throws as `openBundle`, and bad_field, bad_time, bad_encoding
 */
export function openReport(sealed: SealedBundle, keys: BoxKeys): Report {
  const reader = new Reader(openBytes(sealed, keys, MAX_REPORT_BYTES));
  const node = nodeIdFromBytes(reader.bytes(20));
  const site = reader.bytes(16);
  const statementDigest = reader.bytes(32);
  const time = reader.u64();
  const result = reader.bytes(reader.u16());
  const attestation = reader.remaining > 0 ? reader.bytes(reader.u16()) : undefined;
  reader.end();
  const report = {
    ...{ node, site, statementDigest, time, result: fromUtf8(result) },
    ...(attestation !== undefined && { attestation }),
  };
  checkReport(report, result.length);
  return report;
}

function checkReport(report: Report, resultBytes: number): void {
  if (report.site.length !== 16 || report.statementDigest.length !== 32) {
    throw bundleError('bad_field', 'a field of the report has a wrong size');
  }
  if (resultBytes > MAX_RESULT_BYTES) {
    throw bundleError('bad_field', `the result of a report has at most ${MAX_RESULT_BYTES} bytes`);
  }
  const { length } = report.attestation ?? { length: 1 };
  if (length < 1 || length > MAX_ATTESTATION_BYTES) {
    throw bundleError(
      'bad_field',
      `the attestation of a report has 1 to ${MAX_ATTESTATION_BYTES} bytes`,
    );
  }
  if (!Number.isInteger(report.time) || report.time < 0 || report.time > MAX_TIME) {
    throw bundleError('bad_time', 'the time of a report is in unix seconds, up to the year 9999');
  }
}
