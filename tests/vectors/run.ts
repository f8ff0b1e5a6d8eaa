import { sha256 } from '#platform';
import { fromHex, toHex, utf8 } from '../../bundle/bytes.ts';
import {
  capabilityMessage,
  decodeSignedCapability,
  verifyCapability,
} from '../../bundle/capability.ts';
import { assertSignKey, verifyStrict } from '../../bundle/ed25519.ts';
import { bundleError, CoatcheckError } from '../../bundle/errors.ts';
import { decodeFrame, verifyFrame } from '../../bundle/frame.ts';
import { MAX_SEALED_BYTES, readBundle } from '../../bundle/header.ts';
import { deriveIdentity, nodeIdFromBytes } from '../../bundle/identity.ts';
import { decodeChain, decodeSignedKeyset, keysetDigest, verifyChain } from '../../bundle/keyset.ts';
import { decodeManifest, encodeManifest } from '../../bundle/manifest.ts';
import { openBundle } from '../../bundle/open.ts';
import { openReport } from '../../bundle/report.ts';
import { decodeSignedStatement, verifyStatement } from '../../bundle/statement.ts';
import { nodeWords } from '../../bundle/words.ts';
import { assertBoxKey } from '../../bundle/x25519.ts';
import type { Check, Vector } from './vector.ts';

type Input = (name: string) => string;

const approval = (input: Input): 'required' | 'none' =>
  input('approval') === 'none' ? 'none' : 'required';
const pinned = (input: Input): ReturnType<typeof decodeSignedKeyset> =>
  decodeSignedKeyset(fromHex(input('pinned')));
const read = (
  bytes: Uint8Array,
  expect: 'proposal' | 'report',
  input: Input,
): ReturnType<typeof readBundle> =>
  readBundle(bytes, { maxBytes: Number(input('max-bytes') || MAX_SEALED_BYTES), expect });

/** Each check throws a coded error, or gives bytes that say what it read. */
const CHECKS: Record<Check, (bytes: Uint8Array, input: Input) => Uint8Array> = {
  'sign-key': (bytes) => {
    assertSignKey(bytes);
    return bytes;
  },
  'box-key': (bytes) => {
    assertBoxKey(bytes);
    return bytes;
  },
  words: (bytes) => utf8(nodeWords(nodeIdFromBytes(bytes))),
  ed25519: (bytes, input) => {
    if (!verifyStrict(fromHex(input('public-key')), bytes, fromHex(input('signature')))) {
      throw bundleError('bad_signature', 'the signature is not good');
    }
    return bytes;
  },
  proposal: (bytes, input) => read(bytes, 'proposal', input).digest,
  report: (bytes, input) => read(bytes, 'report', input).digest,
  'open-proposal': (bytes, input) => {
    const keys = deriveIdentity(fromHex(input('seed')));
    return sha256(encodeManifest(openBundle(read(bytes, 'proposal', input), keys)));
  },
  'open-report': (bytes, input) => {
    const keys = deriveIdentity(fromHex(input('seed')));
    return openReport(read(bytes, 'report', input), keys).statementDigest;
  },
  manifest: (bytes) => sha256(encodeManifest(decodeManifest(bytes))),
  statement: (bytes) => decodeSignedStatement(bytes).digest,
  'verify-statement': (bytes, input) => {
    const signed = decodeSignedStatement(bytes);
    const { keyset } = decodeSignedKeyset(fromHex(input('keyset')));
    verifyStatement(signed, keyset, { approval: approval(input) });
    return signed.digest;
  },
  keyset: (bytes) => decodeSignedKeyset(bytes).digest,
  chain: (bytes, input) => keysetDigest(verifyChain(decodeChain(bytes), pinned(input))),
  frame: (bytes, input) => {
    const maxBytes = Number(input('max-bytes') || 2 ** 21);
    const frame = decodeFrame(bytes, { maxBytes });
    const trust = { pinned: pinned(input), approval: approval(input) };
    return verifyFrame(frame, trust).statementDigest;
  },
  capability: (bytes) => sha256(capabilityMessage(decodeSignedCapability(bytes).capability)),
  'verify-capability': (bytes, input) => {
    const signed = decodeSignedCapability(bytes);
    verifyCapability(signed, decodeSignedKeyset(fromHex(input('keyset'))));
    return sha256(capabilityMessage(signed.capability));
  },
};

/** `ok <hex of what was read>`, or the code of the error. Lets any other exception through. */
export function runVector({ check, fields, bytes }: Omit<Vector, 'name' | 'says'>): string {
  try {
    return `ok ${toHex(CHECKS[check](bytes, (name) => fields[name] ?? ''))}`;
  } catch (error) {
    if (error instanceof CoatcheckError) return String(error.code);
    throw error;
  }
}
