import { fromHex, toBase64Url, toHex } from '../../../../bundle/bytes.ts';
import { decodeFrame, encodeFrame } from '../../../../bundle/frame.ts';
import { bundleDigest } from '../../../../bundle/header.ts';
import {
  encodeSignedStatement,
  STATEMENT_TYPES,
  ZERO_DIGEST,
} from '../../../../bundle/statement.ts';
import type { StatementSignature } from '../../../../bundle/statement.ts';
import { approvedKey, historyKey } from '../../../../protocol/keys.ts';
import { NOW } from '../../../server/http-world.ts';
import type { Choices } from '../../engine/choices.ts';
import { resignStatement } from '../../engine/resign.ts';
import type { Values } from '../../engine/shape.ts';
import { objects, proposal, shown, world } from './store.ts';

const { site, ada, known, waiting, fresh, proof } = world;
const { keyset } = site.pinned;
/** Whose ids a request may name. */
export const nodes = [known, waiting, fresh];
/** Who may sign one. */
export const signers = [ada.identity, ...nodes];

const inForce = decodeFrame(shown, { maxBytes: shown.length });
const digests = [
  bundleDigest(proposal),
  inForce.statement.statement.digest,
  ZERO_DIGEST,
  fromHex('ab'.repeat(32)),
];
const statements = [ZERO_DIGEST, inForce.statement.digest, digests[3]!];

/** A statement that may follow what is in the store, and is signed by whom it says. */
function statement(choices: Choices): string {
  const node = choices.pick(nodes);
  const signature = new Uint8Array(64);
  // Two are enough for a decision, and one for a cosignature.
  const by = choices.pick([[0, 1], [0], [0, 2], []]);
  const signatures: StatementSignature[] =
    by.length > 0
      ? by.map((keyIndex) => ({ keyIndex, signature }))
      : [{ self: choices.pick(nodes), signature }];
  const made = {
    type: choices.pick(STATEMENT_TYPES),
    keysetVersion: 1 + ((choices.below(16) % 5) % 2),
    site: site.id,
    node: node.id,
    digest: choices.pick(digests),
    prev: choices.pick(statements),
    seq: choices.pick([1, 2, 3, 1000, 1002, 2 ** 53 - 1]),
    issued: choices.pick([NOW, NOW - 9, NOW + 90_000, 0]),
    ...(choices.flag() ? { expires: NOW + 60 } : {}),
    reason: choices.text().slice(0, 20),
  };
  try {
    return toBase64Url(
      encodeSignedStatement(resignStatement({ statement: made, signatures }, keyset)),
    );
  } catch {
    return 'AAAA'; // there is no such statement
  }
}

function frameText(choices: Choices): string {
  const bytes = choices
    .pick([
      proof,
      encodeFrame(inForce),
      encodeFrame({ ...inForce, chain: [site.pinned, site.pinned] }),
    ])
    .slice();
  if (choices.flag()) bytes[choices.byte() % bytes.length]! ^= 1 << choices.below(8);
  return toBase64Url(bytes);
}

const keys = [
  ...objects.map(({ key }) => key),
  ...nodes.flatMap(({ id }) => [approvedKey(id), historyKey(id, 1), historyKey(id, 2)]),
];
/** What the members of bodies and queries may be, by their names. */
export const values: Values = (name, choices) => {
  if (choices.below(16) === 15) return choices.text();
  switch (name) {
    case 'statement':
      return statement(choices);
    case 'decidedBy':
    case 'proof':
      return frameText(choices);
    case 'nodeBoxKey':
      return toBase64Url(choices.pick(signers).boxKey);
    case 'node':
      return choices.pick(nodes).id;
    case 'keys':
    case 'key':
      return choices.pick(keys);
    case 'after':
    case 'digest':
    case 'waiting':
      return toHex(choices.pick(digests));
    case 'size':
    case 'slot':
      return choices.pick([1, 2, 900, 4096, 4097, 262_144, 262_145, 9_999_999_999]);
    default:
      return choices.text();
  }
};
