import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ada,
  adminKey,
  grace,
  keysetOf,
  node,
  positions,
  statementOf,
} from '../tests/fixtures/format.ts';
import { CoatcheckError } from './errors.ts';
import { nodeIdFromBytes } from './identity.ts';
import * as statements from './statement.ts';
import type { Statement } from './statement.ts';

const hasCode = (code: string): object => expect.objectContaining({ code }) as object;
const { signStatement, addSignature, decodeSignedStatement, encodeSignedStatement } = statements;
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const time = fc.integer({ min: 1, max: statements.MAX_TIME });

const anyStatement: fc.Arbitrary<Statement> = fc.record(
  {
    type: fc.constantFrom('approve', 'reject', 'reconfigure', 'rollback'),
    keysetVersion: fc.integer({ min: 1, max: 0xffff_ffff }),
    site: bytes(16).filter((site) => site.some((byte) => byte > 0)),
    node: bytes(20).map(nodeIdFromBytes),
    digest: bytes(32).filter((digest) => digest.some((byte) => byte > 0)),
    prev: bytes(32),
    seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    issued: time,
    expires: time,
    reason: fc.string({ unit: 'binary', maxLength: 50 }),
  },
  {
    requiredKeys: [
      'type',
      'keysetVersion',
      'site',
      'node',
      'digest',
      'prev',
      'seq',
      'issued',
      'reason',
    ],
  },
);

describe('a statement', () => {
  it('comes back as it was signed, with its digest', () => {
    fc.assert(
      fc.property(anyStatement, (statement) => {
        const signed = addSignature(signStatement(statement, grace, 7), ada, 3);
        const decoded = decodeSignedStatement(encodeSignedStatement(signed));
        expect(decoded).toEqual(signed);
        expect(decoded.digest).toEqual(statements.statementDigest(statement));
      }),
      { numRuns: 50 },
    );
  });

  it('keeps its digest whoever signs', () => {
    const one = signStatement(statementOf(), ada, 0);
    const two = addSignature(one, grace, 1);
    expect(two.digest).toEqual(one.digest);
    expect(encodeSignedStatement(two)).toHaveLength(encodeSignedStatement(one).length + 65);
  });

  it('fits the published limit', () => {
    const longest = Array.from({ length: 15 }).reduce<statements.SignedStatement>(
      (signed, _, i) => addSignature(signed, ada, i),
      { ...signStatement(statementOf({ reason: 'x'.repeat(200) }), ada, 0), signatures: [] },
    );
    expect(encodeSignedStatement(longest)).toHaveLength(statements.MAX_STATEMENT_BYTES);
    const self = statements.signStatementAsNode(statementOf({ reason: 'x'.repeat(200) }), node);
    expect(encodeSignedStatement(self).length).toBeLessThan(statements.MAX_STATEMENT_BYTES);
  });

  it('is refused, with a code, when any byte changes', () => {
    const keyset = keysetOf();
    const good = encodeSignedStatement(signStatement(statementOf({ reason: 'why' }), ada, 0));
    for (const at of positions(good.length)) {
      const changed = good.slice();
      changed[at]! ^= 0x55;
      expect(
        () =>
          statements.verifyStatement(decodeSignedStatement(changed), keyset, {
            approval: 'required',
          }),
        `byte ${at}`,
      ).toThrow(CoatcheckError);
    }
  });

  it('says who signed', () => {
    const keyset = keysetOf({
      threshold: 2,
      keys: [adminKey('ada', ada), adminKey('grace', grace)],
    });
    const both = addSignature(signStatement(statementOf(), grace, 1), ada, 0);
    const policy = { approval: 'required' } as const;
    expect(statements.verifyStatement(both, keyset, policy)).toEqual({
      signers: [0, 1],
      self: false,
    });
    const self = statements.signStatementAsNode(statementOf(), node);
    expect(statements.verifyStatement(self, keyset, { approval: 'none' })).toEqual({
      signers: [],
      self: true,
    });
  });

  it('is signed once by a key', () => {
    const signed = signStatement(statementOf(), ada, 0);
    expect(() => addSignature(signed, ada, 0)).toThrow(hasCode('duplicate'));
  });

  it.each([
    ['bad_field', { digest: statements.ZERO_DIGEST }],
    ['bad_field', { type: 'revoke' }],
    ['bad_field', { keysetVersion: 0 }],
    ['bad_field', { prev: new Uint8Array(31) }],
    ['bad_site', { site: new Uint8Array(16) }],
    ['bad_sequence', { seq: 0 }],
    ['bad_sequence', { seq: 1.5 }],
    ['bad_time', { issued: -1 }],
    ['bad_time', { expires: statements.MAX_TIME + 1 }],
    ['bad_reason', { reason: 'é'.repeat(101) }],
    ['bad_reason', { reason: '\ud800' }],
    ['bad_node_id', { node: 'nobody' as Statement['node'] }],
  ] as const)('is not made where it would be refused: %s', (code, changes) => {
    expect(() => signStatement(statementOf(changes), ada, 0)).toThrow(hasCode(code));
  });
});
