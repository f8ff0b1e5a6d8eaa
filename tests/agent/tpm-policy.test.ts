import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../../bundle/bytes.ts';
import { raiseCounter, readCounter } from '../../agent/identity/tpm/counter.ts';
import { nvDefine } from '../../agent/identity/tpm/nv.ts';
import { withTpm } from '../../agent/identity/tpm/device.ts';
import {
  extendImageRegister,
  hmacUnderPolicy,
  measuredKey,
} from '../../agent/identity/tpm/measured-key.ts';
import type { Authority } from '../../agent/identity/tpm/policy.ts';
import { pcrKeyOf, signPolicies } from '../../cli/image/sign-policies.ts';
import {
  authorizedPolicy,
  counterArea,
  countedPolicy,
  firstOf,
  lastOf,
  registersPolicy,
} from '../../protocol/measured.ts';
import { makePcrKey } from '../support/bound-machine.ts';
import { describeWith } from '../support/components.ts';
import { startSwtpm } from '../support/swtpm.ts';
import type { Swtpm } from '../support/swtpm.ts';
import { codeFrom } from '../support/thrown.ts';

const VARIABLE = 'TPM2TOOLS_TCTI';
const LABEL = 'coatcheck/v1 tpm-seed';
const PCRS = 'sha256:7,11,12,13';
const secret = makePcrKey();
const key = pcrKeyOf(secret);

