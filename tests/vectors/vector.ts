import { deflateSync, inflateSync } from 'fflate';
import { fromHex, toHex } from '../../bundle/bytes.ts';

/** What a vector's bytes are given to. The runner (run.ts) has one function for each. */
export type Check =
  | 'sign-key' // assertSignKey
  | 'box-key' // assertBoxKey
  | 'words' // nodeWords; the bytes are the id, and what was read is the text
  | 'ed25519' // verifyStrict; the bytes are the message
  | 'proposal' // readBundle, expecting a proposal
  | 'report' // readBundle, expecting a report
  | 'open-proposal' // and then openBundle
  | 'open-report' // and then openReport
  | 'manifest' // decodeManifest
  | 'statement' // decodeSignedStatement
  | 'verify-statement' // and then verifyStatement
  | 'keyset' // decodeSignedKeyset
  | 'chain' // decodeChain, verifyChain
  | 'frame' // decodeFrame, verifyFrame
  | 'capability' // decodeSignedCapability; what was read is the SHA-256 of what is signed
  | 'verify-capability'; // and then verifyCapability

/** One scenario: bytes, what to do with them, and what must come of it. */
export interface Vector {
  /** `<layer>_<fault>`; the name of its file */
  readonly name: string;
  /** One sentence: what is special here */
  readonly says: string;
  readonly check: Check;
  /** `ok`, or the code of the error */
  readonly expect: string;
  /** Further input by name (`seed`, `keyset`, `pinned`, `approval`, `max-bytes`, ...) */
  readonly fields: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
}

/** Above this many bytes the text holds them deflated: such vectors are long and say little. */
const PLAIN_BYTES = 4096;

/** The text of a vector's file: a comment, fields, an empty line, and lines of hex. */
export function formatVector(vector: Vector): string {
  const { says, check, expect, fields, bytes } = vector;
  const isLong = bytes.length > PLAIN_BYTES;
  const body = isLong ? deflateSync(bytes, { level: 9 }) : bytes;
  const header = { check, expect, ...fields, ...(isLong && { encoding: 'deflate' }) };
  const lines = Object.entries(header).map(([name, value]) => `${name}: ${value}`);
  const hex = toHex(body).match(/.{1,64}/g) ?? [];
  return [`# ${says}`, ...lines, '', ...hex, ''].join('\n');
}

/** The inverse of {@link formatVector}. */
export function parseVector(name: string, text: string): Vector {
  const [header = '', body = ''] = text.split('\n\n');
  const [says = '', ...lines] = header.split('\n');
  const all = Object.fromEntries(lines.map((line) => line.split(': ') as [string, string]));
  const { check, expect, encoding, ...fields } = all;
  const bytes = fromHex(body.replaceAll('\n', ''));
  return {
    ...{ name, says: says.slice(2), check: check as Check, expect: expect ?? '', fields },
    bytes: encoding === 'deflate' ? inflateSync(bytes) : bytes,
  };
}
