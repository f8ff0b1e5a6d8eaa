import { X509Certificate } from 'node:crypto';
import { fail } from './errors.ts';

const PEM = /-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM text (RFC 7468), each on its own; what stands around them is ignored. Node
 * takes any text for a CA: it then believes nobody or, where the text is empty, whom it always believes.
 *
 * @throws file_malformed if there is none, or one that cannot be read
 */
export function parseCa(pem: string): string[] {
  const found = pem.match(PEM) ?? [];
  if (found.length === 0) throw fail('file_malformed', 'a CA is one PEM certificate or more');
  try {
    for (const certificate of found) new X509Certificate(certificate);
  } catch (cause) {
    throw fail('file_malformed', 'a CA has a certificate that cannot be read', { cause });
  }
  return found;
}
