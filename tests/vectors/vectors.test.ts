import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { allVectors } from './scenarios/all.ts';
import { cases, vectorSuite } from './suite.ts';
import { twoKeyBundle } from './two-keys.ts';
import { formatVector, parseVector } from './vector.ts';

vectorSuite('node:crypto');

describe('the corpus', () => {
  it('is what make.ts makes, byte for byte', () => {
    const made = allVectors().map((vector) => ({ name: vector.name, text: formatVector(vector) }));
    const byName = made.sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(byName.map(({ name }) => name)).toEqual(cases.map(({ name }) => name));
    expect(byName).toEqual(cases);
  });

  it('says the same after a round trip', () => {
    for (const { name, text } of cases) expect(formatVector(parseVector(name, text))).toBe(text);
  });

  it('has no name twice, and more failures than successes', () => {
    const vectors = allVectors();
    expect(new Set(vectors.map(({ name }) => name)).size).toBe(vectors.length);
    const failures = vectors.filter(({ expect: expected }) => !expected.startsWith('ok '));
    expect(failures.length).toBeGreaterThan(100);
    expect(failures.length).toBeGreaterThan(vectors.length / 2);
  });

  it('has a box that really opens under two keys, to two texts', () => {
    const { box, boxKeys } = twoKeyBundle();
    const nonce = new Uint8Array(24);
    const [first, second] = boxKeys.map((key) => nacl.secretbox.open(box, nonce, key));
    expect(first).not.toBeNull();
    expect(second).not.toBeNull();
    expect(first).not.toEqual(second);
  });
});
