import {
  encodeManifest,
  equalBytes,
  fromBase64Url,
  fromHex,
  toBase64Url,
  toHex,
} from '../bundle/index.ts';
import { Reader } from '../bundle/bytes.ts';
import type { Manifest, Metadata, NodeId, Report, SealedBundle } from '../bundle/index.ts';
import { reportText } from '../bundle/report.ts';
import { digestWords } from '../bundle/words.ts';
import {
  decodeAttestation,
  measuredKeyName,
  qualifying,
  readAttest,
  voucherId,
  voucherPoint,
} from '../protocol/attestation.ts';
import type { Attestation, AttestedText, Vouched } from '../protocol/attestation.ts';
import {
  pcrKeysOf,
  REGISTERS,
  registersPolicy,
  SECURE_BOOT,
  SELECTION,
  signedClaim,
} from '../protocol/measured.ts';
import type { PcrKey } from '../protocol/measured.ts';
import { replayed } from '../protocol/measured-events.ts';
import type { KnownBy } from '../protocol/endorsement.ts';
import { activationFor } from './endorsed.ts';
import { sha256 } from '#platform';
import type { Site } from '../protocol/site.ts';

/** Why what a machine's TPM vouches for does not show what it claims. */
export type AttestationFault =
  /** It is no attestation that this program reads. */
  | { readonly code: 'malformed' }
  /** Its key may sign what no TPM made, or exist elsewhere. */
  | { readonly code: 'not_restricted' }
  /** The quote, or the certificate, is not signed by its key. */
  | { readonly code: 'bad_signature'; readonly of: 'quote' | 'certificate' }
  /** The quote, or the certificate, was made for something else than the attestation says. */
  | { readonly code: 'not_bound'; readonly of: 'quote' | 'certificate' }
  /** It was made by another machine. */
  | { readonly code: 'other_machine' }
  /** It is an old one: made when another decision was in force. */
  | { readonly code: 'other_decision' }
  /** It was made for another report, or another proposal. */
  | { readonly code: 'other_text' }
  /** The quote is not about the registers as they are shown. */
  | { readonly code: 'not_quoted' }
  /** Its event log gives others than these registers are. */
  | { readonly code: 'not_replayed'; readonly registers: readonly number[] }
  /** The site has no such key that signs images. */
  | { readonly code: 'unknown_key' }
  /**
   * Nothing that the site signed is about the registers as they are. `registers`: those that were others when it was
   * approved, or that hold something where an image that the site signed leaves them empty.
   */
  | { readonly code: 'unsigned'; readonly registers: readonly number[] }
  /** The TPM certified another key than one that exists in images of the site alone. */
  | { readonly code: 'uncertified' }
  /** Another TPM was approved, by its words. */
  | { readonly code: 'other_tpm'; readonly approved: string }
  /** The TPM was started fewer times than when it was approved: it was cleared, or this is older. */
  | { readonly code: 'fewer_starts'; readonly starts: number; readonly approved: number }
  /** It is not the answer that only the TPM which administrators know can give. */
  | { readonly code: 'wrong_answer' };

/** What an attestation comes to by itself. */
export interface AttestedFacts {
  /** absent where it is malformed */
  readonly says?: {
    readonly version: string;
    readonly generation: number;
    readonly tpm: ApprovedTpm;
    /** digest of the statement in force, 64 hex digits */
    readonly statement: string;
    /** SHA-256 of what it answers to what administrators know the TPM by, 64 hex digits; absent where it does not */
    readonly answer?: string;
  };
  readonly faults: readonly AttestationFault[];
}

/** A TPM, as the attestation in the bundle in force has it: whoever approved that approved it. */
export interface ApprovedTpm {
  /** 64 hex digits: of its key's name */
  readonly voucher: string;
  /** how often it had been started */
  readonly starts: number;
  /** what its registers held, 64 hex digits each */
  readonly registers: readonly string[];
  /** what went into PCR 7, digests of 64 hex digits; none where no event log said so */
  readonly secureBoot: readonly { readonly name: string; readonly digest: string }[];
  /** who knows it, SHA-256 of what it answers then, and the decision that says so, 64 hex digits each; absent where nobody does */
  readonly known?: { readonly by: KnownBy; readonly answer: string; readonly since: string };
}

