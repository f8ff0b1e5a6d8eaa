import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';

/** A private CA, made by `openssl`. */
export interface Authority {
  /** PEM */
  readonly ca: string;
  /** Its file */
  readonly caFile: string;
  /**
   * A server's key and certificate.
   * @param names as openssl has them, e.g. `DNS:cfg.lab.test,IP:10.77.0.1`
   * @param validity two times, `YYYYMMDDHHMMSSZ`; a year from now where it is not given
   */
  issue(names: string, validity?: readonly [string, string]): { key: string; cert: string };
}

/** @param folder is made, and keeps the keys */
export function makeAuthority(folder: string): Authority {
  fs.mkdirSync(folder);
  const file = (name: string): string => join(folder, name);
  const read = (name: string): string => fs.readFileSync(file(name), 'utf8');
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];
  // Valid at any time that a test may need: only the server's dates are ever wrong.
  fs.writeFileSync(
    file('ca.cnf'),
    [
      '[ca]\ndefault_ca = own\n[own]\nnew_certs_dir = .\ndatabase = index\nserial = serial',
      'default_md = sha256\npolicy = any\nunique_subject = no\nemail_in_dn = no\ncopy_extensions = copy',
      'rand_serial = yes\n[any]\ncommonName = supplied\n[root]\nbasicConstraints = critical,CA:true\n',
    ].join('\n'),
  );
  fs.writeFileSync(file('index'), '');
  const sign = (name: string, [from, until]: readonly [string, string], ...more: string[]): void =>
    openssl(
      ...['ca', '-batch', '-notext', '-config', 'ca.cnf', '-in', `${name}.csr`],
      ...['-out', `${name}.pem`, '-startdate', from, '-enddate', until, ...more],
    );
  openssl('req', '-new', ...newKey, '-keyout', 'ca.key', '-out', 'ca.csr', '-subj', '/CN=Test CA');
  const always = ['19700101000000Z', '29991231235959Z'] as const;
  sign('ca', always, '-selfsign', '-keyfile', 'ca.key', '-extensions', 'root');
  let count = 0;
  return {
    ca: read('ca.pem'),
    caFile: file('ca.pem'),
    issue(names, validity = thisYear()) {
      const name = `server${count++}`;
      openssl(
        ...['req', '-new', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`],
        ...['-subj', '/CN=server', '-addext', `subjectAltName=${names}`],
      );
      sign(name, validity, '-cert', 'ca.pem', '-keyfile', 'ca.key');
      return { key: read(`${name}.key`), cert: read(`${name}.pem`) };
    },
  };
}

function thisYear(): [string, string] {
  const day = 86_400_000;
  const text = (at: number): string => new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '');
  return [text(Date.now() - day), text(Date.now() + 365 * day)];
}
