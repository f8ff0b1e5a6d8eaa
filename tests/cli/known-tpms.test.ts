import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readEndorsement } from '../../agent/identity/tpm/endorsement.ts';
import { withTpm } from '../../agent/identity/tpm/device.ts';
import { concat, equalBytes, fromHex, toBase64Url, Writer } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { judge, parseKnownTpms, readKnownTpms } from '../../cli/tpm/known-tpms.ts';
import type { Endorsement } from '../../protocol/endorsement.ts';
import { hasCode } from '../../protocol/errors.ts';
import { TPM_VARIABLE } from '../support/bound-machine.ts';
import { knownText } from '../../words/attested.ts';
import { describeWith } from '../support/components.ts';
import { startSwtpm, vendorAuthorities } from '../support/swtpm.ts';

/** An hour from now: whatever is made here is good then. */
const NOW = Math.floor(Date.now() / 1000) + 3600;
const FOR_ENDORSEMENT = 'extendedKeyUsage=2.23.133.8.1';

describeWith('swtpm', 'TPMs that a site knows', () => {
  let folder: string;
  /** Of a TPM with a certificate of its vendor, and of one without. */
  let sold: Endorsement;
  let bare: Endorsement;
  let vendor: { readonly ca: string; readonly root: string };
  const at = (name: string): string => join(folder, name);
  const read = (path: string): string => readFileSync(path, 'utf8');
  const openssl = (line: string): unknown =>
    execFileSync('openssl', line.split(' '), { cwd: folder, stdio: 'pipe' });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'known-tpms-'));
    vendor = vendorAuthorities(at('vendor'));
    for (const authority of [at('vendor'), undefined]) {
      const tpm = await startSwtpm(authority);
      process.env[TPM_VARIABLE] = tpm.tcti;
      if (authority === undefined) bare = withTpm(readEndorsement);
      else sold = withTpm(readEndorsement);
      Reflect.deleteProperty(process.env, TPM_VARIABLE);
      await tpm.remove();
    }
    newCa('root', '/O=Chips/CN=ChipsRoot', 'basicConstraints=critical,CA:true');
    newCa('own', '/CN=own', 'basicConstraints=critical,CA:true');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const known = (...texts: string[]) => parseKnownTpms(texts.join(''), 'vendors.pem');
  const ask = (list: string[], of: Endorsement, now = NOW) => judge(known(...list), of, now);
  function refusal(list: string[], of: Endorsement, now = NOW): string {
    try {
      return `known: ${JSON.stringify(ask(list, of, now))}`;
    } catch (error) {
      expect(hasCode(error, 'does_not_verify')).toBe(true);
      return (error as Error).message;
    }
  }
  const spki = ({ modulus }: Endorsement): string =>
    createPublicKey({
      key: { kty: 'RSA', n: toBase64Url(modulus), e: 'AQAB' },
      format: 'jwk',
    }).export({ type: 'spki', format: 'pem' }) as string;

  /** A key and a certificate that it signed itself. */
  function newCa(name: string, subject: string, ...extensions: string[]): void {
    const more = extensions.map((one) => ` -addext ${one}`).join('');
    openssl(
      `req -x509 -newkey rsa:2048 -noenc -keyout ${name}.key -out ${name}.pem -days 30 -subj ${subject}${more}`,
    );
  }
  /** A certificate of a key, by a CA. @returns DER */
  function issue(of: string, by: string, ...extensions: string[]): Uint8Array {
    writeFileSync(at('subject.pem'), of);
    writeFileSync(at('extensions'), extensions.join('\n'));
    openssl(
      `x509 -new -force_pubkey subject.pem -subj /CN=issued -CA ${by}.pem -CAkey ${by}.key -days 10 -extfile extensions -out issued.pem`,
    );
    return Uint8Array.from(new X509Certificate(read(at('issued.pem'))).raw);
  }
  /** Makes the certificate of one CA anew, issued by another. */
  function crossSign(name: string, by: string): void {
    const key = createPublicKey(read(at(`${name}.key`)));
    writeFileSync(at('subject.pem'), key.export({ type: 'spki', format: 'pem' }));
    writeFileSync(at('extensions'), 'basicConstraints=critical,CA:true');
    openssl(
      `x509 -new -force_pubkey subject.pem -subj /CN=${name} -CA ${by}.pem -CAkey ${by}.key -days 10 -extfile extensions -out ${name}.pem`,
    );
  }
  const withCertificate = (of: Endorsement, certificate: Uint8Array): Endorsement => ({
    modulus: of.modulus,
    certificate,
  });

  it('are known by a list of keys, as keys or as certificates', async () => {
    expect(ask([spki(bare)], bare)).toEqual({ by: 'list' });
    const listed = new X509Certificate(sold.certificate).toString();
    expect(ask([spki(bare), listed], sold)).toEqual({ by: 'list' });
    expect(refusal([listed], bare)).toBe(
      'its TPM has no certificate, and its endorsement key is not in the list by itself',
    );
    writeFileSync(at('list.pem'), `of rack 7\n${spki(bare)}`);
    expect(judge(await readKnownTpms(at('list.pem')), bare, NOW)).toEqual({ by: 'list' });
  });

  it('are known by the CA of their vendor, through what is between', () => {
    const [ca, root] = [read(vendor.ca), read(vendor.root)];
    const { fingerprint256 } = new X509Certificate(root);
    expect(ask([ca, root], sold)).toEqual({
      ...{ by: 'ca', subject: 'CN=swtpm-localca-rootca' },
      sha256: fingerprint256.replaceAll(':', '').toLowerCase(),
    });
    expect(refusal([root], sold)).toBe(
      'its TPM\'s certificate was issued by "CN=swtpm-localca", which is not in the list',
    );
    expect(refusal([ca], sold)).toBe(
      'the CA "CN=swtpm-localca" was issued by "CN=swtpm-localca-rootca", which is not in the list',
    );
    expect(refusal([read(at('own.pem'))], sold)).toContain('which is not in the list');
  });

  it('are known by a certificate that its TPM keeps with more around it', () => {
    const list = [read(vendor.ca), read(vendor.root)];
    const { certificate } = sold;
    const filled = concat(certificate, new Uint8Array(400).fill(0xff));
    expect(ask(list, withCertificate(sold, filled)).by).toBe('ca');
    const head = new Writer().bytes(fromHex('100100')).u16(certificate.length).finish();
    expect(ask(list, withCertificate(sold, concat(head, filled))).by).toBe('ca');
  });

  it('are known by a certificate whose key is for OAEP alone, which OpenSSL does not read', () => {
    const plain = issue(spki(bare), 'root', FOR_ENDORSEMENT);
    const [rsa, oaep] = [fromHex('2a864886f70d010101'), fromHex('2a864886f70d010107')];
    const changed = Uint8Array.from(plain);
    const where = plain.findIndex((_, i) => equalBytes(plain.subarray(i, i + rsa.length), rsa));
    changed.set(oaep, where);
    // A certificate is a head of 4 bytes, what is signed, an algorithm of 15 bytes, and 5 and 256 bytes of a signature.
    const text = changed.subarray(4, -(15 + 5 + 256));
    const key = createPrivateKey(read(at('root.key')));
    changed.set(sign('sha256', text, key), changed.length - 256);
    expect(() => new X509Certificate(changed).publicKey).toThrow();
    expect(ask([read(at('root.pem'))], withCertificate(bare, changed)).by).toBe('ca');
    const listed = new X509Certificate(changed).toString();
    expect(ask([listed], bare)).toEqual({ by: 'list' });
  });

  it('are not known by a certificate of another key, or for something else', () => {
    const list = [read(vendor.ca), read(vendor.root), read(at('root.pem'))];
    expect(refusal(list, withCertificate(bare, sold.certificate))).toBe(
      "its TPM's certificate is of another key",
    );
    const client = issue(spki(bare), 'root', 'extendedKeyUsage=clientAuth');
    expect(refusal(list, withCertificate(bare, client))).toBe(
      "its TPM's certificate is for something else than an endorsement key",
    );
    const silent = issue(spki(bare), 'root', 'keyUsage=keyEncipherment');
    expect(ask(list, withCertificate(bare, silent)).by).toBe('ca');
  });

  it('are not known by a certificate that was forged', () => {
    const list = [read(vendor.ca), read(vendor.root), read(at('root.pem'))];
    // By another key under the same name, and with the same mark of a key.
    const { subject } = new X509Certificate(read(vendor.ca));
    const mark = /Subject Key Identifier:\s*([0-9A-F:]+)/.exec(
      String(openssl(`x509 -in ${vendor.ca} -noout -text`)),
    )?.[1];
    newCa(
      'forged',
      `/${subject}`,
      'basicConstraints=critical,CA:true',
      ...(mark === undefined ? [] : [`subjectKeyIdentifier=${mark}`]),
    );
    const forged = withCertificate(bare, issue(spki(bare), 'forged', FOR_ENDORSEMENT));
    expect(refusal(list, forged)).toBe(
      'its TPM\'s certificate is not signed by "CN=swtpm-localca", whose name it has',
    );
    // Changed after it was signed.
    const certificate = Uint8Array.from(sold.certificate);
    certificate[certificate.length - 1]! ^= 1;
    expect(refusal(list, withCertificate(sold, certificate))).toContain('is not signed by');
    // By itself: a TPM in software has the private half.
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(at('self.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    openssl(
      'req -x509 -key self.key -out self.pem -days 30 -subj /CN=self -addext basicConstraints=CA:false',
    );
    const self = new X509Certificate(read(at('self.pem')));
    const { n = '' } = self.publicKey.export({ format: 'jwk' });
    const own = { modulus: Uint8Array.from(Buffer.from(n, 'base64url')), certificate: self.raw };
    expect(refusal(list, own)).toBe(
      'its TPM\'s certificate was issued by "CN=self", which is not in the list',
    );
  });

  it('are not known by what is no CA', () => {
    newCa('leaf', '/CN=leaf', 'basicConstraints=critical,CA:false');
    const certificate = issue(spki(bare), 'leaf', FOR_ENDORSEMENT);
    expect(refusal([read(at('leaf.pem'))], withCertificate(bare, certificate))).toBe(
      'its TPM\'s certificate was issued by "CN=leaf", which is no CA',
    );
  });

  it('are not known by what a CA has for itself', () => {
    const certificate = new X509Certificate(read(at('root.pem')));
    const { n = '' } = certificate.publicKey.export({ format: 'jwk' });
    const modulus = Uint8Array.from(Buffer.from(n, 'base64url'));
    const itself = { modulus, certificate: certificate.raw };
    expect(refusal([read(at('root.pem'))], itself)).toBe("its TPM's certificate is that of a CA");
  });

  it('are not known by a CA whose key is for something else', () => {
    newCa('tls', '/CN=tls', 'basicConstraints=critical,CA:true', 'keyUsage=digitalSignature');
    const certificate = issue(spki(bare), 'tls', FOR_ENDORSEMENT);
    expect(refusal([read(at('tls.pem'))], withCertificate(bare, certificate))).toMatch(
      /^its TPM's certificate was issued by "CN=tls", which is /,
    );
  });

  it('are known by the one of two CAs of a name, in whatever order, and however many are there', () => {
    newCa('twin', '/O=Chips/CN=ChipsRoot', 'basicConstraints=critical,CA:true');
    const twins = [read(at('root.pem')), read(at('twin.pem'))];
    const { fingerprint256 } = new X509Certificate(twins[1]!);
    const certified = withCertificate(bare, issue(spki(bare), 'twin', FOR_ENDORSEMENT));
    for (const list of [
      twins,
      twins.toReversed(),
      Array<string>(500).fill(twins[0]!).concat(twins),
    ])
      expect(ask(list, certified)).toMatchObject({
        ...{ by: 'ca', subject: 'O=Chips, CN=ChipsRoot' },
        sha256: fingerprint256.replaceAll(':', '').toLowerCase(),
      });
  });

  it('are not known by CAs that lead to each other and to no root', () => {
    const names = ['one', 'other'] as const;
    for (const name of names) newCa(name, `/CN=${name}`, 'basicConstraints=critical,CA:true');
    crossSign('one', 'other');
    crossSign('other', 'one');
    const certified = withCertificate(bare, issue(spki(bare), 'one', FOR_ENDORSEMENT));
    expect(refusal([read(at('one.pem')), read(at('other.pem'))], certified)).toMatch(
      /^the CA "CN=o(ne|ther)" was issued by "CN=o(ne|ther)", which is /,
    );
  });

  it('are known by whom is shown in a line of text', () => {
    writeFileSync(
      at('odd.cnf'),
      `[req]\ndistinguished_name=dn\nprompt=no\nutf8=yes\nstring_mask=utf8only\n[dn]\nO=a\u202eb\nCN=${'ü'.repeat(60)}\nOU=line\\nCN=Chips”\n[v3]\nbasicConstraints=critical,CA:true\n`,
    );
    openssl(
      'req -x509 -newkey rsa:2048 -noenc -keyout odd.key -out odd.pem -days 30 -config odd.cnf -extensions v3',
    );
    const found = ask(
      [read(at('odd.pem'))],
      withCertificate(bare, issue(spki(bare), 'odd', FOR_ENDORSEMENT)),
    );
    expect(knownText(found)).toMatch(/^“O=a<U\+202E>b, CN=ü{60}, OU=line.*” certified it/);
  });

  it('are not known by what is not good yet, or no more', () => {
    const list = [read(at('root.pem'))];
    const certified = withCertificate(bare, issue(spki(bare), 'root', FOR_ENDORSEMENT));
    const day = 86_400;
    expect(ask(list, certified).by).toBe('ca');
    expect(refusal(list, certified, NOW - day)).toMatch(/^its TPM's certificate is good from /);
    expect(refusal(list, certified, NOW + 11 * day)).toMatch(
      /^its TPM's certificate was good until /,
    );
    // Which outlives its CA.
    const { ca, root } = vendor;
    expect(ask([read(ca), read(root)], sold, NOW + 1000 * day).by).toBe('ca');
    writeFileSync(at('subject.pem'), spki(bare));
    openssl(
      'x509 -new -force_pubkey subject.pem -subj /CN=issued -CA root.pem -CAkey root.key -days 1000 -out long.pem',
    );
    const long = new X509Certificate(read(at('long.pem'))).raw;
    expect(refusal(list, withCertificate(bare, long), NOW + 31 * day)).toMatch(
      /^the CA "O=Chips, CN=ChipsRoot" was good until /,
    );
  });

  it('are not known by what is no certificate, whatever it is', () => {
    const list = [read(vendor.ca), read(vendor.root)];
    const whole = sold.certificate;
    for (let length = 0; length < whole.length; length += 7) {
      expect(refusal(list, withCertificate(sold, whole.subarray(0, length)))).toBe(
        length === 0
          ? 'its TPM has no certificate, and its endorsement key is not in the list by itself'
          : "its TPM's certificate cannot be read",
      );
    }
    for (let byte = 0; byte < whole.length; byte += 3) {
      const changed = Uint8Array.from(whole);
      changed[byte]! ^= 0x81;
      expect(refusal(list, withCertificate(sold, changed))).not.toMatch(/^known/);
    }
  });

  it('are read of a file that says what is wrong with it', () => {
    const errorOf = (text: string): string => {
      try {
        known(text);
      } catch (error) {
        expect(error instanceof CoatcheckError && hasCode(error, 'file_malformed')).toBe(true);
        return (error as Error).message;
      }
      return 'none';
    };
    expect(errorOf('\0\x01')).toContain('vendors.pem has neither a certificate nor a public key');
    expect(errorOf(spki(bare) + read(at('root.key')))).toBe(
      'block 2 of vendors.pem, "PRIVATE KEY", is neither CERTIFICATE nor PUBLIC KEY',
    );
    const cut = spki(bare).slice(0, 200);
    expect(errorOf(cut + spki(sold))).toBe(
      'block 1 of vendors.pem has no end, or more in it than base64',
    );
    expect(errorOf(spki(sold) + cut)).toContain('block 2 of vendors.pem has no end');
    for (const made of [
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }),
    ]) {
      const key = made.publicKey.export({ type: 'spki', format: 'pem' }) as string;
      expect(errorOf(key)).toBe(
        'block 1 of vendors.pem, "PUBLIC KEY", cannot be read: it is not of RSA with 2048 bits, as the endorsement keys are',
      );
    }
    expect(errorOf(`# of rack 7 - and 8\n${spki(bare)}`.replaceAll('\n', '\r\n'))).toBe('none');
    for (const label of ['CERTIFICATE', 'PUBLIC KEY']) {
      const text = `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`;
      expect(errorOf(text)).toContain(`block 1 of vendors.pem, "${label}", cannot be read`);
    }
  });
});
