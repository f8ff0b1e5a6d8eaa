import { sha256 } from '#platform';
import { concat, fromBase64Url, toHex, utf8, Writer } from '../bundle/bytes.ts';
import type { Site } from './site.ts';

/**
 * What the parts of a TPM's policy are made of, as a TPM computes them: the administrator's tool signs over these bytes
 * where there is no TPM, and the machine's TPM finds the same (TPM 2.0 Library part 1, 19.7; part 3, 23).
 */

/** TPM_ALG_SHA256, RSA, NULL (part 2, 6.3). */
const [SHA256, RSA, NONE] = [0x000b, 0x0001, 0x0010];
/** A key that holds bytes and not a pair, and what is done with them (part 2, 6.3). */
const [KEYED_HASH, HMAC] = [0x0008, 0x0005];
/** Codes of commands that are hashed into a policy (part 2, 6.5.2). */
const [POLICY_NV, POLICY_AUTHORIZE, POLICY_PCR] = [0x149, 0x16a, 0x17f];
/** Bytes of the modulus of RSA-2048, the one size that every TPM takes. */
export const MODULUS_BYTES = 256;

/**
 * The registers that a policy is about: one says nothing without the others (docs/adr/0305).
 */
export const REGISTERS = [7, 11, 12, 13] as const;
/** Of them the one into which a firmware measures its Secure Boot. */
export const SECURE_BOOT = REGISTERS[0];

/** What a policy opens: each has a signature of its own, so that none opens the others. */
export type Use = 'key' | 'counter' | 'memory';

/** A key of a site that signs policies, RSA-2048 with the exponent 65537. */
export interface PcrKey {
  /** 256 bytes */
  readonly modulus: Uint8Array;
  /** TPMT_PUBLIC, as `tpm2_loadexternal -G rsa -u` loads it */
  readonly area: Uint8Array;
  /** Of the area, 34 bytes: policies refer to the key by it */
  readonly name: Uint8Array;
}

/** The keys of a site that sign policies: the one that does now, and the one before it. */
export const pcrKeysOf = ({ pcrKeys = [] }: Pick<Site, 'pcrKeys'>): PcrKey[] =>
  pcrKeys.map((modulus) => pcrKey(fromBase64Url(modulus)));

/** @param modulus 256 bytes */
export function pcrKey(modulus: Uint8Array): PcrKey {
  const area = new Writer()
    .u16(RSA)
    .u16(SHA256)
    .u32(0x00060040) // userWithAuth, decrypt and sign: what a key from outside has
    .u16(0) // no policy
    .u16(NONE) // nothing symmetric
    .u16(NONE) // any scheme
    .u16(MODULUS_BYTES * 8)
    .u32(65537)
    .u16(modulus.length)
    .bytes(modulus)
    .finish();
  return { modulus, area, name: nameOf(area) };
}

/** The name of a public area: its algorithm, and its digest. */
export const nameOf = (area: Uint8Array): Uint8Array => nameWith(sha256(area));

/** The name with this digest, 32 bytes: 34 bytes. */
export const nameWith = (digest: Uint8Array): Uint8Array =>
  concat(new Writer().u16(SHA256).finish(), digest);

/** A TPM2B: two bytes of size, and as many (TPM 2.0 Library part 2, 10.2). */
export const sized = (bytes: Uint8Array): Uint8Array =>
  new Writer().u16(bytes.length).bytes(bytes).finish();

const EMPTY_POLICY = new Uint8Array(32);
const command = (code: number): Uint8Array => new Writer().u32(code).finish();

/** What the signature of a policy says that it opens (policyRef). */
export const referenceOf = (use: Use): Uint8Array => utf8(`coatcheck/v1 ${use}`);

/** The policy of what only a policy opens that the key signed for this use: TPM2_PolicyAuthorize (part 3, 23.16). */
export function authorizedPolicy({ name }: PcrKey, use: Use): Uint8Array {
  const begun = sha256(EMPTY_POLICY, command(POLICY_AUTHORIZE), name);
  return sha256(begun, referenceOf(use));
}

/**
 * TPMT_PUBLIC of a machine's key that exists only in images that a key signed: fixedTPM, fixedParent, sensitiveDataOrigin,
 * noDA, sign; not userWithAuth: no password opens it (part 2, 8.3, 12.2.4).
 * @param unique what makes it one TPM's; nothing in the template that the TPM makes it from
 */
export const measuredKeyTemplate = (key: PcrKey, unique: Uint8Array): Uint8Array =>
  hmacKeyArea(0x00040432, authorizedPolicy(key, 'key'), unique);

/** TPMT_PUBLIC of a key for HMAC-SHA256. @param policy a digest; none: no bytes */
export const hmacKeyArea = (
  attributes: number,
  policy: Uint8Array,
  unique: Uint8Array,
): Uint8Array =>
  new Writer()
    .u16(KEYED_HASH)
    .u16(SHA256)
    .u32(attributes)
    .u16(policy.length)
    .bytes(policy)
    .u16(HMAC)
    .u16(SHA256)
    .u16(unique.length)
    .bytes(unique)
    .finish();

/** TPML_PCR_SELECTION of {@link REGISTERS}, of SHA-256. */
export const SELECTION = new Writer()
  .u32(1)
  .u16(SHA256)
  .u8(3)
  .bytes(selectionBits(REGISTERS))
  .finish();

