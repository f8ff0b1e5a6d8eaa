import { ed25519Sign, sha256 } from '#platform';
import { concat, fromHex, toHex, utf8 } from '../../bundle/bytes.ts';
import { SIGNATURE_BYTES, signedMessage } from '../../bundle/header.ts';
import type { BundleKind } from '../../bundle/header.ts';
import type { Identity } from '../../bundle/identity.ts';
import { encodeManifest } from '../../bundle/manifest.ts';
import { encodeInner, sealInner } from '../../bundle/seal.ts';
import { ada, manifestOf, node } from '../fixtures/format.ts';
import { runVector } from './run.ts';
import type { Check, Vector } from './vector.ts';

type Fields = Readonly<Record<string, string>>;

/** Makes the vectors of one layer and check; `fields` are what each of them shares. */
export function suite(
  layer: string,
  check: Check,
  shared: Fields = {},
): {
  accepts: (name: string, says: string, bytes: Uint8Array, fields?: Fields) => Vector;
  refuses: (name: string, code: string, says: string, bytes: Uint8Array, fields?: Fields) => Vector;
} {
  const vector = (
    name: string,
    expect: string,
    says: string,
    bytes: Uint8Array,
    more: Fields,
  ): Vector => ({
    ...{ name: `${layer}_${name}`, says, check, expect, bytes, fields: { ...shared, ...more } },
  });
  return {
    // What an accepted object says is taken from a run: the independent reader confirms it.
    accepts: (name, says, bytes, more = {}) => {
      const fields = { ...shared, ...more };
      return vector(name, runVector({ check, fields, bytes, expect: '' }), says, bytes, more);
    },
    refuses: (name, code, says, bytes, more = {}) => vector(name, code, says, bytes, more),
  };
}

/** 32 bytes that depend on the text only: the "random" secrets of vectors. */
export const fixed = (text: string): Uint8Array => sha256(utf8(`coatcheck vectors ${text}`));

/** The bytes with those from `offset` on (from the end if negative) replaced by `hex`. */
export function patch(bytes: Uint8Array, offset: number, hex: string): Uint8Array {
  const result = bytes.slice();
  result.set(fromHex(hex), offset < 0 ? bytes.length + offset : offset);
  return result;
}

export const flip = (bytes: Uint8Array, offset: number): Uint8Array =>
  patch(bytes, offset, toHex(Uint8Array.of(bytes.at(offset)! ^ 1)));

export interface Sealing {
  readonly label?: string;
  readonly signer?: Identity;
  readonly kind?: BundleKind;
  readonly recipients?: readonly Uint8Array[];
  readonly dictionaryId?: number;
  /** Instead of what {@link manifestOf} gives */
  readonly plain?: Uint8Array;
  /** Instead of `plain`, compressed and padded */
  readonly inner?: Uint8Array;
}

/** Seals with secrets that depend on the label only. */
export function seal(sealing: Sealing = {}): Uint8Array {
  const {
    label = 'seal',
    signer = node,
    kind = 'node',
    recipients = [node.boxKey, ada.boxKey],
    dictionaryId = 1,
    plain = encodeManifest(manifestOf()),
    inner = encodeInner(plain, dictionaryId),
  } = sealing;
  return sealInner({
    ...{ signer, kind, recipients, dictionaryId, inner },
    key: fixed(`${label} key`),
    ephemeralSecret: fixed(`${label} ephemeral`),
  });
}

/** The same bytes with a good signature at the end, whatever else is wrong with them. */
export function resign(
  bytes: Uint8Array,
  signer: Identity = node,
  kind: BundleKind = 'node',
): Uint8Array {
  const unsigned = bytes.subarray(0, bytes.length - SIGNATURE_BYTES);
  return concat(unsigned, ed25519Sign(signer.signSecret, signedMessage(kind, unsigned)));
}
