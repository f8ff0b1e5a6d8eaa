// @module-tag long
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseCa } from '../../net/certificates.ts';
import { EXIT } from '../../protocol/errors.ts';
import { keyId, pcrKeysOf } from '../../protocol/measured.ts';
import { parsePolicies } from '../../protocol/policies.ts';
import { formatSite, parseSite } from '../../protocol/site.ts';
import { toHex } from '../../bundle/bytes.ts';
import { writeGeneration } from '../../cli/image/generation.ts';
import { openImageKey } from '../../cli/image/image-keys.ts';
import { addSections, sectionsOf } from '../../cli/image/sections.ts';
import { arePoliciesOf, pemOfPcrKey } from '../../cli/image/sign-policies.ts';
import { runCli } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import type { Run } from '../support/run.ts';

const PASSPHRASE = 'what only they know';
/** An EFI program that is not signed: the stub that every image begins with. It is no image. */
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

  /** An image of a site that is not signed, without what would run. @param parts beside those that it has */
  async function unsigned(home: string, parts: Record<string, string> = {}): Promise<string> {
    const file = at(`unsigned${number++}.efi`);
    const all = {
      '.osrel': 'ID=debian\nIMAGE_VERSION=20261130\n',
      '.cmdline': 'stateless ip=dhcp coatcheck.key=tpm coatcheck.memory=tpm',
      '.linux': `kernel ${number}\n`,
      '.pcrpkey': fs.existsSync(join(home, 'image-keys', 'PCR.pem'))
        ? keys(home, 'PCR.pem').toString()
        : '',
      ...parts,
    };
    const sections = Object.entries(all)
      .filter(([, content]) => content !== '')
      .map(([name, content]): [string, string] => {
        const path = `${file}${name}`;
        fs.writeFileSync(path, content);
        return [name, path];
      });
    await addSections(PROGRAM, sections, file, 86_400);
    return file;
  }

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
    const args = ['genpkey', '-algorithm', 'RSA', '-out', join(made, 'PCR.key')];
    execFileSync('openssl', args, { stdio: 'pipe' });
    return made;
  }

  let home: string;
  /** Of its site. */
  let image: string;
  beforeAll(async () => {
    home = await site('image', 'keys', '--no-passphrase');
    image = await unsigned(home);
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
    const sealed = await site('image', 'keys');
    for (const name of [...NAMES, 'PCR']) {
      expect(fs.statSync(join(sealed, 'image-keys', `${name}.key`)).mode & 0o777).toBe(0o600);
      const { key } = JSON.parse(keys(sealed, `${name}.key`).toString()) as { key: object };
      expect(Object.keys(key)).toEqual(['kdf', 'N', 'r', 'p', 'salt', 'nonce', 'box']);
    }
    const signed = at('not-theirs.efi');
    const refused = await run(
      sealed,
      ['image', 'sign', await unsigned(sealed), signed],
      'what they believe',
    );
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
    const theirs = await unsigned(other);
    expect(await run(other, ['image', 'sign', theirs, signed])).toMatchObject({ code: 0 });
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
    expect(await run(home, ['image', 'sign', image, signed])).toMatchObject({ code: 0 });
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

  it('have their name once they are on disk: where a folder cannot be synced there is none', async () => {
    const fresh = at('durable');
    fs.mkdirSync(fresh);
    const made = ['s.efi', 's.iso'].map((name) => join(fresh, name)) as [string, string];
    fs.writeFileSync(made[0], 'of before');
    const args = ['--home', home, 'image', 'sign', image, made[0], '--iso', made[1]];
    const env = { NODE_OPTIONS: `--import ${resolve('tests/support/no-folder-sync.mjs')}` };
    const refused = await runCli(args, { env });
    expect(said(refused)).toMatch(/\[file_denied\]$/);
    expect(fs.readdirSync(fresh)).toEqual(['s.efi']);
    expect(fs.readFileSync(made[0], 'utf8')).toBe('of before');
  });

  it('are a disc too, with the signed file where UEFI looks for it', async () => {
    const [signed, iso, fat, boot] = ['d.efi', 'd.iso', 'd.img', 'd-boot.efi'].map((n) => at(n));
    const args = ['image', 'sign', image, signed!, '--iso', iso!];
    expect(await run(home, args)).toMatchObject({ code: 0 });
    const extract = ['-osirrox', 'on', '-indev', iso!, '-extract', '/efi.img', fat!];
    execFileSync('xorriso', extract, { stdio: 'pipe' });
    execFileSync('mcopy', ['-i', fat!, '::/EFI/BOOT/BOOTX64.EFI', boot!], { stdio: 'pipe' });
    expect(fs.readFileSync(boot!).equals(fs.readFileSync(signed!))).toBe(true);
  });

  it('are not signed twice, and nothing else is', async () => {
    const [once, twice, text] = [at('once.efi'), at('twice.efi'), at('text')];
    fs.writeFileSync(text, 'no program\n');
    expect(await run(home, ['image', 'sign', image, once])).toMatchObject({ code: 0 });
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

  /** What `image policy` says, whole. */
  interface Foreseen {
    readonly image?: { readonly version: string; readonly generation: number };
    readonly firmware: readonly {
      readonly folder?: string;
      readonly pcrs: Record<string, string>;
      readonly keys?: readonly string[];
    }[];
  }
  async function policy(of: string, ...args: string[]): Promise<Foreseen> {
    const { code, stdout } = await run(of, ['--json', 'image', 'policy', ...args]);
    expect(code).toBe(0);
    return JSON.parse(stdout) as Foreseen;
  }
  /** A folder with lists, each a copy of another. */
  function firmware(lists: Record<string, string | Buffer>): string {
    const made = at(`firmware${number++}`);
    fs.mkdirSync(made);
    for (const [name, content] of Object.entries(lists)) {
      fs.writeFileSync(
        join(made, name),
        typeof content === 'string' ? keys(home, content) : content,
      );
    }
    return made;
  }
  const signing = async (of: string, ...args: string[]): Promise<string> => {
    const signed = at(`signed${number++}.efi`);
    expect(await run(of, ['image', 'sign', await unsigned(of), signed, ...args])).toMatchObject({
      code: 0,
    });
    return signed;
  };

  it('have it foreseen what a TPM holds once they run: by the image, by what is enrolled and refused', async () => {
    const [one, two] = [await signing(home), await signing(home)];
    const pcrsOf = async (...args: string[]): Promise<Record<string, string>> =>
      (await policy(home, ...args)).firmware[0]!.pcrs;
    const [first, second] = [await pcrsOf(one), await pcrsOf(two)];
    expect(Object.keys(first)).toEqual(['7', '11', '12', '13']);
    expect([first['12'], first['13']]).toEqual(['0'.repeat(64), '0'.repeat(64)]);
    expect(second['7']).toBe(first['7']);
    expect(second['11']).not.toBe(first['11']);
    // Any list will do.
    const refusing = await pcrsOf(one, '--firmware', firmware({ 'dbx.esl': 'KEK.esl' }));
    expect(refusing).toEqual({ ...first, 7: refusing['7'] });
    expect(refusing['7']).not.toBe(first['7']);
    const printed = (await run(home, ['image', 'policy', one])).stdout;
    expect(printed).toContain(`11  ${first['11']}  kernel, initramfs, command line\n`);
    const own = await pcrsOf(one, '--firmware', join(home, 'image-keys'));
    expect(own).toEqual(first);
    expect(said(await run(home, ['image', 'policy', PROGRAM]))).toMatch(
      saying('is not signed', 'does_not_verify'),
    );
  });

  it('are signed for the firmware that is there and the one that will be: by every list that changes', async () => {
    const more = Buffer.concat([keys(home, 'KEK.esl'), keys(home, 'db.esl')]);
    const next = [
      firmware({ 'db.esl': more }),
      firmware({ 'dbx.esl': 'PK.esl' }),
      firmware({ 'KEK.esl': more, 'PK.esl': 'KEK.esl' }),
    ];
    const states = [join(home, 'image-keys'), ...next].flatMap((one) => ['--firmware', one]);
    const now = await policy(home, await signing(home), ...states);
    expect(now.firmware.map(({ keys }) => keys?.length)).toEqual([1, 0, 0, 0]);
    expect(new Set(now.firmware.map(({ pcrs }) => pcrs['7'])).size).toBe(4);
    const ahead = await signing(home, ...states);
    const then = await policy(home, ahead, ...states);
    expect(then.firmware.map(({ keys }) => keys?.length)).toEqual([1, 1, 1, 1]);
    expect((await run(home, ['image', 'policy', ahead])).stdout).toContain('    signed for: ');
    const other = ['--firmware', firmware({ 'dbx.esl': 'db.esl' })];
    expect((await run(home, ['image', 'policy', ahead, ...other])).stdout).toContain(
      '    not signed for: ',
    );
  });

  it.each<[says: string, code: string, lists: () => Record<string, string | Buffer>]>([
    ['has none of PK.esl, KEK.esl, db.esl, dbx.esl', 'file_missing', () => ({})],
    ['add db.esl of image-keys to it', 'does_not_verify', () => ({ 'db.esl': 'KEK.esl' })],
    ['PK.esl is empty', 'file_malformed', () => ({ 'PK.esl': Buffer.alloc(0) })],
    [
      'tail -c +5',
      'file_malformed',
      () => ({ 'db.esl': Buffer.concat([Buffer.of(0x27, 0, 0, 0), keys(home, 'db.esl')]) }),
    ],
    [
      'is no list of signatures',
      'file_malformed',
      () => ({ 'dbx.esl': keys(home, 'KEK.esl').subarray(0, -1) }),
    ],
  ])('are not signed for what no firmware has: %s', async (says, code, lists) => {
    const signed = at(`not-signed${number++}.efi`);
    const refused = await run(home, [
      ...['image', 'sign', image, signed, '--firmware', firmware(lists())],
    ]);
    expect(said(refused)).toMatch(new RegExp(`\\[${code}\\]$`));
    expect(said(refused)).toContain(says);
    expect(fs.existsSync(signed)).toBe(false);
  });

  it('are not signed for more firmware than an image has room for', async () => {
    const signed = at('too-many.efi');
    const own = ['--firmware', join(home, 'image-keys')];
    const states = Array.from({ length: 41 }, () => own).flat();
    const refused = await run(home, ['image', 'sign', image, signed, ...states]);
    expect(said(refused)).toMatch(saying('sign it for fewer', 'usage'));
    expect(fs.existsSync(signed)).toBe(false);
  });

  it('bring policies along that the key of their site signed, of a generation', async () => {
    const [pcrKey] = pcrKeysOf(
      parseSite(fs.readFileSync(join(home, 'site.json'), 'utf8'), parseCa),
    );
    expect(pemOfPcrKey(pcrKey!)).toBe(keys(home, 'PCR.pem').toString());
    const signed = await signing(home);
    expect(await policy(home, signed)).toMatchObject({
      image: { version: '20261130', generation: 1 },
      firmware: [{ keys: [keyId(pcrKey!)] }],
    });
    const { content } = sectionsOf(fs.readFileSync(signed), signed).get('.pcrsig')!;
    const file = parsePolicies(content.toString(), signed);
    expect(file.policies.map((one) => arePoliciesOf(one, pcrKey!, file.image))).toEqual([true]);

    expect((await policy(home, await signing(home, '--generation', '7'))).image?.generation).toBe(
      7,
    );
    await writeGeneration(join(home, 'image-keys'), 3);
    try {
      const [third, told] = [await signing(home), at('told.efi')];
      const args = ['image', 'sign', await unsigned(home), told, '--generation', '2'];
      const older = await run(home, args);
      expect([older.code, older.stderr]).toEqual([
        0,
        expect.stringContaining('images are signed with generation 3 now: no machine on which'),
      ]);
      expect((await policy(home, third)).image?.generation).toBe(3);
      expect((await policy(home, told)).image?.generation).toBe(2);
      expect((await run(home, ['image', 'verify', third])).stdout).toContain('generation 3');
    } finally {
      fs.rmSync(join(home, 'image-keys', 'generation'));
    }
  });

  it('have policies that verify, or do not verify themselves', async () => {
    const byToken = (whole: string): string => {
      const signed = at(`by-token${number++}.efi`);
      const crt = join(home, 'image-keys', 'db.crt');
      const args = ['--key', at('db.pem'), '--cert', crt, '--output', signed, whole];
      execFileSync('sbsign', args, { stdio: 'pipe' });
      return signed;
    };
    const { key } = await openImageKey('db', join(home, 'image-keys'), () =>
      Promise.reject(new Error('asked')),
    );
    fs.writeFileSync(at('db.pem'), key);
    const [built, whole] = [await unsigned(home), at('policies.efi')];
    const add = ['image', 'sign', '--policies-only', built, whole];
    expect(await run(home, add)).toMatchObject({ code: 0 });
    const good = byToken(whole);
    expect(await run(home, ['image', 'verify', good])).toMatchObject({ code: 0 });
    const bytes = fs.readFileSync(good);
    const text = sectionsOf(bytes, 'it').get('.pcrsig')!.content.toString();
    const changed = async (change: (policies: string) => string): Promise<string> =>
      byToken(await unsigned(home, { '.pcrsig': change(text) }));
    const flip = (text: string): string =>
      text.replace(/"memory": "(.)/, (_, c: string) => `"memory": "${c === 'A' ? 'B' : 'A'}`);
    const cases = [
      [flip, 'did not sign', 'does_not_verify'],
      [
        (text: string) => text.replace(/000b./, (k) => `000b${k.endsWith('0') ? 1 : 0}`),
        'no key of the site',
        'does_not_verify',
      ],
      [() => '{}', 'is not what coatcheck image sign writes', 'file_malformed'],
      [() => '', 'has no policies', 'does_not_verify'],
    ] as const;
    for (const [change, says, code] of cases) {
      const refused = await run(home, ['image', 'verify', await changed(change)]);
      expect(said(refused)).toMatch(saying(says, code));
    }
  });

  it.each([
    ['stateless ip=dhcp coatcheck.key=usb', 'has its key elsewhere'],
    ['stateless rescue coatcheck.key=tpm coatcheck.memory=tpm', 'gives a shell'],
    ['coatcheck.key=tpm', 'asks no agent'],
    ['', 'says nothing'],
  ])(
    'have none where nothing shuts the TPM, which would be open to whoever is root: %s %s',
    async (line) => {
      const [built, signed] = [
        await unsigned(home, { '.cmdline': line }),
        at(`open${number++}.efi`),
      ];
      const made = await run(home, ['image', 'sign', built, signed]);
      expect(made).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('without policies') as string,
      });
      expect(sectionsOf(fs.readFileSync(signed), signed).has('.pcrsig')).toBe(false);
      expect(await run(home, ['image', 'verify', signed])).toMatchObject({ code: 0 });
      const only = await run(home, ['image', 'sign', '--policies-only', built, at('none.efi')]);
      expect(said(only)).toMatch(saying('there are none to add', 'usage'));
      const lists = ['--firmware', join(home, 'image-keys')];
      for (const args of [['--generation', '2'], lists]) {
        const refused = await run(home, ['image', 'sign', built, at('none.efi'), ...args]);
        expect(said(refused)).toMatch(saying('gets none', 'usage'));
      }
      expect(fs.existsSync(at('none.efi'))).toBe(false);
    },
  );

  it.each<[says: string, parts: Record<string, string>, args?: string[]]>([
    ['names no key for policies', { '.pcrpkey': '' }],
    ['names another key for policies', { '.pcrpkey': 'another\n' }],
    ['has no IMAGE_VERSION', { '.osrel': 'ID=debian\n' }],
    ['has policies already', { '.pcrsig': '{}' }],
    ['is of systemd 255', { '.sdmagic': '' }],
    ['is a number from 1 to 65535', {}, ['--generation', '65536']],
    ['is a number from 1 to 65535', {}, ['--generation', '0']],
  ])('are not signed with policies that would open nothing: %s', async (says, parts, args = []) => {
    const [built, signed] = [await unsigned(home, parts), at('opens-nothing.efi')];
    if ('.sdmagic' in parts) {
      fs.writeFileSync(at('magic'), '#### LoaderInfo: systemd-stub 255.1 ####\0');
      execFileSync('objcopy', ['--update-section', `.sdmagic=${at('magic')}`, built]);
    }
    const refused = await run(home, ['image', 'sign', built, signed, ...args]);
    expect(refused.code).toBe(EXIT.usage);
    expect(said(refused)).toContain(says);
    expect(fs.existsSync(signed)).toBe(false);
  });

  it('of a site from before have no policies, and the key for them is added to its keys', async () => {
    const other = await site('image', 'keys');
    const path = join(other, 'site.json');
    const named = parseSite(fs.readFileSync(path, 'utf8'), parseCa);
    const { pcrKeys: _, ...before } = named;
    for (const name of ['PCR.key', 'PCR.pem']) fs.rmSync(join(other, 'image-keys', name));
    const early = await unsigned(other, { '.pcrpkey': '' });
    const signed = at('early.efi');
    // Its keys are elsewhere.
    expect(said(await run(other, ['image', 'keys']))).toMatch(saying('', 'file_exists'));
    expect(said(await run(other, ['image', 'sign', early, signed]))).toMatch(
      saying('copy both from whoever made them', 'file_missing'),
    );

    fs.writeFileSync(path, formatSite(before));
    expect(await run(other, ['image', 'sign', early, signed])).toMatchObject({ code: 0 });
    expect(sectionsOf(fs.readFileSync(signed), signed).has('.pcrsig')).toBe(false);
    expect(await run(other, ['image', 'verify', signed])).toMatchObject({ code: 0 });
    const [state] = (await policy(other, signed)).firmware;
    expect(state).not.toHaveProperty('keys');
    const misplaced = await run(other, ['image', 'sign', early, signed, '--generation', '2']);
    expect(said(misplaced)).toMatch(saying('names no key for them', 'usage'));
    const only = await run(other, ['image', 'sign', '--policies-only', early, at('none.efi')]);
    expect(said(only)).toMatch(saying('there are none to add', 'usage'));
    expect(said(await run(other, ['image', 'sign', image, signed]))).toMatch(
      saying('names a key for policies, and the one here names none', 'file_malformed'),
    );

    const db = keys(other, 'db.key');
    const wrong = await run(other, ['image', 'keys'], 'what they believe');
    expect(said(wrong)).toMatch(/\[wrong_passphrase\]$/);
    expect(fs.existsSync(join(other, 'image-keys', 'PCR.key'))).toBe(false);
    expect(await run(other, ['image', 'keys'])).toMatchObject({ code: 0 });
    expect(keys(other, 'db.key').equals(db)).toBe(true);
    const after = parseSite(fs.readFileSync(path, 'utf8'), parseCa);
    expect({ ...after, pcrKeys: undefined }).toEqual({ ...before, pcrKeys: undefined });
    expect(await policy(other, await signing(other))).toMatchObject({ image: { generation: 1 } });
    expect(said(await run(other, ['image', 'verify', signed]))).toMatch(
      saying('has no policies', 'does_not_verify'),
    );

    // Killed before the site named it.
    fs.writeFileSync(path, formatSite(before));
    fs.rmSync(join(other, 'image-keys', 'PCR.pem'));
    expect(await run(other, ['image', 'keys'])).toMatchObject({ code: 0 });
    expect(parseSite(fs.readFileSync(path, 'utf8'), parseCa)).toEqual(after);

    // Another's site.json beside these keys.
    fs.writeFileSync(path, formatSite(named));
    expect(said(await run(other, ['image', 'sign', early, signed]))).toMatch(
      saying("one of the two is another site's, or older", 'file_missing'),
    );
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
