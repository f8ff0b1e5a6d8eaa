// @module-tag long
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseCa } from '../../net/certificates.ts';
import { EXIT } from '../../protocol/errors.ts';
import { parseSite } from '../../protocol/site.ts';
import { toHex } from '../../bundle/bytes.ts';
import { runCli } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import type { Run } from '../support/run.ts';

const PASSPHRASE = 'what only they know';
/** An EFI program that is not signed: the stub that every image begins with. */
const PROGRAM = '/usr/lib/systemd/boot/efi/linuxx64.efi.stub';
/** What a command that fails says in its one line. */
const said = ({ stderr }: Run): string => stderr.trimEnd();
const saying = (what: string, code: string): RegExp =>
  new RegExp(`${what.replaceAll('.', '\\.')}.*\\[${code}\\]$`);
/** Namespaces of variables, as firmware keeps a GUID: EFI_GLOBAL_VARIABLE, EFI_IMAGE_SECURITY_DATABASE_GUID. */
const GLOBAL = '61dfe48bca93d211aa0d00e098032b8c';
const IMAGE_SECURITY = 'cbb219d73a3d9645a3bcdad00e67656f';
/** Firmware takes PKCS #7 without what says that it is that: openssl does not. */
function contentInfo(signedData: Buffer): Buffer {
  const tagged = (tag: number, ...parts: Buffer[]): Buffer => {
    const content = Buffer.concat(parts);
    return Buffer.concat([
      Buffer.of(tag, 0x82, content.length >> 8, content.length & 255),
      content,
    ]);
  };
  const isSignedData = Buffer.from('06092a864886f70d010702', 'hex');
  return tagged(0x30, isSignedData, tagged(0xa0, signedData));
}
const NAMES = ['PK', 'KEK', 'db'];

