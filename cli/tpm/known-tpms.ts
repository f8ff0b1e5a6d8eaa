import { X509Certificate } from 'node:crypto';
import { concat, equalBytes, fromHex, utf8 } from '../../bundle/bytes.ts';
import { bundleError, quote } from '../../bundle/errors.ts';
import { MAX_SUBJECT_BYTES } from '../../protocol/endorsement.ts';
import type { Endorsement, KnownBy } from '../../protocol/endorsement.ts';
import { fail } from '../../protocol/errors.ts';
import { MODULUS_BYTES } from '../../protocol/measured.ts';
import { readLocalFile } from '../../files/read.ts';
import { certifiedBits, element, keyBits } from './der.ts';

/** What a site knows TPMs by: the CAs of vendors, and single endorsement keys. */
export interface KnownTpms {
  readonly authorities: readonly X509Certificate[];
  /** Of single keys: RSAPublicKey (RFC 8017, A.1.1) */
  readonly keys: readonly Uint8Array[];
  /** Certificates of single keys */
  readonly listed: readonly X509Certificate[];
}

const MAX_FILE_BYTES = 1024 * 1024;
/** A certificate of an endorsement key (TCG EK Credential Profile, 3.2.16) */
const FOR_ENDORSEMENT = '2.23.133.8.1';
/** Between an endorsement key and a root. */
const MAX_CHAIN = 8;

/**
 * Reads a file of PEM: certificates of CAs, certificates of single endorsement keys, and public keys alone.
 * @throws file_missing, file_malformed
 */
export async function readKnownTpms(path: string): Promise<KnownTpms> {
  const content = await readLocalFile(path, { maxBytes: MAX_FILE_BYTES });
  return parseKnownTpms(new TextDecoder().decode(content), path);
}

/** {@link readKnownTpms}, of what was read. @throws file_malformed */
export function parseKnownTpms(text: string, path: string): KnownTpms {
  const [authorities, listed, keys] = [[], [], []] as [
    X509Certificate[],
    X509Certificate[],
    Uint8Array[],
  ];
  const blocks = text.split('-----BEGIN ').slice(1);
  blocks.forEach((block, i) => {
    const [, label = '', body = ''] = /^([^-]*)-----([^-]*)-----END \1-----/.exec(block) ?? [];
    const der = Uint8Array.from(Buffer.from(body, 'base64'));
    if (label === '') {
      throw fail(
        'file_malformed',
        `block ${i + 1} of ${path} has no end, or more in it than base64`,
      );
    }
    const which = `block ${i + 1} of ${path}, ${quote(label)},`;
    try {
      if (label === 'PUBLIC KEY') keys.push(endorsementBits(der));
      else if (label === 'CERTIFICATE') {
        const certificate = new X509Certificate(der);
        if (certificate.ca) authorities.push(certificate);
        else {
          listed.push(certificate);
          keys.push(certifiedBits(der));
        }
      }
    } catch (error) {
      throw fail('file_malformed', `${which} cannot be read: ${(error as Error).message}`);
    }
    if (label !== 'PUBLIC KEY' && label !== 'CERTIFICATE') {
      throw fail('file_malformed', `${which} is neither CERTIFICATE nor PUBLIC KEY`);
    }
  });
  if (blocks.length === 0) {
    throw fail(
      'file_malformed',
      `${path} has neither a certificate nor a public key in PEM; of one in DER, openssl x509 -inform der makes one`,
    );
  }
  return { authorities, listed, keys };
}

/** {@link keyBits} of a key that an EK can be. @throws truncated, bad_field */
function endorsementBits(info: Uint8Array): Uint8Array {
  const bits = keyBits(info);
  const modulus = bits.subarray(RSA_HEAD.length, -RSA_TAIL.length);
  if (equalBytes(bits, rsaPublicKey(modulus)) && modulus.length === MODULUS_BYTES) return bits;
  throw bundleError('bad_field', 'it is not of RSA with 2048 bits, as the endorsement keys are');
}

/**
 * Who knows an endorsement key.
 * @param now unix seconds
 * @throws does_not_verify with why nobody does
 */