/** What a machine's TPM vouches for, judged. */
export interface AttestedView {
  /** the image that it says it runs; absent where that cannot be read */
  readonly image?: { readonly version: string; readonly generation: number };
  /** eight, of the TPM, as the console of the machine shows them */
  readonly words?: string;
  /** whether administrators approved this TPM */
  readonly approved: boolean;
  /** who knows the TPM, which showed that it is the one; only where there are no faults */
  readonly known?: KnownBy;
  /** Somebody knows a TPM, and this one did not show yet that it is that. */
  readonly unanswered?: true;
  /**
   * What of PCR 7, its firmware's Secure Boot, is another than when the TPM was approved, in the machine's words; none where no
   * event log says. Absent where nothing is, no TPM was approved, or there are faults.
   */
  readonly changed?: readonly string[];
  /** a later generation of images than its own, of which a machine was shown to run */
  readonly newest?: number;
  /** Without any, it is so: this image runs, and the machine's key exists in images that the site signed alone. */
  readonly faults: readonly AttestationFault[];
}

/** An attestation, against the text that it came with. */
export async function readAttested(
  site: Pick<Site, 'id' | 'pcrKeys'>,
  bytes: Uint8Array,
  about: AttestedText,
): Promise<AttestedFacts> {
  const read = readable(bytes);
  if (read === undefined) return { faults: [{ code: 'malformed' }] };
  const { attestation, quote, certificate } = read;
  const { image, key, unique, registers, voucher } = attestation;
  const others = notReplayed(attestation);
  const point = voucherPoint(voucher);
  const siteKey = pcrKeysOf(site).find(({ name }) => equalBytes(name.subarray(2), key));
  const data = qualifying(site.id, attestation.about);
  const areSame = (name: 'statement' | 'text'): boolean =>
    equalBytes(attestation.about[name], about[name]);
  const isSigned = (vouched: Vouched): Promise<boolean> =>
    point === undefined ? Promise.resolve(true) : isVouched(point, vouched);

  const faults: (AttestationFault | false)[] = [
    point === undefined && { code: 'not_restricted' },
    !(await isSigned(attestation.quote)) && { code: 'bad_signature', of: 'quote' },
    !(await isSigned(attestation.certificate)) && { code: 'bad_signature', of: 'certificate' },
    !equalBytes(quote.extraData, data) && { code: 'not_bound', of: 'quote' },
    !equalBytes(certificate.extraData, data) && { code: 'not_bound', of: 'certificate' },
    attestation.about.node !== about.node && { code: 'other_machine' },
    !areSame('statement') && { code: 'other_decision' },
    !areSame('text') && { code: 'other_text' },
    !equalBytes(quote.attested, quotedOf(registers)) && { code: 'not_quoted' },
    others.length > 0 && { code: 'not_replayed', registers: others },
    ...(siteKey === undefined
      ? [{ code: 'unknown_key' } as const]
      : [
          !(await isClaimed(siteKey, attestation)) &&
            ({ code: 'unsigned', registers: [] } as const),
          !equalBytes(certificate.certified, measuredKeyName(siteKey, unique)) &&
            ({ code: 'uncertified' } as const),
        ]),
  ];
  const tpm = tpmOf(read, others);
  const { answer } = attestation;
  const says = {
    ...{ ...image, tpm, statement: toHex(attestation.about.statement) },
    ...(answer && { answer: toHex(sha256(answer)) }),
  };
  return { says, faults: faults.filter((fault) => fault !== false) };
}