describeWith('secureboot', 'images for Secure Boot', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-image-keys-'));
  const at = (...names: string[]): string => join(folder, ...names);
  let number = 0;
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  const run = (home: string, args: readonly string[], passphrase = PASSPHRASE): Promise<Run> =>
    runCli(['--home', home, ...args], { env: { COATCHECK_PASSPHRASE: passphrase } });

  /** A site, with keys or not. */
  async function site(...keys: string[]): Promise<string> {
    const home = at(`site${number++}`);
    expect((await run(home, ['init'])).code).toBe(0);
    if (keys.length > 0) expect(await run(home, keys)).toMatchObject({ code: 0 });
    return home;
  }
  const keys = (home: string, name: string): Buffer =>
    fs.readFileSync(join(home, 'image-keys', name));

  /** Keys as others make them. */
  function elsewhere(): string {
    const made = at(`elsewhere${number++}`);
    fs.mkdirSync(made);
    for (const name of NAMES) {
      const files = ['-keyout', join(made, `${name}.key`), '-out', join(made, `${name}.crt`)];
      const kind = [
        'req',
        '-new',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        `/CN=${name}`,
      ];
      execFileSync('openssl', [...kind, ...files], { stdio: 'pipe' });
    }
    return made;
  }

  let home: string;
  beforeAll(async () => {
    home = await site('image', 'keys');
  });

  it('have three keys, each with what firmware takes of it', () => {
    const { id } = parseSite(fs.readFileSync(join(home, 'site.json'), 'utf8'), parseCa);
    for (const name of NAMES) {
      const der = keys(home, `${name}.der`);
      const x509 = new X509Certificate(keys(home, `${name}.crt`));
      expect(x509.subject).toBe(`CN=coatcheck ${name} ${toHex(id)}`);
      expect(x509.raw.equals(der)).toBe(true);
      const esl = keys(home, `${name}.esl`);
      // EFI_SIGNATURE_LIST: 28 bytes, then a GUID, and the certificate.
      expect(esl.subarray(28 + 16).equals(der)).toBe(true);
      const auth = keys(home, `${name}.auth`);
      expect(auth.subarray(-esl.length).equals(esl)).toBe(true);
    }
  });

  it.each([
    ['PK', 'PK'],
    ['KEK', 'PK'],
    ['db', 'KEK'],
  ])('have %s changed by %s alone', (name, signer) => {
    for (const other of NAMES) {
      expect([other, isSignedBy(name, other)]).toEqual([other, other === signer]);
    }
  });

  /** Whether firmware takes a list as signed by a key (UEFI 2.10, 8.2.2: EFI_VARIABLE_AUTHENTICATION_2). */
  function isSignedBy(name: string, signer: string): boolean {
    const auth = keys(home, `${name}.auth`);
    const end = 16 + auth.readUInt32LE(16);
    const signedData = auth.subarray(40, end);
    // What is signed: the variable's name and namespace, its attributes, the time, the list.
    const namespace = name === 'db' ? IMAGE_SECURITY : GLOBAL;
    const attributes = Buffer.of(0x27, 0, 0, 0);
    const signed = [Buffer.from(name, 'utf16le'), Buffer.from(namespace, 'hex'), attributes];
    fs.writeFileSync(
      at('data'),
      Buffer.concat([...signed, auth.subarray(0, 16), auth.subarray(end)]),
    );
    fs.writeFileSync(at('p7'), contentInfo(signedData));
    const by = ['-certfile', join(home, 'image-keys', `${signer}.crt`), '-nointern', '-noverify'];
    const what = ['-inform', 'DER', '-in', at('p7'), '-binary', '-content', at('data')];
    return spawnSync('openssl', ['cms', '-verify', ...what, ...by], { stdio: 'pipe' }).status === 0;
  }

  it('keep the keys from whoever has the files and no passphrase', async () => {
    for (const name of NAMES) {
      expect(fs.statSync(join(home, 'image-keys', `${name}.key`)).mode & 0o777).toBe(0o600);
      const { key } = JSON.parse(keys(home, `${name}.key`).toString()) as { key: object };
      expect(Object.keys(key)).toEqual(['kdf', 'N', 'r', 'p', 'salt', 'nonce', 'box']);
    }
    const signed = at('not-theirs.efi');
    const refused = await run(home, ['image', 'sign', PROGRAM, signed], 'what they believe');
    expect(said(refused)).toMatch(/\[wrong_passphrase\]$/);
    expect(fs.existsSync(signed)).toBe(false);
  });

  it('never take the place of keys that are there', async () => {
    const before = keys(home, 'db.key');
    expect(said(await run(home, ['image', 'keys']))).toMatch(/\[file_exists\]$/);
    expect(keys(home, 'db.key').equals(before)).toBe(true);
  });

  it('may have keys that were made elsewhere', async () => {
    const made = elsewhere();
    const other = await site('image', 'keys', '--from', made);
    const signed = at('elsewhere.efi');
    expect(await run(other, ['image', 'sign', PROGRAM, signed])).toMatchObject({ code: 0 });
    execFileSync('sbverify', ['--cert', join(made, 'db.crt'), signed], { stdio: 'pipe' });
  });

  it.each<[string, string, (made: string) => void]>([
    ['file_missing', 'KEK.crt', (made) => fs.rmSync(join(made, 'KEK.crt'))],
    [
      'file_malformed',
      'db.crt is a certificate of another key',
      (made) => fs.copyFileSync(join(made, 'PK.crt'), join(made, 'db.crt')),
    ],
    ['file_unsafe', 'db.key', (made) => fs.chmodSync(join(made, 'db.key'), 0o644)],
    [
      'file_malformed',
      'db.key is not a key',
      (made) => fs.writeFileSync(join(made, 'db.key'), '-'),
    ],
    [
      'file_malformed',
      'PK.key is no key of RSA',
      (made) => {
        const args = ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
        execFileSync('openssl', [...args, '-out', join(made, 'PK.key')], { stdio: 'pipe' });
      },
    ],
  ])('refuse keys that do not fit, and make nothing: %s, %s', async (code, says, spoil) => {
    const made = elsewhere();
    spoil(made);
    const other = await site();
    expect(said(await run(other, ['image', 'keys', '--from', made]))).toMatch(saying(says, code));
    expect(fs.existsSync(join(other, 'image-keys'))).toBe(false);
  });

  it('are signed, and verify as long as no bit is another', async () => {
    const signed = at('signed.efi');
    expect(await run(home, ['image', 'sign', PROGRAM, signed])).toMatchObject({ code: 0 });
    expect(await run(home, ['image', 'verify', signed])).toMatchObject({ code: 0 });
    const bytes = fs.readFileSync(signed);
    const flipped = at('flipped.efi');
    // In its first section.
    bytes[0x1000]! ^= 1;
    fs.writeFileSync(flipped, bytes);
    for (const file of [flipped, PROGRAM]) {
      const refused = await run(home, ['image', 'verify', file]);
      expect(refused.code).toBe(EXIT.refused);
      expect(said(refused)).toMatch(/\[does_not_verify\]$/);
    }
    const other = await site('image', 'keys');
    expect(said(await run(other, ['image', 'verify', signed]))).toMatch(/\[does_not_verify\]$/);
  });

  it('are a disc too, with the signed file where UEFI looks for it', async () => {
    const [signed, iso, fat, boot] = ['d.efi', 'd.iso', 'd.img', 'd-boot.efi'].map((n) => at(n));
    const args = ['image', 'sign', PROGRAM, signed!, '--iso', iso!];
    expect(await run(home, args)).toMatchObject({ code: 0 });
    const extract = ['-osirrox', 'on', '-indev', iso!, '-extract', '/efi.img', fat!];
    execFileSync('xorriso', extract, { stdio: 'pipe' });
    execFileSync('mcopy', ['-i', fat!, '::/EFI/BOOT/BOOTX64.EFI', boot!], { stdio: 'pipe' });
    expect(fs.readFileSync(boot!).equals(fs.readFileSync(signed!))).toBe(true);
  });

  it('are not signed twice, and nothing else is', async () => {
    const [once, twice, text] = [at('once.efi'), at('twice.efi'), at('text')];
    fs.writeFileSync(text, 'no program\n');
    expect(await run(home, ['image', 'sign', PROGRAM, once])).toMatchObject({ code: 0 });
    for (const [file, code, says] of [
      [once, 'file_malformed', 'is signed already'],
      [text, 'file_malformed', 'is no EFI program'],
      [at('none'), 'file_missing', 'does not exist'],
      [twice, 'usage', 'name another file'],
    ] as const) {
      expect(said(await run(home, ['image', 'sign', file, twice]))).toMatch(saying(says, code));
    }
    expect(fs.readdirSync(folder).filter((name) => /^\.|twice/.test(name))).toEqual([]);
  });

  it('have it foreseen what a TPM holds once they run: by the image, by what is enrolled and refused', async () => {
    const policy = async (...args: string[]): Promise<Record<string, string>> => {
      const { code, stdout } = await run(home, ['--json', 'image', 'policy', ...args]);
      expect(code).toBe(0);
      return (JSON.parse(stdout) as { pcrs: Record<string, string> }).pcrs;
    };
    const signed = ['one', 'two'].map((name) => at(`policy-${name}.efi`));
    for (const [i, file] of signed.entries()) {
      const [linux, uki] = [at('linux'), `${file}.unsigned`];
      fs.writeFileSync(linux, `kernel ${i}\n`);
      const section = [
        '--add-section',
        `.linux=${linux}`,
        '--change-section-vma',
        '.linux=0x1a000',
      ];
      execFileSync('objcopy', [...section, PROGRAM, uki]);
      expect(await run(home, ['image', 'sign', uki, file])).toMatchObject({ code: 0 });
    }
    const [one, two] = [await policy(signed[0]!), await policy(signed[1]!)];
    expect(Object.keys(one)).toEqual(['7', '11', '12', '13']);
    expect([one['12'], one['13']]).toEqual(['0'.repeat(64), '0'.repeat(64)]);
    expect(two['7']).toBe(one['7']);
    expect(two['11']).not.toBe(one['11']);
    // Any list will do.
    const refusing = await policy(signed[0]!, '--dbx', join(home, 'image-keys', 'KEK.esl'));
    expect(refusing).toEqual({ ...one, 7: refusing['7'] });
    expect(refusing['7']).not.toBe(one['7']);
    const printed = (await run(home, ['image', 'policy', signed[0]!])).stdout;
    expect(printed).toContain(`11  ${one['11']}  kernel, initramfs, command line\n`);

    const bare = at('policy-bare.efi');
    expect(await run(home, ['image', 'sign', PROGRAM, bare])).toMatchObject({ code: 0 });
    for (const [args, says, code] of [
      [[bare], `${bare} is no image`, 'file_malformed'],
      [[PROGRAM], 'is not signed', 'does_not_verify'],
      [[signed[0]!, '--dbx', at('none')], `${at('none')} does not exist`, 'file_missing'],
    ] as const) {
      expect(said(await run(home, ['image', 'policy', ...args]))).toMatch(saying(says, code));
    }
  });

  it('say where keys come from, where there are none', async () => {
    const other = await site();
    for (const args of [
      ['sign', PROGRAM, at('x.efi')],
      ['verify', PROGRAM],
      ['policy', PROGRAM],
    ]) {
      expect(said(await run(other, ['image', ...args]))).toMatch(
        saying('image keys makes', 'file_missing'),
      );
    }
  });
});
