import { Writer, utf8 } from '../../../bundle/bytes.ts';
import { MAX_REPORT_BYTES, readBundle } from '../../../bundle/header.ts';
import { nodeIdBytes } from '../../../bundle/identity.ts';
import { openReport } from '../../../bundle/report.ts';
import { pad } from '../../../bundle/padding.ts';
import { ada, node, SITE } from '../../fixtures/format.ts';
import { createSealer, stored } from '../engine/sealer.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameBytes, verdict } from '../engine/verdict.ts';

const seal = createSealer('report', node, [ada.boxKey]);

const attested = new Writer().u16(3).u8(1).u16(2).finish();
const write = (
  time: number,
  result: string,
  attestation: Uint8Array = new Uint8Array(),
): Uint8Array =>
  new Writer()
    .bytes(nodeIdBytes(node.id))
    .bytes(SITE)
    .bytes(new Uint8Array(32).fill(1))
    .u64(time)
    .u16(utf8(result).length)
    .bytes(utf8(result))
    .bytes(attestation)
    .finish();

/** A report's contents, sealed by the fuzzer: what is read is what is written. */
export const target: Target = {
  run: (input) =>
    verdict(() => {
      const sealed = readBundle(seal(pad(stored(input)), 0), {
        maxBytes: MAX_REPORT_BYTES,
        expect: 'report',
      });
      const report = openReport(sealed, ada);
      const result = utf8(report.result);
      const again = new Writer()
        .bytes(nodeIdBytes(report.node))
        .bytes(report.site)
        .bytes(report.statementDigest)
        .u64(report.time)
        .u16(result.length)
        .bytes(result);
      const { attestation } = report;
      if (attestation !== undefined) again.u16(attestation.length).bytes(attestation);
      sameBytes(again.finish(), input);
      demand((attestation?.length ?? 1) - 1 < 2000, 'an attestation is too long, or empty');
      demand(result.length <= 1024, 'a result is too long');
      return 'ok';
    }),
  seeds: [write(1_795_500_000, 'applied'), write(0, '', attested), write(1, 'ü\0\x1b[2J')],
  limits: { maxBytes: 3000, work: [4000, 50], allocated: [32_768, 64] },
};
