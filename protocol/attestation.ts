import { sha256 } from '#platform';
import { concat, equalBytes, fromUtf8, Reader, toHex, utf8, Writer } from '../bundle/bytes.ts';
import { bundleError } from '../bundle/errors.ts';
import { nodeIdBytes, nodeIdFromBytes } from '../bundle/identity.ts';
import type { NodeId } from '../bundle/identity.ts';
import { ANSWER_BYTES } from './endorsement.ts';
import { measuredKeyTemplate, MODULUS_BYTES, nameOf, REGISTERS } from './measured.ts';
import type { ImageClaim, PcrKey } from './measured.ts';
import { decodeEvents, encodeEvents } from './measured-events.ts';
import type { MeasuredEvent } from './measured-events.ts';

/**
 * What a machine's TPM vouches for, beside a report or in a proposal (docs/adr/0316): which image runs, and that the machine's
 * key exists in such images alone. Structures of the TPM are as it gave them (TPM 2.0 Library part 2).
 */
export interface Attestation {
  /** TPMT_PUBLIC of the key that vouches: its name is what administrators approve */
  readonly voucher: Uint8Array;
  /** What it is about, as both structures name it */
  readonly about: AttestedText;
  /** Of {@link REGISTERS}: TPMS_ATTEST, and the signature of the voucher */
  readonly quote: Vouched;
  /** Of the machine's key: TPMS_ATTEST, and the signature of the voucher */
  readonly certificate: Vouched;
  /** What makes the machine's key another than those of other TPMs: TPM2B_DIGEST of its public area, 32 bytes */
  readonly unique: Uint8Array;
  /** What {@link REGISTERS} hold, 32 bytes each */
  readonly registers: readonly Uint8Array[];
  /** Of the site's key: the digest in its name, 32 bytes */
  readonly key: Uint8Array;
  readonly image: ImageClaim;
  /** Of that key, about the image (`signedClaim`), 256 bytes */
  readonly signature: Uint8Array;
  /** What went into the registers; none where the machine's log could not be had, or does not give what they hold */
  readonly events: readonly MeasuredEvent[];
  /** What only the TPM that administrators know can tell (`activation` in the bundle in force), 32 bytes */
  readonly answer?: Uint8Array;
}

/** What a TPM signed, and the signature: ECDSA with P-256 and SHA-256, r and s of 32 bytes each. */
export interface Vouched {
  readonly attest: Uint8Array;
  readonly signature: Uint8Array;
}

/** The one text that an attestation belongs to: that of another machine, or of another day, is no good beside it. */
export interface AttestedText {
  readonly node: NodeId;
  /** Digest of the statement in force, 32 bytes; zeros for none */
  readonly statement: Uint8Array;
  /** SHA-256 of what the machine says, but for the attestation itself */
  readonly text: Uint8Array;
}

/** Limit on the bytes of an attestation. */
export const MAX_ATTESTATION_BYTES = 2000;
const SIGNATURE_BYTES = 64;
const VERSION = 1;

/** The one encoding, at most {@link MAX_ATTESTATION_BYTES}. */
export function encodeAttestation(attestation: Attestation): Uint8Array {
  const { voucher, about, quote, certificate, unique, registers, image, events } = attestation;
  const writer = new Writer().u8(VERSION);
  const sized = (bytes: Uint8Array): Writer => writer.u16(bytes.length).bytes(bytes);
  sized(voucher).bytes(nodeIdBytes(about.node)).bytes(about.statement).bytes(about.text);
  for (const { attest, signature } of [quote, certificate]) sized(attest).bytes(signature);
  writer
    .bytes(unique)
    .bytes(concat(...registers))
    .bytes(attestation.key)
    .u32(image.generation);
  sized(utf8(image.version)).bytes(attestation.signature);
  sized(encodeEvents(events));
  sized(attestation.answer ?? new Uint8Array());
  return writer.finish();
}

/** @throws unsupported_version, truncated, trailing_bytes, bad_field, bad_encoding */
export function decodeAttestation(bytes: Uint8Array): Attestation {
  const reader = new Reader(bytes);
  if (reader.u8() !== VERSION) {
    throw bundleError('unsupported_version', 'this attestation is of a newer program');
  }
  const sized = (): Uint8Array => reader.bytes(reader.u16());
  const vouched = (): Vouched => ({ attest: sized(), signature: reader.bytes(SIGNATURE_BYTES) });
  const voucher = sized();
  const node = nodeIdFromBytes(reader.bytes(20));
  const about = { node, statement: reader.bytes(32), text: reader.bytes(32) };
  const [quote, certificate] = [vouched(), vouched()];
  const unique = reader.bytes(32);
  const registers = REGISTERS.map(() => reader.bytes(32));
  const key = reader.bytes(32);
  const generation = reader.u32();
  const version = fromUtf8(sized());
  const signature = reader.bytes(MODULUS_BYTES);
  const events = decodeEvents(sized());
  const answer = sized();
  reader.end();
  if (!/^[ -~]{1,64}$/.test(version)) {
    throw bundleError('bad_field', 'the version of an image is 1 to 64 printable ASCII characters');
  }
  if (answer.length !== 0 && answer.length !== ANSWER_BYTES) {
    throw bundleError('bad_field', `an answer has ${ANSWER_BYTES} bytes`);
  }
  const image = { version, generation };
  return {
    ...{ voucher, about, quote, certificate, unique, registers, key, image, signature, events },
    ...(answer.length > 0 && { answer }),
  };
}

