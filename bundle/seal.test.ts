import { describe, expect, it } from 'vitest';
import { ada, fileOf, grace, manifestOf, node, positions, SITE } from '../tests/fixtures/format.ts';
import { referenceManifest } from '../tests/fixtures/reference-node.ts';
import { CoatcheckError } from './errors.ts';
import { readBundle } from './header.ts';
import type { SealedBundle } from './header.ts';
import { openBundle } from './open.ts';
import { openReport, sealReport } from './report.ts';
import { sealBundle } from './seal.ts';

const hasCode = (code: string): object => expect.objectContaining({ code }) as object;
const recipients = [node.boxKey, ada.boxKey];
const read = (bytes: Uint8Array): SealedBundle =>
  readBundle(bytes, { maxBytes: 256 * 1024, expect: 'proposal' });

describe('a sealed bundle', () => {
  const manifest = manifestOf();
  const bytes = sealBundle({ manifest, signer: node, kind: 'node', recipients });

  it('opens for each recipient, to the same manifest', () => {
    for (const keys of [node, ada]) expect(openBundle(read(bytes), keys)).toEqual(manifest);
    expect(() => openBundle(read(bytes), grace)).toThrow(hasCode('not_a_recipient'));
  });

  it('says who made it, for how many, and its own digest', () => {
    expect(read(bytes)).toMatchObject({ kind: 'node', dictionary: 1, recipientCount: 2 });
    expect(read(bytes).signer).toEqual(node.signKey);
  });

  it('is other bytes each time, with no repeated key', () => {
    const again = sealBundle({ manifest, signer: node, kind: 'node', recipients });
    expect(again).toHaveLength(bytes.length);
    expect(again.subarray(40, 72)).not.toEqual(bytes.subarray(40, 72));
    expect(again.subarray(72, 104)).not.toEqual(bytes.subarray(72, 104));
  });

  it('is refused, with a code, when any byte of it changes', () => {
    for (const at of positions(bytes.length)) {
      const changed = bytes.slice();
      changed[at]! ^= 0x55;
      expect(() => openBundle(read(changed), node), `byte ${at}`).toThrow(CoatcheckError);
    }
  });

  it('is refused, with a code, when it is cut anywhere', () => {
    for (const length of positions(bytes.length)) {
      expect(() => read(bytes.subarray(0, length)), `${length} bytes`).toThrow(CoatcheckError);
    }
  });

  it('costs 280 bytes for a node and one administrator, and hides small differences', () => {
    expect(bytes).toHaveLength(280 + 256);
    const longer = manifestOf({ files: [fileOf('etc/hostname', 'a-longer-name\n')] });
    expect(sealBundle({ manifest: longer, signer: node, kind: 'node', recipients })).toHaveLength(
      280 + 256,
    );
  });

  it('of the reference node stays small', () => {
    const sealed = sealBundle({
      ...{ manifest: referenceManifest(node), signer: node, kind: 'node', recipients },
    });
    expect(sealed.length).toBeLessThanOrEqual(3480);
    expect(openBundle(read(sealed), ada)).toEqual(referenceManifest(node));
  });

  it.each([
    ['bad_recipient_count', []],
    ['bad_recipient_count', Array.from({ length: 17 }, () => node.boxKey)],
    ['bad_public_key', [new Uint8Array(32)]],
  ])('is not made for recipients that would be refused: %s', (code, bad) => {
    expect(() => sealBundle({ manifest, signer: node, kind: 'node', recipients: bad })).toThrow(
      hasCode(code),
    );
  });

  it('is not made larger than 1 MiB', () => {
    const noise = crypto.getRandomValues(new Uint8Array(65_536));
    const files = Array.from({ length: 15 }, (_, i) => fileOf(`f${i}`, '', { content: noise }));
    // 15 times the same, further apart than deflate looks back.
    const large = manifestOf({ files });
    expect(() =>
      read(sealBundle({ manifest: large, signer: node, kind: 'node', recipients })),
    ).toThrow(hasCode('too_large'));
  });
});

describe('a report', () => {
  const report = {
    ...{ node: node.id, site: SITE, statementDigest: new Uint8Array(32).fill(9) },
    ...{ time: 1_795_500_000, result: 'applied 12 files' },
  };
  const sealed = sealReport({ report, signer: node, recipients: [ada.boxKey] });
  const readReport = (bytes: Uint8Array): SealedBundle =>
    readBundle(bytes, { maxBytes: 4096, expect: 'report' });

  it('opens for an administrator, and not for the node', () => {
    expect(openReport(readReport(sealed), ada)).toEqual(report);
    expect(() => openReport(readReport(sealed), node)).toThrow(hasCode('not_a_recipient'));
  });

  it('is no proposal, and a proposal is no report', () => {
    const bundle = sealBundle({ manifest: manifestOf(), signer: node, kind: 'node', recipients });
    expect(() => read(sealed)).toThrow(hasCode('bad_kind'));
    expect(() => readReport(bundle)).toThrow(hasCode('bad_kind'));
  });

  it('is refused, with a code, when any byte of it changes', () => {
    for (const at of positions(sealed.length)) {
      const changed = sealed.slice();
      changed[at]! ^= 0x55;
      expect(() => openReport(readReport(changed), ada), `byte ${at}`).toThrow(CoatcheckError);
    }
  });

  it('fits its 4 KiB with 15 administrators and the longest result', () => {
    const longest = {
      ...report,
      result: crypto.getRandomValues(new Uint8Array(500)).join('').slice(0, 1024),
    };
    const many = Array.from({ length: 15 }, () => ada.boxKey);
    const bytes = sealReport({ report: longest, signer: node, recipients: many });
    expect(openReport(readReport(bytes), ada)).toEqual(longest);
  });

  it.each([
    ['bad_field', { result: 'x'.repeat(1025) }],
    ['bad_field', { site: new Uint8Array(15) }],
    ['bad_time', { time: -1 }],
  ])('is not made where it would be refused: %s', (code, changes) => {
    const bad = { ...report, ...changes };
    expect(() => sealReport({ report: bad, signer: node, recipients: [ada.boxKey] })).toThrow(
      hasCode(code),
    );
  });
});
