import { X509Certificate } from 'node:crypto';
import { fail } from '../protocol/errors.ts';

const PEM = /-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Of any form: `TRUSTED CERTIFICATE`, which OpenSSL has, is one that is not read. */
const BEGIN = /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/g;
const END = /-----END [A-Z0-9 ]*CERTIFICATE-----/g;
const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

/** What is said to a person of a CA without a root ({@link hasRoot}). */
export const NO_ROOT =
  "none of the certificates of the site's CA is a root: TLS believes nobody by intermediate ones alone";

/**
 * Whether one of these certificates vouches for itself, as the root of a chain does: TLS believes no
 * chain that ends before one, whoever is given as a CA.
 * @param pem as {@link parseCa} reads it
 */
export function hasRoot(pem: string): boolean {
  return parseCa(pem).some((text) => {
    const certificate = new X509Certificate(text);
    return certificate.checkIssued(certificate);
  });
}

/**
 * The certificates of a PEM text (RFC 7468), each on its own; what stands around them is ignored. Node
 * takes any text for a CA: it then believes nobody or, where the text is empty, whom it always believes.
 *
 * @param from where the text is from, for the error
 * @throws file_malformed if there is none, or any that cannot be read
 */
export function parseCa(pem: string, from = 'the CA'): string[] {
  const found = pem.match(PEM) ?? [];
  const named = Math.max(count(pem, BEGIN), count(pem, END));
  if (named === 0) {
    const why = pem.includes('\0') ? ': it is UTF-16, or no text' : '';
    const what = `there is no PEM certificate (BEGIN CERTIFICATE) in it${why}`;
    throw fail('file_malformed', `${from}: ${what}`);
  }
  if (found.length < named) {
    const said = `of the ${named} certificates in it only ${found.length} can be read: one is cut off, or of another form than BEGIN CERTIFICATE`;
    throw fail('file_malformed', `${from}: ${said}`);
  }
  try {
    for (const certificate of found) new X509Certificate(certificate);
  } catch (cause) {
    throw fail('file_malformed', `${from}: a certificate in it cannot be read`, { cause });
  }
  return found;
}
