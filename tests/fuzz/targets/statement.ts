import { concat } from '../../../bundle/bytes.ts';
import { SELF_INDEX } from '../../../bundle/signatures.ts';
import {
  decodeSignedStatement,
  encodeSignedStatement,
  signStatement,
  signStatementAsNode,
  statementDigest,
  verifyStatement,
} from '../../../bundle/statement.ts';
import type { SignedStatement } from '../../../bundle/statement.ts';
import { nodeIdOf } from '../../../bundle/identity.ts';
import { ada, adminKey, grace, keysetOf, node, robot, statementOf } from '../../fixtures/format.ts';
import { resignStatement } from '../engine/resign.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameBytes, verdict } from '../engine/verdict.ts';
import { vectors } from '../engine/vectors.ts';

const keyset = keysetOf({
  threshold: 2,
  keys: [adminKey('ada', ada), adminKey('grace', grace), adminKey('robot', robot, 'first')],
});
const { keys } = keyset;

/** The rules of docs/format.md, "Statement", once more. */
function isDecided({ statement, signatures }: SignedStatement, approval: string): boolean {
  if (statement.keysetVersion !== keyset.version) return false;
  if (Buffer.compare(statement.site, keyset.site) !== 0) return false;
  const self = signatures.find((entry) => 'self' in entry);
  if (self !== undefined) {
    const isAlone = signatures.length === 1 && statement.type === 'approve';
    return approval === 'none' && isAlone && nodeIdOf(self.self) === statement.node;
  }
  const indexes = signatures.map((entry) => ('keyIndex' in entry ? entry.keyIndex : SELF_INDEX));
  const isFirst =
    statement.type === 'approve' && statement.seq === 1 && statement.prev.every((b) => b === 0);
  return (
    indexes.every((i) => i < keys.length && (isFirst || keys[i]!.may === 'all')) &&
    new Set(indexes).size >= keyset.threshold
  );
}

const flagged = (flags: number, signed: SignedStatement): Uint8Array =>
  concat(Uint8Array.of(flags), encodeSignedStatement(signed));
const both = signStatement(statementOf(), ada, 0);

/**
 * A statement that is read is written again as it was. Signed by the fuzzer, it is decided exactly
 * if the rules say so. The first byte: 1 to sign, 2 for the policy `approval: none`.
 */
export const target: Target = {
  run(input) {
    const flags = input[0] ?? 0;
    const bytes = input.subarray(1);
    const approval = flags & 2 ? 'none' : 'required';
    return verdict(() => {
      const read = decodeSignedStatement(bytes);
      sameBytes(encodeSignedStatement(read), bytes);
      sameBytes(read.digest, statementDigest(read.statement), 'digest');
      const signed = flags & 1 ? resignStatement(read, keyset) : read;
      const outcome = verdict(() => {
        const { signers, self } = verifyStatement(signed, keyset, { approval });
        return `decided ${signers.length} ${self}`;
      });
      const isDecidedByUs = outcome.startsWith('decided');
      const expected = isDecided(signed, approval);
      demand(!isDecidedByUs || expected, 'decided, against the rules');
      demand(
        (flags & 1) === 0 || isDecidedByUs === expected,
        'not decided, although the rules are kept',
      );
      return `ok ${outcome}`;
    });
  },
  seeds: [
    ...vectors(['statement', 'verify-statement']).flatMap((bytes) =>
      [1, 3].map((flags) => concat(Uint8Array.of(flags), bytes)),
    ),
    flagged(1, both),
    flagged(1, {
      ...both,
      signatures: [...both.signatures, { keyIndex: 1, signature: new Uint8Array(64) }],
    }),
    flagged(1, {
      ...both,
      signatures: [...both.signatures, { keyIndex: 2, signature: new Uint8Array(64) }],
    }),
    flagged(2, signStatementAsNode(statementOf(), node)),
    flagged(0, signStatementAsNode(statementOf(), node)),
  ],
  limits: { maxBytes: 1400, work: [4000, 50], allocated: [65_536, 64] },
};
