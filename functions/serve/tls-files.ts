import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { parseCa } from '../../net/certificates.ts';
import { fail } from '../../protocol/errors.ts';

/** What a server shows over TLS, PEM: the certificate with those between it and a root, and its key. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Limit on each file, bytes. */
const MAX_BYTES = 64 * 1024;

/**
 * Reads the two files, whose names may lead to others: tools that renew certificates change a link. The key is a file
 * that others cannot read.
 * @param now unix seconds
 * @throws file_missing, file_unsafe, file_malformed, naming the file; also for a key of another certificate, and for a
 *   certificate that has ended
 */
export async function readServerCertificate(
  files: { readonly cert: string; readonly key: string },
  now: number,
): Promise<ServerCertificate> {
  const cert = textIn(await readLocalFile(files.cert, { maxBytes: MAX_BYTES }), files.cert);
  const key = textIn(
    await readLocalFile(files.key, { maxBytes: MAX_BYTES, secret: true }),
    files.key,
  );
  const own = new X509Certificate(parseCa(cert, files.cert)[0]!);
  const ends = Date.parse(own.validTo) / 1000;
  if (ends <= now) {
    throw fail('file_malformed', `${files.cert}: the certificate ended on ${own.validTo}`);
  }
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const why = `${files.key} is no key of the certificate in ${files.cert}, or has a passphrase`;
    throw fail('file_malformed', why, { cause });
  }
  return { cert, key };
}
