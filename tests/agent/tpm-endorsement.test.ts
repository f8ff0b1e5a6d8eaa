import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { readVoucher } from '../../agent/identity/tpm/attest.ts';
import { withTpm } from '../../agent/identity/tpm/device.ts';
import { activate, readEndorsement } from '../../agent/identity/tpm/endorsement.ts';
import { concat, fromHex, toHex } from '../../bundle/bytes.ts';
import { makeCredential } from '../../cli/tpm/make-credential.ts';
import { endorsementArea } from '../../protocol/endorsement.ts';
import type { Activation } from '../../protocol/endorsement.ts';
import { nameOf } from '../../protocol/measured.ts';
import { describeWith } from '../support/components.ts';
import { startSwtpm } from '../support/swtpm.ts';
import type { Swtpm } from '../support/swtpm.ts';

const VARIABLE = 'TPM2TOOLS_TCTI';
const secret = new Uint8Array(32).fill(7);
/** What tpm2-tools write before both blobs: a magic number and a version. */
const HEAD = fromHex('badcc0de00000001');

describeWith('swtpm', 'the endorsement key of a TPM', () => {
  let folder: string;
  let bare: Swtpm;
  let sold: Swtpm;
  const at = (name: string): string => join(folder, name);
  const bytesOf = (name: string): Uint8Array => Uint8Array.from(readFileSync(at(name)));
  const use = (tpm: Swtpm): void => {
    process.env[VARIABLE] = tpm.tcti;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tpm-endorsement-'));
    bare = await startSwtpm();
    sold = await startSwtpm(at('vendor'));
  });
  afterEach(() => {
    for (const tpm of [bare, sold]) expect(tpm.tool('tpm2_getcap', 'handles-transient')).toBe('');
  });
  afterAll(async () => {
    for (const tpm of [bare, sold]) await tpm.remove();
    Reflect.deleteProperty(process.env, VARIABLE);
    rmSync(folder, { recursive: true });
  });

  const flushed = (tpm: Swtpm, program: string, args: string): string => {
    const said = tpm.tool(program, ...args.replaceAll('@', `${folder}/`).split(' '));
    for (const kind of ['-t', '-l']) tpm.tool('tpm2_flushcontext', kind);
    return said;
  };
  /** TPMT_PUBLIC of the one that tpm2-tools make. */
  function madeByTools(tpm: Swtpm): Uint8Array {
    flushed(tpm, 'tpm2_createek', '-G rsa -c @ek -u @ek.pub');
    return bytesOf('ek.pub').subarray(2);
  }
  function made(): Activation {
    const { modulus } = withTpm(readEndorsement);
    const voucher = withTpm(readVoucher);
    return {
      ...{ ek: sha256(endorsementArea(modulus)), voucher: sha256(voucher) },
      ...{ answer: sha256(secret), known: { by: 'list' } },
      ...makeCredential(modulus, nameOf(voucher), secret),
    };
  }

  it('is the one of tpm2-tools, made or kept, and has a certificate where the vendor left one', () => {
    use(bare);
    const { modulus, certificate } = withTpm(readEndorsement);
    expect(toHex(endorsementArea(modulus))).toBe(toHex(madeByTools(bare)));
    expect(certificate).toEqual(new Uint8Array());

    use(sold);
    const kept = withTpm(readEndorsement);
    expect(toHex(endorsementArea(kept.modulus))).toBe(toHex(madeByTools(sold)));
    const { n = '' } = new X509Certificate(kept.certificate).publicKey.export({ format: 'jwk' });
    expect(toHex(kept.modulus)).toBe(Buffer.from(n, 'base64url').toString('hex'));
  });

  it('is made where another key is kept in its place', () => {
    use(bare);
    const { modulus } = withTpm(readEndorsement);
    flushed(bare, 'tpm2_createprimary', '-Q -C o -G rsa2048 -c @other');
    flushed(bare, 'tpm2_evictcontrol', '-Q -C o -c @other 0x81010001');
    expect(withTpm(readEndorsement).modulus).toEqual(modulus);
    const activation = made();
    expect(withTpm((tpm) => activate(tpm, activation))).toEqual(secret);
    flushed(bare, 'tpm2_evictcontrol', '-Q -C o -c 0x81010001');
  });

  it('opens what was made for it and for the key that vouches, for the agent as for tpm2-tools', () => {
    for (const tpm of [bare, sold]) {
      use(tpm);
      const activation = made();
      expect(withTpm((device) => activate(device, activation))).toEqual(secret);

      madeByTools(tpm);
      const voucher =
        '-Q -C e -g sha256 -G ecc256:ecdsa-sha256:null -c @ak -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|noda|sign';
      flushed(tpm, 'tpm2_createprimary', voucher);
      const { credential, seed } = activation;
      const sizes = [fromHex('0044'), fromHex('0100')] as const;
      writeFileSync(at('ours'), concat(HEAD, sizes[0], credential, sizes[1], seed));
      tpm.tool('tpm2_startauthsession', '--policy-session', '-S', at('session'));
      tpm.tool('tpm2_policysecret', '-Q', '-S', at('session'), '-c', 'e');
      flushed(
        tpm,
        'tpm2_activatecredential',
        '-Q -c @ak -C @ek -i @ours -o @opened -P session:@session',
      );
      expect(bytesOf('opened')).toEqual(secret);

      writeFileSync(at('secret'), secret);
      const name = toHex(nameOf(withTpm(readVoucher)));
      flushed(tpm, 'tpm2_makecredential', `-Q -u @ek.pub -s @secret -n ${name} -o @theirs`);
      const theirs = bytesOf('theirs').subarray(HEAD.length);
      expect(toHex(theirs.subarray(0, 2))).toBe('0044');
      const opened = { credential: theirs.slice(2, 70), seed: theirs.slice(72) };
      expect(withTpm((device) => activate(device, { ...activation, ...opened }))).toEqual(secret);
    }
  });

  it('opens nothing that was made for another TPM, or another key', () => {
    use(bare);
    const activation = made();
    const voucher = nameOf(new Uint8Array());
    const { modulus } = withTpm(readEndorsement);
    const forOther = { ...activation, ...makeCredential(modulus, voucher, secret) };
    expect(() => withTpm((tpm) => activate(tpm, forOther))).toThrow('INTEGRITY');
    for (const part of ['credential', 'seed'] as const) {
      const changed = activation[part].slice();
      changed[changed.length - 1]! ^= 1;
      const other = { ...activation, [part]: changed };
      expect(() => withTpm((tpm) => activate(tpm, other))).toThrow('TPM2_ActivateCredential');
    }
    use(sold);
    expect(() => withTpm((tpm) => activate(tpm, activation))).toThrow('TPM2_ActivateCredential');
  });

  it('has as a certificate whatever is written there, and nothing before', () => {
    use(bare);
    const attributes = 'ownerread|ownerwrite|authread|no_da';
    bare.tool('tpm2_nvdefine', '-Q', '0x01c00002', '-C', 'o', '-s', '700', '-a', attributes);
    try {
      expect(withTpm(readEndorsement).certificate).toEqual(new Uint8Array());
      const filled = new Uint8Array(700).map((_, i) => i);
      writeFileSync(at('filled'), filled);
      bare.tool('tpm2_nvwrite', '-Q', '0x01c00002', '-C', 'o', '-i', at('filled'));
      expect(withTpm(readEndorsement).certificate).toEqual(filled);
    } finally {
      bare.tool('tpm2_nvundefine', '-Q', '0x01c00002', '-C', 'o');
    }
  });

  it.each([
    ['its owner may not read', 'ownerwrite|authread|no_da', false],
    ['is locked', 'ownerwrite|ownerread|authread|no_da|read_stclear', true],
  ])('is shown where what stands for a certificate %s', (_, attributes, isLocked) => {
    use(bare);
    const { modulus } = withTpm(readEndorsement);
    bare.tool('tpm2_nvdefine', '-Q', '0x01c00002', '-C', 'o', '-s', '8', '-a', attributes);
    try {
      writeFileSync(at('filled'), new Uint8Array(8));
      bare.tool('tpm2_nvwrite', '-Q', '0x01c00002', '-C', 'o', '-i', at('filled'));
      if (isLocked) bare.tool('tpm2_nvreadlock', '-Q', '0x01c00002', '-C', 'o');
      expect(withTpm(readEndorsement)).toEqual({ modulus, certificate: new Uint8Array() });
    } finally {
      bare.tool('tpm2_nvundefine', '-Q', '0x01c00002', '-C', 'o');
    }
  });
});
