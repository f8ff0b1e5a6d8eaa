import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { attestedView, readAttested } from '../../admin/attested.ts';
import type { ApprovedTpm, AttestationFault } from '../../admin/attested.ts';
import { attestationOf } from '../../agent/boot/attesting.ts';
import type { Node } from '../../agent/boot/node.ts';
import { attest } from '../../agent/identity/tpm/attest.ts';
import { withTpm } from '../../agent/identity/tpm/device.ts';
import { readEndorsement } from '../../agent/identity/tpm/endorsement.ts';
import { readEventLog } from '../../agent/identity/tpm/event-log.ts';
import { extendImageRegister } from '../../agent/identity/tpm/measured-key.ts';
import { withPolicy } from '../../agent/identity/tpm/policy.ts';
import type { Authority } from '../../agent/identity/tpm/policy.ts';
import { readEvents, tellRegisters } from '../../agent/identity/tpm/registers.ts';
import { concat, fromHex, toBase64Url, toHex, utf8, Writer } from '../../bundle/bytes.ts';
import { MAX_SEALED_BYTES, readBundle } from '../../bundle/header.ts';
import { sealBundle } from '../../bundle/seal.ts';
import { pcrKeyOf, signPolicies } from '../../cli/image/sign-policies.ts';
import { makeCredential } from '../../cli/tpm/make-credential.ts';
import { encodeActivation, endorsementArea } from '../../protocol/endorsement.ts';
import type { Activation } from '../../protocol/endorsement.ts';
import {
  decodeAttestation,
  encodeAttestation,
  MAX_ATTESTATION_BYTES,
  measuredKeyName,
  qualifying,
  VOUCHER_TEMPLATE,
  voucherId,
  voucherPoint,
} from '../../protocol/attestation.ts';
import type { Attestation, AttestedText } from '../../protocol/attestation.ts';
import {
  authorizedPolicy,
  nameOf,
  REGISTERS,
  registersPolicy,
  signedClaim,
} from '../../protocol/measured.ts';
import type { ImageClaim } from '../../protocol/measured.ts';
import { replayed } from '../../protocol/measured-events.ts';
import { ada, manifestOf, node, SITE } from '../fixtures/format.ts';
import { makePcrKey } from '../support/bound-machine.ts';
import { describeWith } from '../support/components.ts';
import { startSwtpm } from '../support/swtpm.ts';
import type { Swtpm } from '../support/swtpm.ts';
import { codeFrom } from '../support/thrown.ts';

const VARIABLE = 'TPM2TOOLS_TCTI';
const secret = makePcrKey();
const key = pcrKeyOf(secret);
const site = { id: SITE, pcrKeys: [toBase64Url(key.modulus)] };
const image: ImageClaim = { version: '13.2', generation: 3 };
const about: AttestedText = {
  node: node.id,
  statement: new Uint8Array(32).fill(7),
  text: new Uint8Array(32).fill(8),
};

