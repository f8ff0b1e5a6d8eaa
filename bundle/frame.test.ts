import { describe, expect, it } from 'vitest';
import {
  ada,
  adminKey,
  grace,
  keysetOf,
  manifestOf,
  node,
  pinned,
} from '../tests/fixtures/format.ts';
import { positions, statementOf } from '../tests/fixtures/format.ts';
import { CoatcheckError } from './errors.ts';
import { decodeFrame, encodeFrame, MAX_CHAIN_BYTES, maxFrameBytes, verifyFrame } from './frame.ts';
import type { Frame } from './frame.ts';
import { bundleDigest } from './header.ts';
import { encodeSignedKeyset, signKeyset, verifyChain } from './keyset.ts';
import type { SignedKeyset } from './keyset.ts';
import { sealBundle } from './seal.ts';
import { signStatement } from './statement.ts';

const recipients = [node.boxKey, ada.boxKey];
const bundle = sealBundle({ manifest: manifestOf(), signer: node, kind: 'node', recipients });
const digest = bundleDigest(bundle);
const next = (before: SignedKeyset): SignedKeyset =>
  signKeyset(keysetOf({ version: before.keyset.version + 1, previous: before.digest }), [
    { identity: ada, keyIndex: 0 },
  ]);
const frame: Frame = {
  chain: [pinned, next(pinned)],
  statement: signStatement(statementOf({ digest, keysetVersion: 2 }), ada, 0),
  bundle,
};
const trust = { pinned, approval: 'required' } as const;
const decode = (bytes: Uint8Array): Frame => decodeFrame(bytes, { maxBytes: 2 ** 20 });

describe('a frame', () => {
  const bytes = encodeFrame(frame);

  it('carries its whole proof', () => {
    const verified = verifyFrame(decode(bytes), trust);
    expect(verified).toMatchObject({
      self: false,
      signers: [0],
      statement: frame.statement.statement,
    });
    expect(verified.keyset.version).toBe(2);
    expect(verified.bundle?.bytes).toEqual(bundle);
    expect(verified.statementDigest).toEqual(frame.statement.digest);
  });

  it('is a proof without the bundle too, and says that there is none', () => {
    const forgotten = encodeFrame({ chain: frame.chain, statement: frame.statement });
    expect(verifyFrame(decode(forgotten), trust)).not.toHaveProperty('bundle');
  });

  it('is refused, with a code, when any byte changes', () => {
    for (const at of positions(bytes.length)) {
      const changed = bytes.slice();
      changed[at]! ^= 0x55;
      expect(() => verifyFrame(decode(changed), trust), `byte ${at}`).toThrow(CoatcheckError);
    }
  });

  it('is refused, with a code, when it is cut anywhere, but for the whole bundle', () => {
    const withoutBundle = bytes.length - bundle.length;
    for (const length of positions(bytes.length)) {
      if (length === withoutBundle) continue;
      expect(
        () => verifyFrame(decode(bytes.subarray(0, length)), trust),
        `${length} bytes`,
      ).toThrow(CoatcheckError);
    }
  });

  it('takes 200 changes of one administrator, and ends where its chain is over 128 KiB', () => {
    const link = next(pinned);
    const fits = Math.floor(MAX_CHAIN_BYTES / encodeSignedKeyset(link).length);
    expect(fits).toBeGreaterThan(200);
    const chainOf = (length: number): SignedKeyset[] => Array.from({ length }, () => link);
    expect(encodeFrame({ ...frame, chain: chainOf(fits) }).length).toBeLessThanOrEqual(
      maxFrameBytes(bundle.length),
    );
    expect(() => encodeFrame({ ...frame, chain: chainOf(fits + 1) })).toThrow(
      expect.objectContaining({ code: 'chain_too_large' }),
    );
  });
});

describe('verifyChain', () => {
  it('gives the newest keyset, also to an image that pins a later one', () => {
    const second = next(pinned);
    const third = signKeyset(
      keysetOf({ version: 3, previous: second.digest, keys: [adminKey('grace', grace)] }),
      [{ identity: ada, keyIndex: 0 }],
    );
    for (const pin of [pinned, second, third]) {
      expect(verifyChain([pinned, second, third], pin)).toEqual(third.keyset);
    }
  });

  it('looks at no signature of keysets that do not hang together with the pinned one', () => {
    const unsigned = (before: SignedKeyset): SignedKeyset => ({ ...next(before), signatures: [] });
    const strange = signKeyset(keysetOf({ keys: [adminKey('eve', grace)] }), []);
    const second = unsigned(pinned);
    for (const [code, chain] of [
      ['not_pinned', [strange, unsigned(strange)]],
      ['bad_chain', [pinned, second, unsigned(pinned)]],
      ['threshold_not_met', [pinned, second]],
    ] as const) {
      expect(() => verifyChain(chain, pinned)).toThrow(expect.objectContaining({ code }));
    }
  });
});
