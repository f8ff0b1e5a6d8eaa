import { X509Certificate } from 'node:crypto';
import { fail } from '../../protocol/errors.ts';
import { parseCa } from '../../net/certificates.ts';
import { LIMIT_SECONDS } from './ask.ts';
import type { Manners } from './ask.ts';
import type { Engine } from './config.ts';

/** "Obtaining the CA Certificate" in oVirt's REST API guide. */
const PATH = '/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA';
const MAX_BYTES = 64 * 1024;

/**
 * The engine's CA, PEM: it is fetched from the engine itself, which nobody vouches for yet, and
 * believed by its fingerprint (`openssl x509 -fingerprint`).
 *
 * @throws server_unreachable; step_failed if what it shows has another fingerprint, or there is none
 *   to compare with: credentials go to nobody whom nothing vouches for
 */
export async function fetchEngineCa(
  { server, port, fingerprint }: Engine,
  { limitSeconds = LIMIT_SECONDS }: Manners = {},
): Promise<string> {
  if (fingerprint === undefined) {
    const said = `nothing vouches for the engine ${server}: give management_server_fingerprint`;
    throw fail('step_failed', said);
  }
  const pem = await fetchUnverified(server, port, limitSeconds);
  const certificates = pem.includes('BEGIN CERTIFICATE') ? parseCa(pem) : [];
  const found = certificates.find((text) => {
    const shown = new X509Certificate(text);
    return [shown.fingerprint, shown.fingerprint256].some(
      (print) => print.replaceAll(':', '') === fingerprint,
    );
  });
  if (found !== undefined) return found;
  throw fail('step_failed', `the CA that the engine ${server} shows is not the one it should be`);
}

function fetchUnverified(host: string, port: number, limitSeconds: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const refuse = (why: string): void =>
      reject(fail('server_unreachable', `the engine ${host}:${port} gave no CA: ${why}`));
    const { get } = process.getBuiltinModule('node:https');
    const request = get(
      { host, port, path: PATH, agent: false, rejectUnauthorized: false },
      (answer) => {
        const chunks: Buffer[] = [];
        let length = 0;
        answer.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > MAX_BYTES) answer.destroy(new Error('it is too long'));
          else chunks.push(chunk);
        });
        answer.on('error', (error) => refuse(error.message));
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(Buffer.concat(chunks).toString('latin1'));
          else refuse(`status ${answer.statusCode ?? 0}`);
        });
      },
    );
    const timer = setTimeout(() => request.destroy(new Error('no answer')), limitSeconds * 1000);
    request.on('close', () => clearTimeout(timer));
    request.on('error', (error) => refuse(error.message));
  });
}