function selectionBits(registers: readonly number[]): Uint8Array {
  const bits = new Uint8Array(3);
  for (const register of registers) bits[register >> 3]! |= 1 << (register & 7);
  return bits;
}

/** The policy that {@link REGISTERS} hold these values, 32 bytes each: TPM2_PolicyPCR (part 3, 23.7). */
export const registersPolicy = (values: readonly Uint8Array[]): Uint8Array =>
  sha256(EMPTY_POLICY, command(POLICY_PCR), SELECTION, sha256(...values));

/** An index of a TPM's memory, as whoever defines it describes it. */
export interface NvArea {
  readonly index: number;
  /** TPMA_NV (part 2, 13.4) */
  readonly attributes: number;
  readonly policy: Uint8Array;
  /** bytes */
  readonly size: number;
}

/** TPMS_NV_PUBLIC (part 2, 13.5) */
export const nvPublic = ({ index, attributes, policy, size }: NvArea): Uint8Array =>
  new Writer()
    .u32(index)
    .u16(SHA256)
    .u32(attributes)
    .u16(policy.length)
    .bytes(policy)
    .u16(size)
    .finish();

/** TPMA_NV: written under its policy alone, read by the owner, and no lockout; of the first, a counter (part 2, 13.4). */
export const NV_POLICY = { COUNTER: 0x02020018, ORDINARY: 0x02020008, WRITTEN: 1 << 29 } as const;
/** Where owners define what they like (TCG Registry of Reserved TPM 2.0 Handles): 22 bits. */
const FIRST_INDEX = 0x01800000;

/** An index for what has this hash, of at least 3 bytes. */
export function indexOf(hash: Uint8Array): number {
  const [a, b, c] = hash as unknown as [number, number, number];
  return FIRST_INDEX + (((a & 0x3f) << 16) | (b << 8) | c);
}

/** The counter of a machine's TPM that tells which generations of images are revoked: 8 bytes, as every counter. */
export const counterArea = (key: PcrKey): NvArea => ({
  index: indexOf(sha256(utf8('coatcheck/v1 counter'), key.name)),
  attributes: NV_POLICY.COUNTER,
  policy: authorizedPolicy(key, 'counter'),
  size: 8,
});

/**
 * Values of the counter that are one generation of images. A TPM never gives a counter a value that any had before, so one
 * that was removed, or went with TPM2_Clear, goes on behind the last: by one each time, in the same generation.
 */
const VALUES_OF_GENERATION = 64;
/** So many, at most. */
export const MAX_GENERATION = 0xffff;
/** The first value of the counter that is of a generation, 1 or more. */
export const firstOf = (generation: number): number => generation * VALUES_OF_GENERATION;
/** The last value of the counter that is of a generation. */
export const lastOf = (generation: number): number => firstOf(generation + 1) - 1;
/** The generation that a value of the counter is of. */
export const generationOf = (counter: number): number => Math.floor(counter / VALUES_OF_GENERATION);

/** A value of the counter, as TPM2_PolicyNV compares it. */
export const counterBytes = (counter: number): Uint8Array => new Writer().u64(counter).finish();
/** TPM_EO_UNSIGNED_LE (part 2, 6.8) */
export const AT_MOST = 0x0009;

/** A policy, and that the counter is at most at the end of a generation: TPM2_PolicyNV (part 3, 23.9). */
export function countedPolicy(policy: Uint8Array, key: PcrKey, generation: number): Uint8Array {
  const operand = counterBytes(lastOf(generation));
  const compared = sha256(operand, new Writer().u16(0).u16(AT_MOST).finish());
  const { attributes, ...area } = counterArea(key);
  const written = nvPublic({ ...area, attributes: attributes | NV_POLICY.WRITTEN });
  return sha256(policy, command(POLICY_NV), compared, nameOf(written));
}

/** What an image says of itself to whoever checks that a machine runs it. */
export interface ImageClaim {
  /** 1 to 64 printable ASCII characters */
  readonly version: string;
  /** 1 to {@link MAX_GENERATION} */
  readonly generation: number;
}

/** The policy that opens something for an image of a generation, where the registers are as a policy says. */
export const policyFor = (
  use: Use,
  registers: Uint8Array,
  key: PcrKey,
  generation: number,
): Uint8Array => (use === 'counter' ? registers : countedPolicy(registers, key, generation));

/** What is signed, by RSASSA-PKCS1-v1_5 with SHA-256: a policy and what it opens (part 3, 23.16, aHash). */
export const signedPolicy = (policy: Uint8Array, use: Use): Uint8Array =>
  concat(policy, referenceOf(use));

/** What is signed about an image: where the registers are so, it runs (docs/adr/0316). */
export const signedClaim = (
  registers: Uint8Array,
  { version, generation }: ImageClaim,
): Uint8Array =>
  concat(
    utf8('coatcheck/v1 image\0'),
    registers,
    new Writer().u32(generation).finish(),
    utf8(version),
  );

/** How a key is named in files: its name, hex. */
export const keyId = ({ name }: PcrKey): string => toHex(name);
/** How a key is named where it is only told from others: 16 hex digits. */
export const shortKeyId = (key: PcrKey): string => keyId(key).slice(4, 20);
