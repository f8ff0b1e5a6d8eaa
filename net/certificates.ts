import { X509Certificate } from 'node:crypto';
import { fail } from '../protocol/errors.ts';

const PEM = /-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM text (RFC 7468), each on its own; what stands around them is ignored. Node
 * takes any text for a CA: it then believes nobody or, where the text is empty, whom it always believes.
 *
 * @param from where the text is from, for the error
 * @throws file_malformed if there is none, or one that cannot be read
 */
export function parseCa(pem: string, from = 'the CA'): string[] {
  const found = pem.match(PEM) ?? [];
  if (found.length === 0) {
    throw fail('file_malformed', `${from}: there is no PEM certificate (BEGIN CERTIFICATE) in it`);
  }
  try {
    for (const certificate of found) new X509Certificate(certificate);
  } catch (cause) {
    throw fail('file_malformed', `${from}: a certificate in it cannot be read`, { cause });
  }
  return found;
}