/** {@link AttestedFacts} of a machine about which something is in force, or nothing. */
export function attestedView(
  { says, faults }: AttestedFacts,
  approved?: ApprovedTpm,
): AttestedView {
  if (says === undefined) return { approved: false, faults };
  const { version, generation, tpm, answer, statement } = says;
  const isOther = approved !== undefined && approved.voucher !== tpm.voucher;
  const isApproved = approved !== undefined && !isOther;
  const known = isApproved ? approved.known : undefined;
  const isAnswered = known !== undefined && answer === known.answer;
  // One of before is about what administrators knew it by then.
  const isWrong = answer !== undefined && !isAnswered && statement === known?.since;
  const more: AttestationFault[] = [
    ...faults.map((fault) =>
      fault.code === 'unsigned' ? { ...fault, registers: suspects(tpm, approved) } : fault,
    ),
    ...(isOther ? [{ code: 'other_tpm', approved: wordsOf(approved) } as const] : []),
    ...(isApproved && tpm.starts < approved.starts
      ? [{ code: 'fewer_starts', starts: tpm.starts, approved: approved.starts } as const]
      : []),
    ...(isWrong ? [{ code: 'wrong_answer' } as const] : []),
  ];
  const changed = isApproved && more.length === 0 ? changedOf(tpm, approved) : undefined;
  return {
    image: { version, generation },
    words: wordsOf(tpm),
    approved: isApproved,
    ...(isAnswered && more.length === 0 && { known: known.by }),
    ...(known !== undefined && !isAnswered && !isWrong && { unanswered: true }),
    ...(changed && { changed }),
    faults: more,
  };
}

/** Eight words of a TPM. */
export const wordsOf = ({ voucher }: Pick<ApprovedTpm, 'voucher'>): string =>
  digestWords(fromHex(voucher));

/** @param others registers that its event log gives otherwise */
function tpmOf({ attestation, quote }: Readable, others: readonly number[]): ApprovedTpm {
  const { events, registers } = attestation;
  const isGiven = !others.includes(SECURE_BOOT);
  const secureBoot = events.filter(({ register }) => isGiven && register === SECURE_BOOT);
  return {
    ...{ voucher: voucherId(attestation), starts: quote.starts },
    registers: registers.map(toHex),
    secureBoot: secureBoot.map(({ name, digest }) => ({ name, digest: toHex(digest) })),
  };
}

/** Of which registers its event log gives others; not of those that it says nothing of. */
function notReplayed({ events, registers }: Attestation): number[] {
  const gives = replayed(events);
  return REGISTERS.filter(
    (register, i) =>
      events.some((event) => event.register === register) && !equalBytes(gives[i]!, registers[i]!),
  );
}

/** What of Secure Boot is another; undefined where nothing is. */
function changedOf(now: ApprovedTpm, then: ApprovedTpm): string[] | undefined {
  const at = REGISTERS.indexOf(SECURE_BOOT);
  if (now.registers[at] === then.registers[at]) return undefined;
  if (now.secureBoot.length === 0 || then.secureBoot.length === 0) return [];
  const digests = (of: ApprovedTpm, name: string): string =>
    of.secureBoot.flatMap((event) => (event.name === name ? [event.digest] : [])).join();
  const names = new Set([...now.secureBoot, ...then.secureBoot].map(({ name }) => name));
  return [...names].filter((name) => digests(now, name) !== digests(then, name));
}

/** What of the registers is another than was approved; and of 12 and 13 what is not empty. */
const suspects = ({ registers }: ApprovedTpm, approved: ApprovedTpm | undefined): number[] =>
  REGISTERS.filter((register, i) => {
    const isEmpty = /^0+$/.test(registers[i]!);
    if (register >= 12) return !isEmpty;
    return approved !== undefined && approved.registers[i] !== registers[i];
  });

/**
 * The TPM that whoever approved a bundle with these metadata approved; undefined where it names none.
 * @param decision digest of the statement that put the bundle in force
 */
export function approvedTpm(metadata: Metadata, decision: Uint8Array): ApprovedTpm | undefined {
  const read = readableIn(metadata);
  if (read === undefined) return undefined;
  const tpm = tpmOf(read, notReplayed(read.attestation));
  const made = activationFor(metadata, tpm.voucher);
  return {
    ...tpm,
    ...(made && {
      known: { by: made.known, answer: toHex(made.answer), since: toHex(decision) },
    }),
  };
}