describeWith('swtpm', 'what a TPM vouches for', () => {
  let folder: string;
  let tpm: Swtpm;
  let authority: Authority;
  let good: Attestation;
  let approved: ApprovedTpm;
  const at = (name: string): string => join(folder, name);
  const bytesOf = (name: string): Uint8Array => Uint8Array.from(readFileSync(at(name)));

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tpm-attest-'));
    tpm = await startSwtpm();
    process.env[VARIABLE] = tpm.tcti;
    startImage();
    tpm.tool('tpm2_pcrread', '-Q', 'sha256:7,11,12,13', '-o', at('pcrs'));
    const held = bytesOf('pcrs');
    const registers = registersPolicy([0, 1, 2, 3].map((i) => held.subarray(32 * i, 32 * i + 32)));
    authority = { key, file: { image, policies: [signPolicies(secret, registers, image)] } };
    good = vouched();
    const { says } = await readAttested(site, encodeAttestation(good), about);
    approved = says!.tpm;
  });
  afterAll(async () => {
    await tpm.remove();
    Reflect.deleteProperty(process.env, VARIABLE);
    rmSync(folder, { recursive: true });
  });

  /** What firmware and stub measure. */
  function startImage(): void {
    for (const register of [7, 11])
      tpm.tool('tpm2_pcrextend', `${register}:sha256=${'ab'.repeat(32)}`);
  }
  const attested = (text = about): Attestation | undefined =>
    withTpm((device) => attest(device, authority, text, qualifying(SITE, text)));
  function vouched(text = about): Attestation {
    const made = attested(text);
    if (made === undefined) throw new Error('nothing signed is about the registers');
    return made;
  }
  async function view(attestation: Attestation, against: ApprovedTpm | undefined = approved) {
    return attestedView(await readAttested(site, encodeAttestation(attestation), about), against);
  }
  const faultsOf = async (attestation: Attestation): Promise<readonly AttestationFault[]> =>
    (await view(attestation)).faults;
  const codesOf = async (attestation: Attestation): Promise<string[]> =>
    (await faultsOf(attestation)).map(({ code }) => code);

  it('is so where nothing speaks against it, by a TPM that was approved', async () => {
    expect(await view(good)).toEqual({
      image,
      words: expect.stringMatching(/^([a-z]+ ){7}[a-z]+$/) as string,
      approved: true,
      faults: [],
    });
    expect(decodeAttestation(encodeAttestation(good))).toEqual(good);
    const longest = {
      ...good,
      answer: new Uint8Array(32),
      image: { ...image, version: 'x'.repeat(64) },
    };
    expect(encodeAttestation(longest).length).toBeLessThanOrEqual(MAX_ATTESTATION_BYTES);
  });

  describe('with an event log', () => {
    /** As firmware writes it: `measured` of PCR 7 and 11, with 32 bytes of `ab` as the digest of each. */
    const logged = (...measured: readonly number[]): string => {
      const spec = concat(
        utf8('Spec ID Event03\0'),
        new Uint8Array(8),
        fromHex('010000000b002000'),
      );
      const parts = measured.map((register) =>
        concat(
          Uint8Array.of(register, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 11, 0),
          new Uint8Array(32).fill(0xab),
          Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0),
        ),
      );
      const first = concat(Uint8Array.of(0, 0, 0, 0, 3, 0, 0, 0), new Uint8Array(20));
      writeFileSync(at('log'), concat(first, Uint8Array.of(spec.length, 0, 0, 0), spec, ...parts));
      return at('log');
    };
    const madeWith = (log: string): Attestation =>
      withTpm((device) => attest({ ...device, log }, authority, about, qualifying(SITE, about)))!;

    it('tells what went into the registers', async () => {
      const made = madeWith(logged(7, 11));
      expect(made.events.map(({ register, name }) => [register, name])).toEqual([
        [7, 'separator'],
        [11, 'separator'],
      ]);
      expect(await view(made)).toMatchObject({ faults: [] });
      const longest = { ...made, answer: new Uint8Array(32), events: longestEvents };
      const version = 'x'.repeat(64);
      const bytes = encodeAttestation({ ...longest, image: { ...image, version } });
      expect(bytes.length).toBeLessThanOrEqual(MAX_ATTESTATION_BYTES);
    });
    const longestEvents = Array.from({ length: 12 }, () => ({
      ...{ register: 7, name: 'x'.repeat(32) },
      digest: new Uint8Array(32),
    }));

    it('tells nothing of a register that it gives otherwise, or that there is no room for', async () => {
      const told = (log: string): number[] => madeWith(log).events.map(({ register }) => register);
      expect(told(logged(7))).toEqual([7]);
      expect(told(logged(7, 11, 11))).toEqual([7]);
      expect(told(logged(7, 11, 12))).toEqual([7, 11]);
      expect(told(logged(11, 7, 7))).toEqual([11]);
      const log = logged(7, ...Array.from({ length: 30 }, () => 11));
      const registers = replayed(readEventLog(log));
      const few = withTpm((device) => readEvents({ ...device, log }, registers));
      expect(few.map(({ register }) => register)).toEqual([7]);
    });

    it('that cannot be read tells nothing', async () => {
      writeFileSync(at('log'), 'no log');
      for (const log of [at('none'), at('log'), folder, '/proc/self/mem']) {
        const made = madeWith(log);
        expect(made.events, log).toEqual([]);
        expect(await view(made)).toMatchObject({ faults: [] });
      }
    });

    it('that does not give what its TPM quoted is named, where it says anything of the register', async () => {
      const made = madeWith(logged(7, 11));
      const [seven, eleven] = made.events;
      expect(await faultsOf({ ...made, events: [seven!] })).toEqual([]);
      for (const [events, registers] of [
        [[...made.events, eleven!], [11]],
        [[seven!, eleven!, { ...seven!, register: 13 }], [13]],
        [[{ ...seven!, digest: new Uint8Array(32) }, eleven!], [7]],
        [
          [seven!, seven!, { ...eleven!, digest: new Uint8Array(32) }],
          [7, 11],
        ],
      ] as const) {
        expect(await faultsOf({ ...made, events })).toEqual([{ code: 'not_replayed', registers }]);
      }
    });

    it('tells with the registers what Secure Boot is made of', () => {
      const log = logged(7, 11);
      const seven = madeWith(log).events.filter(({ register }) => register === 7);
      expect(seven).toHaveLength(1);
      const said = withTpm((device) => tellRegisters({ ...device, log }));
      const held = toHex(good.registers[0]!);
      expect(said).toBe(
        `PCR 7 is ${held} (separator abababababababab); PCR 11 is ${held}; PCR 12 is empty; PCR 13 is empty`,
      );
      expect(withTpm(tellRegisters)).toContain(`PCR 7 is ${held}; `);
    });

    it('a TPM that has no registers of SHA-256 refuses the key, and that is told', async () => {
      const other = await startSwtpm();
      try {
        other.tool('tpm2_pcrallocate', '-Q', 'sha256:none+sha384:all');
        await other.stop();
        await other.start();
        process.env[VARIABLE] = other.tcti;
        const use = () =>
          withTpm((device) => withPolicy(device, authority, 'key', () => undefined));
        expect(codeFrom(use)).toBe('key_refused');
        expect(use).toThrow('PCR 7 is not there for SHA-256; PCR 11 is not there');
      } finally {
        process.env[VARIABLE] = tpm.tcti;
        await other.remove();
      }
    });
  });

  it('says whether any TPM was approved', async () => {
    const facts = await readAttested(site, encodeAttestation(good), about);
    expect(attestedView(facts)).toMatchObject({ approved: false, faults: [] });
  });

  it('is what tpm2-tools take for a quote and a certificate of the same keys', () => {
    const tool = (program: string, args: string): string => {
      const said = tpm.tool(program, ...args.replaceAll('@', `${folder}/`).split(' '));
      tpm.tool('tpm2_flushcontext', '-t');
      return said;
    };
    const point = voucherPoint(good.voucher)!;
    const [x, y] = [point.subarray(0, 32), point.subarray(32)].map(toBase64Url);
    const jwk = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: x!, y: y! }, format: 'jwk' });
    writeFileSync(at('voucher.pem'), jwk.export({ type: 'spki', format: 'pem' }));
    const data = toHex(qualifying(SITE, about));
    for (const [name, { attest: message, signature }] of Object.entries({
      quote: good.quote,
      certificate: good.certificate,
    })) {
      const scheme = fromHex('0018000b');
      const size = fromHex('0020');
      const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
      writeFileSync(at(`${name}.message`), message);
      writeFileSync(at(`${name}.signature`), concat(scheme, size, r, size, s));
    }
    tool(
      'tpm2_checkquote',
      `-u @voucher.pem -m @quote.message -s @quote.signature -g sha256 -q ${data}`,
    );

    tool(
      'tpm2_createprimary',
      '-Q -C e -g sha256 -G ecc256:ecdsa-sha256:null -c @ak -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|noda|sign',
    );
    tool('tpm2_readpublic', '-Q -c @ak -n @name');
    expect(toHex(bytesOf('name'))).toBe(`000b${voucherId(good)}`);
    tool('tpm2_loadexternal', '-Q -C n -G ecc -u @voucher.pem -c @external');
    tool(
      'tpm2_verifysignature',
      '-Q -c @external -g sha256 -m @certificate.message -s @certificate.signature',
    );
    writeFileSync(at('policy'), authorizedPolicy(key, 'key'));
    tool(
      'tpm2_createprimary',
      '-Q -C e -g sha256 -G hmac -c @key -L @policy -a fixedtpm|fixedparent|sensitivedataorigin|noda|sign',
    );
    tool('tpm2_readpublic', '-Q -c @key -n @key-name');
    expect(toHex(measuredKeyName(key, good.unique))).toBe(toHex(bytesOf('key-name')));
    expect(tpm.tool('tpm2_getcap', 'handles-transient')).toBe('');
  });

  it('of another machine, an old one, and one for another text are named', async () => {
    const others = {
      other_machine: { ...about, node: ada.id },
      other_decision: { ...about, statement: new Uint8Array(32) },
      other_text: { ...about, text: new Uint8Array(32) },
    };
    for (const [code, text] of Object.entries(others)) {
      expect(await codesOf(vouched(text))).toEqual([code]);
      // As if it had been made for what it lies beside.
      expect(await codesOf({ ...vouched(text), about })).toEqual(['not_bound', 'not_bound']);
    }
    const elsewhere = { ...site, id: new Uint8Array(16) };
    const { faults } = await readAttested(elsewhere, encodeAttestation(good), about);
    expect(faults.map(({ code }) => code)).toEqual(['not_bound', 'not_bound']);
  });

  it('by another TPM, or by one that was started fewer times, is named', async () => {
    const second = await startSwtpm();
    try {
      process.env[VARIABLE] = second.tcti;
      for (const register of [7, 11]) {
        second.tool('tpm2_pcrextend', `${register}:sha256=${'ab'.repeat(32)}`);
      }
      const words = attestedView(await readAttested(site, encodeAttestation(good), about)).words;
      expect(await faultsOf(vouched())).toEqual([{ code: 'other_tpm', approved: words }]);
    } finally {
      process.env[VARIABLE] = tpm.tcti;
      await second.remove();
    }
    const since = { ...approved, starts: approved.starts + 1 };
    expect((await view(good, since)).faults).toEqual([
      { code: 'fewer_starts', starts: approved.starts, approved: since.starts },
    ]);
  });

  it('counts the starts of a TPM', async () => {
    await tpm.stop();
    await tpm.start();
    startImage();
    const facts = await readAttested(site, encodeAttestation(vouched()), about);
    expect(facts.says!.tpm).toEqual({ ...approved, starts: approved.starts + 1 });
  });

  /** The same by a key in software, which signs whatever it is told. */
  function forged(change: (message: Uint8Array) => Uint8Array, attributes?: string): Attestation {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    const head = Uint8Array.from(VOUCHER_TEMPLATE.subarray(0, -4));
    if (attributes !== undefined) head.set(fromHex(attributes), 4);
    const numbers = [x, y].map((text) => Buffer.from(text, 'base64url'));
    const voucher = concat(head, ...numbers.map((n) => new Writer().u16(32).bytes(n).finish()));
    const signed = (message: Uint8Array) => ({
      attest: message,
      signature: Uint8Array.from(
        sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
      ),
    });
    return {
      ...{ ...good, voucher },
      quote: signed(change(good.quote.attest)),
      certificate: signed(good.certificate.attest),
    };
  }

  it('by a key that is in no TPM has other words, and is named where it does not even pretend', async () => {
    const whole = (message: Uint8Array): Uint8Array => message;
    expect(await codesOf(forged(whole))).toEqual(['other_tpm']);
    // Not restricted; not fixedTPM.
    for (const attributes of ['00040472', '00050470']) {
      expect(await codesOf(forged(whole, attributes))).toEqual(['not_restricted', 'other_tpm']);
    }
  });

  it('that was changed anywhere is not so', async () => {
    const bytes = encodeAttestation(good);
    const isOf = (found: Awaited<ReturnType<typeof readAttested>>): boolean =>
      attestedView(found, approved).faults.length > 0;
    for (let i = 0; i < bytes.length; i++) {
      const changed = Uint8Array.from(bytes);
      changed[i]! ^= 1;
      expect(isOf(await readAttested(site, changed, about)), `byte ${i}`).toBe(true);
    }
    for (const length of [0, 1, 100, bytes.length - 1]) {
      const { faults } = await readAttested(site, bytes.subarray(0, length), about);
      expect(faults).toEqual([{ code: 'malformed' }]);
    }
    const longer = concat(bytes, new Uint8Array(1));
    expect((await readAttested(site, longer, about)).faults).toEqual([{ code: 'malformed' }]);
  });

  it('names each signature that is not its TPM’s, and what was swapped', async () => {
    const other = vouched({ ...about, text: new Uint8Array(32) });
    const { quote, certificate } = good;
    const swapped = { ...quote, signature: certificate.signature };
    expect(await faultsOf({ ...good, quote: swapped })).toEqual([
      { code: 'bad_signature', of: 'quote' },
    ]);
    expect(await codesOf({ ...good, quote: other.quote })).toEqual(['not_bound']);
    expect(await codesOf({ ...good, certificate: other.certificate })).toEqual(['not_bound']);
    expect(await codesOf({ ...good, quote: certificate })).toEqual(['malformed']);
  });

  it('is not about registers that its TPM did not quote', async () => {
    const registers = [...good.registers.slice(0, 3), new Uint8Array(32).fill(1)];
    expect(await codesOf({ ...good, registers })).toEqual(['not_quoted', 'unsigned']);
  });

  it('of an image that nobody signed says which registers are others', async () => {
    const startedWith = async (register: number) => {
      tpm.tool('tpm2_pcrextend', `${register}:sha256=${'cd'.repeat(32)}`);
      expect(attested()).toBeUndefined();
      // A system of somebody else takes what is signed about another image.
      tpm.tool('tpm2_pcrread', '-Q', 'sha256:7,11,12,13', '-o', at('held'));
      const all = bytesOf('held');
      const values = REGISTERS.map((_, i) => all.slice(32 * i, 32 * i + 32));
      const own = signPolicies(secret, registersPolicy(values), image);
      const signatures = { ...own.signatures, image: good.signature };
      const theirs = { key, file: { image, policies: [{ ...own, signatures }] } };
      const made = withTpm((device) => attest(device, theirs, about, qualifying(SITE, about)));
      return faultsOf(made!);
    };
    const seen: number[] = [];
    for (const register of [12, 11, 13, 7]) {
      seen.push(register);
      const registers = REGISTERS.filter((one) => seen.includes(one));
      expect(await startedWith(register)).toEqual([{ code: 'unsigned', registers }]);
    }
    await tpm.stop();
    await tpm.start();
    startImage();
  });

  it('of an image that another key signed, or by another version, is not so', async () => {
    const claimed = { ...good, image: { ...image, generation: 4 } };
    expect(await faultsOf(claimed)).toEqual([{ code: 'unsigned', registers: [] }]);
    const others = pcrKeyOf(makePcrKey());
    expect(await codesOf({ ...good, key: others.name.slice(2) })).toEqual(['unknown_key']);
    const policy = registersPolicy(good.registers);
    const signature = Uint8Array.from(
      sign('sha256', signedClaim(policy, image), pemOf(makePcrKey())),
    );
    expect(await faultsOf({ ...good, signature })).toEqual([{ code: 'unsigned', registers: [] }]);
  });
  const pemOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

  it('is not about a key that no policy of the site keeps', async () => {
    const unique = new Uint8Array(32).fill(1);
    expect(await codesOf({ ...good, unique })).toEqual(['uncertified']);
    // What another key of the site would keep, and what no policy keeps.
    const others = { ...authority, key: pcrKeyOf(makePcrKey()) };
    const [policy] = authority.file.policies;
    const named = { ...policy!, key: toHex(others.key.name) };
    const theirs: Authority = { ...others, file: { image, policies: [named] } };
    const made = withTpm((device) => attest(device, theirs, about, qualifying(SITE, about)))!;
    expect(await codesOf({ ...made, key: good.key })).toEqual(['uncertified']);
  });

  it('is by a TPM that is known only where it answers as that alone can', async () => {
    const answer = new Uint8Array(32).fill(5);
    const known = {
      ...{ by: { by: 'list' } as const, answer: toHex(sha256(answer)) },
      since: toHex(about.statement),
    };
    const against = { ...approved, known };
    const right = { ...good, answer };
    expect(decodeAttestation(encodeAttestation(right))).toEqual(right);
    expect(await view(right, against)).toMatchObject({ known: { by: 'list' }, faults: [] });
    expect(await view(good, against)).toMatchObject({ unanswered: true, faults: [] });
    const wrong = { ...good, answer: new Uint8Array(32) };
    const shown = await view(wrong, against);
    expect([shown.faults, shown.known]).toEqual([[{ code: 'wrong_answer' }], undefined]);
    // One to what administrators knew it by before, in a report of before.
    const since = { ...known, since: toHex(new Uint8Array(32)) };
    expect(await view(wrong, { ...approved, known: since })).toMatchObject({
      ...{ unanswered: true, faults: [] },
    });
    // Nobody knows the TPM any more; and where anything speaks against it, nothing does for it.
    expect((await view(right)).known).toBeUndefined();
    const fewer = await view(right, { ...against, starts: approved.starts + 1 });
    expect([fewer.faults.length, fewer.known]).toEqual([1, undefined]);
    const elsewhere = await view(right, { ...against, voucher: 'ab'.repeat(32) });
    expect([elsewhere.faults.length, elsewhere.known]).toEqual([1, undefined]);
    const bytes = encodeAttestation({ ...good, answer: new Uint8Array(31) });
    expect((await readAttested(site, bytes, about)).faults).toEqual([{ code: 'malformed' }]);
  });

  it('has the answer to what administrators know the TPM by; where it has none it says so, and vouches all the same', () => {
    const notes: string[] = [];
    const machine = {
      ...{ authority, keySource: 'tpm', identity: node, site: { id: SITE } },
      console: { note: (line: string) => notes.push(line) },
    } as unknown as Node;
    const { modulus } = withTpm(readEndorsement);
    const secretOfTpm = new Uint8Array(32).fill(6);
    const made: Activation = {
      ...{ ek: sha256(endorsementArea(modulus)), voucher: sha256(good.voucher) },
      ...{ answer: sha256(secretOfTpm), known: { by: 'list' } },
      ...makeCredential(modulus, nameOf(good.voucher), secretOfTpm),
    };
    const answered = (activation?: string): Uint8Array | undefined => {
      notes.length = 0;
      const manifest = manifestOf({ metadata: activation === undefined ? {} : { activation } });
      const sealed = sealBundle({
        manifest,
        ...{ kind: 'admin', signer: ada, recipients: [node.boxKey] },
      });
      const inForce = readBundle(sealed, { maxBytes: MAX_SEALED_BYTES, expect: 'proposal' });
      const bytes = attestationOf(machine, about.statement, about.text, inForce);
      return decodeAttestation(bytes!).answer;
    };
    expect(answered(toBase64Url(encodeActivation(made)))).toEqual(secretOfTpm);
    expect([answered(), notes]).toEqual([undefined, []]);
    // Of another TPM; of another key of this one; and what cannot be read.
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { n = '' } = publicKey.export({ format: 'jwk' });
    const other = Uint8Array.from(Buffer.from(n, 'base64url'));
    for (const blobs of [
      makeCredential(other, nameOf(good.voucher), secretOfTpm),
      makeCredential(modulus, nameOf(new Uint8Array()), secretOfTpm),
    ]) {
      expect(answered(toBase64Url(encodeActivation({ ...made, ...blobs })))).toBeUndefined();
      expect(notes.join()).toMatch(
        /^its TPM does not show that it is the one that is known: the TPM refused TPM2_ActivateCredential: .* \[device_failed\]$/,
      );
    }
    for (const broken of ['A', 'AAAA']) {
      expect(answered(broken)).toBeUndefined();
      expect(notes.join()).toMatch(/^its TPM does not show that it is the one that is known: /);
    }
  });

  it('is there no more once the agent is done', async () => {
    expect(attested()).toBeDefined();
    withTpm(extendImageRegister);
    expect(attested()).toBeUndefined();
    await tpm.stop();
    await tpm.start();
    startImage();
  });
});