export function judge(
  { authorities, listed, keys }: KnownTpms,
  { modulus, certificate: kept }: Endorsement,
  now: number,
): KnownBy {
  const own = rsaPublicKey(modulus);
  if (keys.some((key) => equalBytes(key, own))) return { by: 'list' };
  if (kept.length === 0) {
    throw refused(
      'its TPM has no certificate, and its endorsement key is not in the list by itself',
    );
  }
  const certificate = readKept(kept);
  if (certificate === undefined) throw refused("its TPM's certificate cannot be read");
  if (!equalBytes(certifiedBits(certificate.raw), own)) {
    throw refused("its TPM's certificate is of another key");
  }
  // Its key signs in the name of whoever certified it, and is in no TPM as an EK.
  if (certificate.ca) throw refused("its TPM's certificate is that of a CA");
  const { keyUsage } = certificate as { readonly keyUsage?: readonly string[] };
  if (keyUsage !== undefined && !keyUsage.includes(FOR_ENDORSEMENT)) {
    throw refused("its TPM's certificate is for something else than an endorsement key");
  }
  const found = rootOf(
    certificate,
    "its TPM's certificate",
    { authorities, listed },
    now,
    MAX_CHAIN,
  );
  if (typeof found === 'string') throw refused(found);
  const sha256 = found.fingerprint256.replaceAll(':', '').toLowerCase();
  return { by: 'ca', sha256, subject: cut(nameOf(found.subject)) };
}

const refused = (why: string): Error => fail('does_not_verify', why);

/** RSAPublicKey with the exponent 65537. */
const rsaPublicKey = (modulus: Uint8Array): Uint8Array => concat(RSA_HEAD, modulus, RSA_TAIL);
const [RSA_HEAD, RSA_TAIL] = [fromHex('3082010a0282010100'), fromHex('0203010001')];

/**
 * The certificate in what a TPM keeps for one: some have filled the rest of the index, some have a head of five bytes (TCG PC
 * Client Specific Implementation Specification for TPM 1.2, 7.3.2). Undefined where none can be read.
 */
function readKept(kept: Uint8Array): X509Certificate | undefined {
  const isWrapped = equalBytes(kept.subarray(0, 3), fromHex('100100'));
  try {
    const read = new X509Certificate(element(isWrapped ? kept.subarray(5) : kept).whole);
    certifiedBits(read.raw);
    return read;
  } catch {
    return undefined;
  }
}

/**
 * The root that a certificate leads to, by CAs that were given, each of which is good at this time; or why it leads to none.
 * @param what how it is called
 */
function rootOf(
  certificate: X509Certificate,
  what: string,
  known: Pick<KnownTpms, 'authorities' | 'listed'>,
  now: number,
  left: number,
): X509Certificate | string {
  const dates = [certificate.validFrom, certificate.validTo].map((text) => Date.parse(text) / 1000);
  const [from = NaN, until = NaN] = dates;
  if (!(from <= now)) return `${what} is good from ${certificate.validFrom} on`;
  if (!(now <= until)) return `${what} was good until ${certificate.validTo}`;
  const issued = (one: X509Certificate): boolean => certificate.checkIssued(one);
  const isTheirs = known.authorities.includes(certificate);
  if (isTheirs && issued(certificate) && isSignedBy(certificate, certificate)) return certificate;
  const issuer = quote(nameOf(certificate.issuer));
  const issuers = left === 0 ? [] : known.authorities.filter(issued);
  let why = `${what} is not signed by ${issuer}, whose name it has`;
  if (issuers.length === 0) {
    const isListed = known.listed.some(issued);
    why = `${what} was issued by ${issuer}, which is ${isListed ? 'no CA' : 'not in the list'}`;
  }
  for (const one of issuers.filter((other) => isSignedBy(certificate, other))) {
    const found = rootOf(one, `the CA ${quote(nameOf(one.subject))}`, known, now, left - 1);
    if (typeof found !== 'string') return found;
    why = found;
  }
  return why;
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    return false; // of an algorithm that is not known here
  }
}

/** A name of X.509 in a line; Node has a line for each part, and nothing for one without any. */
const nameOf = (name: string | undefined): string => (name ?? '').replaceAll('\n', ', ') || '-';

/** At most so many bytes of UTF-8 as can be signed, and no half of a character. */
const cut = (text: string): string =>
  new TextDecoder().decode(utf8(text).subarray(0, MAX_SUBJECT_BYTES)).replace(/\ufffd+$/, '');
