import { concat, toHex } from '../../../bundle/bytes.ts';
import { decodeFrame, encodeFrame, verifyFrame } from '../../../bundle/frame.ts';
import type { Frame } from '../../../bundle/frame.ts';
import { DEFAULT_SEALED_BYTES } from '../../../bundle/header.ts';
import { signKeyset } from '../../../bundle/keyset.ts';
import { signStatementAsNode, ZERO_DIGEST } from '../../../bundle/statement.ts';
import { parseDigest } from '../../../protocol/keys.ts';
import type { Site } from '../../../protocol/site.ts';
import { isExpired, memoryOf, verifyForNode } from '../../../protocol/verify.ts';
import {
  ada,
  adminKey,
  grace,
  keysetOf,
  node,
  pinned,
  SITE,
  statementOf,
} from '../../fixtures/format.ts';
import { seal } from '../../vectors/build.ts';
import { relinkChain, renamed, resignBundle, resignStatement } from '../engine/resign.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameBytes, verdict } from '../engine/verdict.ts';
import { vectors } from '../engine/vectors.ts';

const SIGN = 1;
const NONE = 2;
const REJECTED = 4;
const REMEMBER = 8;

const site = (approval: Site['approval']): Site => ({
  ...{ id: SITE, name: 'fuzz', pinned, approval, servers: [] },
  maxBundleBytes: DEFAULT_SEALED_BYTES,
});
const sites = [site('required'), site('none')] as const;
const bundle = seal();
const second = signKeyset(
  keysetOf({
    version: 2,
    previous: pinned.digest,
    keys: [adminKey('ada', ada), adminKey('grace', grace)],
  }),
  [{ identity: ada, keyIndex: 0 }],
);
const chain = [pinned, second];

/** The same with good links, names and signatures everywhere. */
function resign(frame: Frame): Frame {
  const linked = relinkChain(frame.chain);
  const { statement, signatures } = frame.statement;
  const signed = frame.bundle && resignBundle(frame.bundle);
  const about =
    signed === undefined || statement.type === 'revoke' ? statement : renamed(statement, signed);
  return {
    chain: linked,
    statement: resignStatement({ statement: about, signatures }, linked.at(-1)!.keyset),
    ...(signed === undefined ? {} : { bundle: signed }),
  };
}

/** What the node remembers: decision 5 under keyset 2. */
const memory = memoryOf(
  verifyFrame(
    resign({
      chain,
      statement: {
        ...signStatementAsNode(
          statementOf({ seq: 5, keysetVersion: 2, prev: bundle.subarray(0, 32) }),
          node,
        ),
        signatures: [{ keyIndex: 0, signature: new Uint8Array(64) }],
      },
    }),
    sites[0],
  ),
);

const frame = (
  flags: number,
  changes: Parameters<typeof statementOf>[0],
  more: Partial<Frame> = {},
): Uint8Array => {
  const statement = {
    ...signStatementAsNode(statementOf(changes), node),
    signatures: [{ keyIndex: 0, signature: new Uint8Array(64) }],
  };
  return concat(Uint8Array.of(flags), encodeFrame(resign({ chain: [pinned], statement, ...more })));
};
const prev = new Uint8Array(32).fill(3);

/**
 * A frame that is read is written again as it was, and what a node makes of it, signed by the fuzzer
 * or not, keeps what `verifyForNode` promises. The first byte: 1 to sign, 2 for the policy
 * `approval: none`, 4 for an object of `rejected/`, 8 for a node that remembers a decision.
 */
export const target: Target = {
  run(input) {
    const flags = input[0] ?? 0;
    const bytes = input.subarray(1);
    const trust = sites[(flags & NONE) / NONE]!;
    return verdict(() => {
      const read = decodeFrame(bytes, { maxBytes: bytes.length });
      sameBytes(encodeFrame(read), bytes);
      const shown = flags & SIGN ? encodeFrame(resign(read)) : bytes;
      const remembered = flags & REMEMBER ? { memory } : {};
      const waitingDigest = parseDigest(toHex(read.statement.statement.digest));
      const where =
        flags & REJECTED
          ? ({ where: 'rejected', waitingDigest } as const)
          : ({ where: 'approved' } as const);
      const verified = verifyForNode(shown, {
        site: trust,
        node: node.id,
        ...remembered,
        ...where,
      });
      const { statement } = verified;
      demand(statement.node === node.id, 'it is about another node');
      demand((statement.type === 'reject') === (where.where === 'rejected'), 'it is misplaced');
      demand(!verified.self || trust.approval === 'none', 'the node approved for itself');
      demand(
        verified.self || verified.signers.length >= verified.keyset.threshold,
        'too few signed',
      );
      // A refusal that is older than what is remembered is heard: it puts nothing in force.
      const isOldRefusal = statement.type === 'reject' && statement.seq < memory.seq;
      if (flags & REMEMBER && !isOldRefusal) {
        demand(verified.keyset.version >= memory.keysetVersion, 'an older keyset was taken');
        demand(statement.seq >= memory.seq, 'an older decision was taken');
      }
      isExpired(statement, [statement.issued]);
      return `ok ${statement.type} ${verified.bundle !== undefined}`;
    });
  },
  seeds: [
    ...vectors('frame').flatMap((bytes) =>
      [SIGN, SIGN | NONE].map((flags) => concat(Uint8Array.of(flags), bytes)),
    ),
    frame(0, {}, { bundle }),
    frame(SIGN, {}, { bundle }),
    frame(SIGN | REMEMBER, { keysetVersion: 2, seq: 6, prev }, { bundle, chain }),
    frame(REMEMBER, { keysetVersion: 2, seq: 6, prev }, { bundle, chain }),
    frame(SIGN | REJECTED, { type: 'reject', seq: 2, prev }),
    frame(SIGN, { type: 'revoke', digest: ZERO_DIGEST, seq: 2, prev }),
    frame(SIGN, { type: 'reconfigure', digest: ZERO_DIGEST, expires: 1_795_600_000 }),
    frame(SIGN, { type: 'rollback', seq: 9, prev, reason: 'because' }, { bundle }),
    concat(
      Uint8Array.of(SIGN | NONE),
      encodeFrame(
        resign({ chain: [pinned], statement: signStatementAsNode(statementOf(), node), bundle }),
      ),
    ),
  ],
  limits: { maxBytes: 2600, work: [30_000, 200], allocated: [131_072, 256] },
};