/** What both structures name (qualifyingData): nothing in it is the server's to choose. @param site 16 bytes */
export const qualifying = (site: Uint8Array, { node, statement, text }: AttestedText): Uint8Array =>
  sha256(utf8('coatcheck/v1 quote\0'), site, nodeIdBytes(node), statement, text);

/** ECC, SHA-256 of names; AES as ever for ECC: none; ECDSA with SHA-256; P-256; no KDF (part 2, 6.3, 6.4). */
const VOUCHER_HEAD = new Writer()
  .u16(0x0023)
  .u16(0x000b)
  .u32(0x00050472) // fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign
  .u16(0) // no policy
  .u16(0x0010)
  .u16(0x0018)
  .u16(0x000b)
  .u16(0x0003)
  .u16(0x0010)
  .finish();

/**
 * The template of the key that vouches: a restricted one signs only what the TPM made itself, and a primary of the
 * endorsement hierarchy is the same each time and stored nowhere.
 */
export const VOUCHER_TEMPLATE = concat(VOUCHER_HEAD, new Writer().u16(0).u16(0).finish());

/** The point of a voucher, two coordinates of 32 bytes; undefined where the area is of another kind of key. */
export function voucherPoint(area: Uint8Array): Uint8Array | undefined {
  if (!equalBytes(area.subarray(0, VOUCHER_HEAD.length), VOUCHER_HEAD)) return undefined;
  try {
    const reader = new Reader(area.subarray(VOUCHER_HEAD.length));
    const point = [readCoordinate(reader), readCoordinate(reader)];
    reader.end();
    return concat(...point);
  } catch {
    return undefined;
  }
}

/**
 * A coordinate, or half a signature, of P-256: a TPM2B whose leading zeros some TPMs give and others do not.
 * @returns 32 bytes @throws truncated, bad_field
 */
export function readCoordinate(from: Reader): Uint8Array {
  const bytes = from.bytes(from.u16());
  const start = Math.max(0, bytes.length - 32);
  if (bytes.subarray(0, start).some((byte) => byte !== 0)) {
    throw bundleError('bad_field', 'a number of P-256 has 32 bytes');
  }
  const padded = new Uint8Array(32);
  padded.set(bytes.subarray(start), 32 - (bytes.length - start));
  return padded;
}

/** Digest in the name of a voucher, 64 hex digits: what is approved, and shown as eight words. */
export const voucherId = ({ voucher }: Pick<Attestation, 'voucher'>): string =>
  toHex(sha256(voucher));

/** The name of the key of a machine that exists only in images that `key` signed. */
export const measuredKeyName = (key: PcrKey, unique: Uint8Array): Uint8Array =>
  nameOf(measuredKeyTemplate(key, unique));

/** A TPMS_ATTEST that was read (part 2, 10.12.12). */
export interface ReadAttest {
  /** What was given to be in it */
  readonly extraData: Uint8Array;
  /** How often the TPM was started since it was made, or cleared */
  readonly starts: number;
  /** TPMU_ATTEST */
  readonly attested: Uint8Array;
}

/** TPM_ST_ATTEST_QUOTE and TPM_ST_ATTEST_CERTIFY (part 2, 6.9). */
export const ATTEST = { quote: 0x8018, certify: 0x8017 } as const;

/** @throws bad_field for what no TPM made, or for something else; truncated */
export function readAttest(bytes: Uint8Array, type: keyof typeof ATTEST): ReadAttest {
  const reader = new Reader(bytes);
  if (reader.u32() !== 0xff544347 || reader.u16() !== ATTEST[type]) {
    throw bundleError('bad_field', 'this is not what a TPM signs');
  }
  reader.bytes(reader.u16()); // who signed, which the signature says
  const extraData = reader.bytes(reader.u16());
  reader.bytes(8); // clock: where the power was cut it may go back by itself
  const starts = reader.u32();
  reader.bytes(4 + 1 + 8); // restarts, whether the clock is sure, version of the firmware
  return { extraData, starts, attested: reader.rest() };
}
