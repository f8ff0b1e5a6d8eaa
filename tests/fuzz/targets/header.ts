import { sha256 } from '#platform';
import { concat } from '../../../bundle/bytes.ts';
import {
  encodePrefix,
  MAX_SEALED_BYTES,
  PREFIX_BYTES,
  readBundle,
} from '../../../bundle/header.ts';
import { sealBundle } from '../../../bundle/seal.ts';
import { sealReport } from '../../../bundle/report.ts';
import { ada, manifestOf, node, SITE } from '../../fixtures/format.ts';
import { resignBundle } from '../engine/resign.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameBytes, verdict } from '../engine/verdict.ts';
import { vectors } from '../engine/vectors.ts';

const RESIGN = 1;
const REPORT = 2;

const recipients = [node.boxKey, ada.boxKey];
const report = sealReport({
  ...{ signer: node, recipients },
  report: { node: node.id, site: SITE, statementDigest: new Uint8Array(32), time: 1, result: 'ok' },
});
const bundle = sealBundle({ manifest: manifestOf(), signer: node, kind: 'node', recipients });

/**
 * What a server reads of a sealed bundle, signed by the fuzzer or not. What is taken has the header
 * that its fields are written as, and no byte of it can be changed without another signature.
 * The first byte: 1 to sign, 2 to expect a report.
 */
export const target: Target = {
  run(input) {
    const flags = input[0] ?? 0;
    const bytes = flags & RESIGN ? resignBundle(input.subarray(1)) : input.subarray(1);
    const expect = flags & REPORT ? 'report' : 'proposal';
    return verdict(() => {
      const read = readBundle(bytes, { maxBytes: MAX_SEALED_BYTES, expect });
      const { kind, recipientCount, signer, dictionary } = read;
      const ephemeral = bytes.subarray(40, 72);
      const prefix = encodePrefix({ kind, recipientCount, signer, dictionary, ephemeral });
      sameBytes(prefix, bytes.subarray(0, PREFIX_BYTES), 'header');
      sameBytes(read.digest, sha256(bytes), 'digest');
      demand((kind === 'report') === (expect === 'report'), 'it is not what was expected');
      const other = bytes.slice();
      other[other.length - 1 - (flags % bytes.length)]! ^= 1;
      const code = verdict(() => {
        readBundle(other, { maxBytes: MAX_SEALED_BYTES, expect });
        return 'ok';
      });
      demand(code !== 'ok', 'a changed byte was not noticed');
      return `ok ${kind}`;
    });
  },
  seeds: [
    ...vectors('proposal').map((bytes) => concat(Uint8Array.of(RESIGN), bytes)),
    ...vectors('report').map((bytes) => concat(Uint8Array.of(RESIGN | REPORT), bytes)),
    ...[0, RESIGN].map((flags) => concat(Uint8Array.of(flags), bundle)),
    concat(Uint8Array.of(REPORT), report),
  ],
  limits: { maxBytes: 2048, work: [2000, 100], allocated: [16_384, 16] },
};
