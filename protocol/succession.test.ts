import { expect, it } from 'vitest';
import { fromBase64Url, toBase64Url } from '../bundle/base64.ts';
import { metadataToEntries } from '../bundle/metadata.ts';
import { makeNode, makeSite } from '../tests/support/site.ts';
import { predecessorOf, signSuccession } from './succession.ts';

const site = makeSite().site.id;
const [old, node, other] = ['succeeded', 'successor', 'other'].map(makeNode) as [
  ReturnType<typeof makeNode>,
  ReturnType<typeof makeNode>,
  ReturnType<typeof makeNode>,
];

it('is proven by the old key, for one successor at one site', () => {
  const succeeds = signSuccession(site, old, node.id);
  expect(predecessorOf(site, node.id, succeeds)).toEqual({ node: old.id, isProven: true });
  expect(metadataToEntries({ succeeds })).toEqual([['succeeds', succeeds]]);
  expect(predecessorOf(site, other.id, succeeds)).toEqual({ node: old.id, isProven: false });
  const elsewhere = Uint8Array.from(site, (byte) => byte ^ 1);
  expect(predecessorOf(elsewhere, node.id, succeeds).isProven).toBe(false);
});

it('is not proven by any other signature, nor of a machine about itself', () => {
  const bytes = fromBase64Url(signSuccession(site, old, node.id));
  for (let i = 0; i < bytes.length; i++) {
    const changed = Uint8Array.from(bytes);
    changed[i]! ^= 1;
    expect(predecessorOf(site, node.id, toBase64Url(changed)).isProven).toBe(false);
  }
  const forged = signSuccession(
    site,
    { ...other, signKey: old.signKey, boxKey: old.boxKey },
    node.id,
  );
  expect(predecessorOf(site, node.id, forged).isProven).toBe(false);
  expect(predecessorOf(site, node.id, signSuccession(site, node, node.id)).isProven).toBe(false);
});

it('is 128 bytes in base64url, and nothing else', () => {
  const succeeds = signSuccession(site, old, node.id);
  for (const text of [
    '',
    succeeds.slice(1),
    `${succeeds}A`,
    `${succeeds.slice(0, -1)}B`,
    `+${succeeds.slice(1)}`,
  ])
    expect(() => metadataToEntries({ succeeds: text })).toThrow('succeeds');
});
