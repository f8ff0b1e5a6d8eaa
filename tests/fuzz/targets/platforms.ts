import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '#platform';
import { concat } from '../../../bundle/bytes.ts';
import { parseVector } from '../../vectors/vector.ts';
import type { Vector } from '../../vectors/vector.ts';
import type { Target } from '../engine/target.ts';
import { sameText } from '../engine/verdict.ts';
import { runVector as onNode } from './platforms/on-node.ts';
import { runVector as onPortable } from './platforms/on-portable.ts';

const FOLDER = join(process.cwd(), 'tests/vectors/cases');
const CHECKS = [
  'ed25519',
  'sign-key',
  'box-key',
  'statement',
  'keyset',
  'verify-statement',
  'chain',
  'proposal',
  'report',
  'frame',
];
/** What the bytes of an input are given to, each with the fields of a vector that is taken. */
const checks: Vector[] = [];
const seeds: Uint8Array[] = [];
for (const file of readdirSync(FOLDER).sort()) {
  const vector = parseVector(file, readFileSync(join(FOLDER, file), 'utf8'));
  const { check, expect, bytes } = vector;
  if (!CHECKS.includes(check) || bytes.length > 700) continue;
  if (expect.startsWith('ok') && checks.filter((known) => known.check === check).length < 4) {
    seeds.push(concat(Uint8Array.of(checks.length), input(vector)));
    checks.push(vector);
  }
}

/** For a signature, what is mutated is the key and the signature as well. */
function input({ check, fields, bytes }: Vector): Uint8Array {
  if (check !== 'ed25519') return bytes;
  return concat(Buffer.from(fields['public-key']! + fields['signature']!, 'hex'), bytes);
}

/**
 * One verdict on node:crypto and on tweetnacl with @noble/hashes, of everything that they are used
 * for. Of the signatures that node:crypto refuses as wrong, one in eight is tried on the other.
 */
export const target: Target = {
  run(bytes) {
    const { check, fields } = checks[(bytes[0] ?? 0) % checks.length]!;
    let rest = bytes.subarray(1);
    let given = fields;
    if (check === 'ed25519') {
      const hex = (from: number, to: number): string =>
        Buffer.from(rest.subarray(from, to)).toString('hex');
      given = { 'public-key': hex(0, 32), signature: hex(32, 96) };
      rest = rest.subarray(96);
    }
    const vector = { check, fields: given, bytes: rest, expect: '' };
    const verdict = onNode(vector);
    // tweetnacl takes a millisecond for each signature: most of those that are only wrong are passed over.
    const isAsked = verdict !== 'bad_signature' || sha256(bytes)[0]! < 32;
    if (isAsked) sameText(onPortable(vector), verdict, `${check} on the other platform`);
    return `${check} ${verdict.startsWith('ok') ? 'ok' : verdict}${isAsked ? '' : ', not asked'}`;
  },
  seeds,
  limits: { maxBytes: 800, work: [50_000, 500], allocated: [131_072, 1024] },
};