/** The key that vouches, which whoever approves a bundle with these metadata approves; undefined where they name none. */
export function voucherIn(metadata: Metadata): string | undefined {
  const read = readableIn(metadata);
  return read && voucherId(read.attestation);
}

/** Bytes of an attestation in metadata; none for what is no canonical base64url. */
export function attestationBytes(text: string): Uint8Array {
  try {
    return fromBase64Url(text);
  } catch {
    return new Uint8Array();
  }
}

type Readable = NonNullable<ReturnType<typeof readable>>;

const readableIn = ({ attestation }: Metadata): ReturnType<typeof readable> =>
  attestation === undefined ? undefined : readable(attestationBytes(attestation));

function readable(bytes: Uint8Array) {
  try {
    const attestation = decodeAttestation(bytes);
    const certificate = readAttest(attestation.certificate.attest, 'certify');
    const reader = new Reader(certificate.attested);
    const certified = reader.bytes(reader.u16());
    reader.bytes(reader.u16()); // its qualified name
    reader.end();
    const quote = readAttest(attestation.quote.attest, 'quote');
    return { attestation, quote, certificate: { ...certificate, certified } };
  } catch {
    return undefined;
  }
}

/** TPMS_QUOTE_INFO of these values (TPM 2.0 Library part 2, 10.12.1). */
function quotedOf(registers: readonly Uint8Array[]): Uint8Array {
  const digest = sha256(...registers);
  return Uint8Array.from([...SELECTION, 0, digest.length, ...digest]);
}

async function isVouched(point: Uint8Array, { attest, signature }: Vouched): Promise<boolean> {
  const curve = { name: 'ECDSA', namedCurve: 'P-256' };
  const raw = Uint8Array.from([4, ...point]);
  const key = await imported(() => crypto.subtle.importKey('raw', raw, curve, false, ['verify']));
  if (key === undefined) return false;
  const scheme = { name: 'ECDSA', hash: 'SHA-256' };
  return crypto.subtle.verify(scheme, key, copy(signature), copy(attest));
}

async function isClaimed({ modulus }: PcrKey, attestation: Attestation): Promise<boolean> {
  const { registers, image, signature } = attestation;
  const jwk = { kty: 'RSA', n: toBase64Url(modulus), e: 'AQAB' };
  const scheme = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const key = await imported(() => crypto.subtle.importKey('jwk', jwk, scheme, false, ['verify']));
  if (key === undefined) return false;
  const claim = signedClaim(registersPolicy(registers), image);
  return crypto.subtle.verify(scheme, key, copy(signature), copy(claim));
}

/** Undefined for a point that is not on the curve. */
async function imported(importing: () => Promise<CryptoKey>): Promise<CryptoKey | undefined> {
  try {
    return await importing();
  } catch {
    return undefined;
  }
}

const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes);

/** What vouches for a bundle that its node made; undefined where nothing does. */
export async function attestedBundle(
  site: Pick<Site, 'id' | 'pcrKeys'>,
  node: NodeId,
  {
    sealed,
    manifest,
  }: { readonly sealed?: Pick<SealedBundle, 'kind'> | undefined; readonly manifest: Manifest },
  approved: ApprovedTpm | undefined,
): Promise<AttestedView | undefined> {
  const { attestation, ...metadata } = manifest.metadata;
  if (attestation === undefined || sealed?.kind !== 'node') return undefined;
  const text = sha256(encodeManifest({ ...manifest, metadata }));
  const about = { node, statement: manifest.base, text };
  return attestedView(await readAttested(site, attestationBytes(attestation), about), approved);
}

/** What vouches for a report; undefined where nothing does. */
export async function attestedReport(
  site: Pick<Site, 'id' | 'pcrKeys'>,
  report: Report,
): Promise<AttestedFacts | undefined> {
  const { node, statementDigest: statement, attestation } = report;
  if (attestation === undefined) return undefined;
  return readAttested(site, attestation, { node, statement, text: sha256(reportText(report)) });
}