describeWith('swtpm', 'what a TPM keeps for signed images', () => {
  let folder: string;
  let tpm: Swtpm;
  const at = (name: string): string => join(folder, name);
  const bytesOf = (name: string): Uint8Array => Uint8Array.from(readFileSync(at(name)));
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tpm-policy-'));
    tpm = await startSwtpm();
    process.env[VARIABLE] = tpm.tcti;
    writeFileSync(at('label'), LABEL);
  });
  afterEach(async () => {
    await tpm.remove();
    Reflect.deleteProperty(process.env, VARIABLE);
    rmSync(folder, { recursive: true });
  });

  /** What the registers hold now, by tpm2-tools. */
  function registers(): Uint8Array[] {
    tpm.tool('tpm2_pcrread', '-Q', PCRS, '-o', at('pcrs'));
    const all = bytesOf('pcrs');
    return [0, 1, 2, 3].map((i) => all.subarray(32 * i, 32 * i + 32));
  }
  /** Of an image that was signed for the registers as they are now. */
  const image = (generation = 1, by = secret): Authority => ({
    key: pcrKeyOf(by),
    file: {
      image: { version: '1', generation },
      policies: [signPolicies(by, registersPolicy(registers()), { version: '1', generation })],
    },
  });
  const seed = (authority: Authority): string =>
    withTpm((device) => toHex(hmacUnderPolicy(device, authority, utf8(LABEL))));
  const raise = (authority: Authority, generation: number): number =>
    withTpm((device) => raiseCounter(device, authority, generation));
  const counter = (): number | undefined => withTpm((device) => readCounter(device, key));
  const extend = (register: number): string =>
    tpm.tool('tpm2_pcrextend', `${register}:sha256=${'ab'.repeat(32)}`);
  const index = `0x${counterArea(key).index.toString(16)}`;

  /** Objects are loaded from their files again: without a resource manager a TPM has room for three. */
  const tool = (program: string, args: string): string => {
    const said = tpm.tool(program, ...args.replaceAll('@', `${folder}/`).split(' '));
    tpm.tool('tpm2_flushcontext', '-t');
    return said;
  };

  it('is the key that tpm2-tools have under the same policies', () => {
    const authority = image();
    const ours = seed(authority);
    const [signed] = authority.file.policies;
    const spki = generateSpki();
    writeFileSync(at('pub.pem'), spki);
    tool('tpm2_loadexternal', '-Q -C o -G rsa -u @pub.pem -c @pub -n @name');
    expect(toHex(key.name)).toBe(toHex(bytesOf('name')));
    writeFileSync(at('reference'), 'coatcheck/v1 key');
    tool('tpm2_startauthsession', '-S @trial');
    tool('tpm2_policyauthorize', '-Q -S @trial -n @name -q @reference -L @policy');
    tool('tpm2_flushcontext', '@trial');
    expect(toHex(authorizedPolicy(key, 'key'))).toBe(toHex(bytesOf('policy')));
    tool(
      'tpm2_createprimary',
      '-Q -C e -g sha256 -G hmac -c @key -L @policy -a fixedtpm|fixedparent|sensitivedataorigin|noda|sign',
    );
    tool('tpm2_startauthsession', '-S @s --policy-session');
    tool('tpm2_policypcr', `-Q -S @s -l ${PCRS} -L @registers`);
    expect(toHex(signed!.registers)).toBe(toHex(bytesOf('registers')));
    const limit = lastOf(1).toString(16).padStart(16, '0');
    writeFileSync(at('limit'), Buffer.from(limit, 'hex'));
    tool('tpm2_policynv', `-Q -S @s -C o -i @limit -L @both ${index} ule`);
    expect(toHex(countedPolicy(signed!.registers, key, 1))).toBe(toHex(bytesOf('both')));
    writeFileSync(at('message'), Buffer.concat([bytesOf('both'), Buffer.from('coatcheck/v1 key')]));
    writeFileSync(at('signature'), signed!.signatures.key);
    tool(
      'tpm2_verifysignature',
      '-Q -c @pub -g sha256 -m @message -s @signature -f rsassa -t @ticket',
    );
    tool('tpm2_policyauthorize', '-Q -S @s -i @both -q @reference -n @name -t @ticket');
    const theirs = tool('tpm2_hmac', '-g sha256 -c @key -p session:@s --hex @label');
    tool('tpm2_flushcontext', '@s');
    expect(ours).toBe(theirs.trim());
    for (const handles of ['transient', 'loaded-session'])
      expect(tpm.tool('tpm2_getcap', `handles-${handles}`)).toBe('');
  });

  const generateSpki = (): string => {
    const head = '30820122300d06092a864886f70d01010105000382010f003082010a0282010100';
    const der = Buffer.concat([fromHex(head), key.modulus, fromHex('0203010001')]);
    return `-----BEGIN PUBLIC KEY-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END PUBLIC KEY-----\n`;
  };

  it('is the same key for every image that the same key signed, and for no other', () => {
    const [first, seen] = [image(), seed(image())];
    extend(11);
    expect(codeFrom(() => seed(first))).toBe('key_refused');
    expect(seed(image())).toBe(seen);
    expect(seed(image(2))).toBe(seen);
    expect(seed(image(1, makePcrKey()))).not.toBe(seen);
    const forged = image();
    forged.file.policies[0]!.signatures.key[9]! ^= 1;
    expect(codeFrom(() => seed(forged))).toBe('device_failed');
  });

  it.each([7, 11, 12, 13])('is not there where PCR %i is another', (register) => {
    const signed = image();
    seed(signed);
    extend(register);
    expect(codeFrom(() => seed(signed))).toBe('key_refused');
  });

  it('is not there any more once the agent is done', () => {
    const signed = image();
    seed(signed);
    withTpm(extendImageRegister);
    expect(codeFrom(() => seed(signed))).toBe('key_refused');
  });

  it('has no use without its policy', () => {
    const authority = image();
    seed(authority);
    expect(() =>
      withTpm((device) => {
        const handle = measuredKey(device, authority);
        return tpm.tool('tpm2_hmac', '-g', 'sha256', '-c', `0x${handle.toString(16)}`, at('label'));
      }),
    ).toThrow(/0x12f|AUTH_UNAVAILABLE|authValue or authPolicy/i);
  });

  describe('an image that was revoked', () => {
    it('gets no key, also once the counter was removed and made anew', () => {
      const [old, current] = [image(1), image(2)];
      const seen = seed(old);
      expect(counter()).toBe(firstOf(1));
      expect(raise(current, 2)).toBe(firstOf(2));
      expect(codeFrom(() => seed(old))).toBe('key_refused');
      expect(seed(current)).toBe(seen);
      tpm.tool('tpm2_nvundefine', '-Q', '-C', 'o', index);
      expect(codeFrom(() => seed(old))).toBe('key_refused');
      expect(counter()).toBeGreaterThan(firstOf(2));
      expect(seed(current)).toBe(seen);
    });

    it('is not the one that revokes: it would revoke itself', () => {
      const old = image(1);
      seed(old);
      expect(codeFrom(() => raise(old, 2))).toBe('key_refused');
      expect(counter()).toBe(firstOf(1));
    });
  });

  it('is there after the TPM was cleared', () => {
    const signed = image();
    const seen = seed(signed);
    tpm.tool('tpm2_clear', '-Q');
    expect(seed(signed)).toBe(seen);
    expect(counter()).toBe(firstOf(1) + 1);
  });

  it('does not count with a counter that somebody else made', () => {
    tpm.tool('tpm2_nvdefine', '-Q', '-C', 'o', '-s', '8', '-a', 'ownerread|ownerwrite|nt=1', index);
    expect(codeFrom(() => seed(image()))).toBe('file_malformed');
    tpm.tool('tpm2_nvundefine', '-Q', '-C', 'o', index);
    expect(seed(image())).toMatch(/^\w{64}$/);
  });

  it('counts on where an agent was killed in between', () => {
    const signed = image();
    raise(signed, 1);
    const area = counterArea(key);
    tpm.tool('tpm2_nvundefine', '-Q', '-C', 'o', index);
    withTpm((device) => {
      nvDefine(device, area);
    });
    expect(counter()).toBeUndefined();
    expect(seed(signed)).toMatch(/^\w{64}$/);
  });

  it('is not there where other programs counted beyond the generation of the image', () => {
    tpm.tool(
      'tpm2_nvdefine',
      '-Q',
      '-C',
      'o',
      '-s',
      '8',
      '-a',
      'ownerread|ownerwrite|nt=1',
      '0x1500001',
    );
    for (let i = 0; i <= lastOf(1); i++) tpm.tool('tpm2_nvincrement', '-Q', '-C', 'o', '0x1500001');
    tpm.tool('tpm2_nvundefine', '-Q', '-C', 'o', '0x1500001');
    expect(() => seed(image(1))).toThrow('before generation 2');
    expect(seed(image(2))).toMatch(/^\w{64}$/);
  });
});
