import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeKeyFile } from '../../agent/identity/keys/key-file.ts';
import { keptIn } from '../../agent/identity/memory/bound-memory.ts';
import { encodeRecord } from '../../agent/identity/memory/memory-record.ts';
import type { Owner } from '../../agent/identity/memory/memory-record.ts';
import { raiseCounter, readCounter } from '../../agent/identity/tpm/counter.ts';
import { withTpm } from '../../agent/identity/tpm/device.ts';
import type { TpmDevice } from '../../agent/identity/tpm/device.ts';
import { memoryArea, writeMemory } from '../../agent/identity/tpm/memory-area.ts';
import { isWritten } from '../../agent/identity/tpm/nv.ts';
import type { Authority } from '../../agent/identity/tpm/policy.ts';
import { extendImageRegister } from '../../agent/identity/tpm/measured-key.ts';
import { pcrKeyOf } from '../../cli/image/sign-policies.ts';
import { counterArea, firstOf } from '../../protocol/measured.ts';
import { bindSite, makePcrKey, openBench, startImage } from '../support/bound-machine.ts';
import type { Bench, BoundMachine, TestImage } from '../support/bound-machine.ts';
import { describeWith } from '../support/components.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import type { Run } from '../support/run.ts';
import { makeSite } from '../support/site.ts';
import type { Swtpm } from '../support/swtpm.ts';
import { codeFrom } from '../support/thrown.ts';

const secret = makePcrKey();
const key = pcrKeyOf(secret);
const plain = makeSite();
const testSite = { ...plain, site: bindSite(plain.site, secret) };
const IMAGE: TestImage = {
  ...{ version: '1', generation: 1, keys: [secret] },
  commandLine: 'stateless coatcheck.key=tpm coatcheck.memory=tpm',
};
const index = `0x${memoryArea(key).index.toString(16)}`;
const counter = `0x${counterArea(key).index.toString(16)}`;
/** TPM_CC_NV_Write (TPM 2.0 Library part 2, 6.5.2) */
const NV_WRITE = 0x137;
const POLICY_ONLY = 'ownerread|policywrite|no_da';

describeWith('swtpm', 'a memory that only signed images write', () => {
  let folder: string;
  let bench: Bench;
  let tpm: Swtpm;
  let machine: BoundMachine;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tpm-memory-'));
    bench = await openBench();
    ({ tpm } = bench);
    await boot();
  });
  afterEach(async () => {
    await bench.remove();
    rmSync(folder, { recursive: true });
  });

  const at = (name: string): string => join(folder, name);

  /** The power goes off and on, and the firmware starts this image. */
  async function boot(image = IMAGE): Promise<void> {
    machine = await bench.boot(testSite.site, image);
  }
  const agent = (...args: string[]): Promise<Run> =>
    machine.run('--key', 'tpm', '--memory', 'tpm', ...args);
  function decision(seq: number, text: string, fresh?: string): string {
    const path = join(folder, `${seq}-${text}`);
    const files = [fileEntry('etc/motd', `${text}\n`)];
    const metadata = fresh === undefined ? {} : { fresh };
    writeFileSync(path, approvedFrame(testSite, machine.identity, files, seq, metadata));
    return path;
  }
  const apply = (path: string): Promise<Run> => agent('apply', path);
  const codeOf = ({ code, stderr }: Run): string =>
    code === 0 ? 'applied' : (/\[(\w+)\]\n$/.exec(stderr)?.[1] ?? stderr);
  async function status(): Promise<{ seq?: unknown; wiped?: unknown }> {
    const { memory, wiped } = await machine.json('--key', 'tpm', '--memory', 'tpm', 'status');
    return { seq: (memory as { seq?: number } | undefined)?.seq, wiped };
  }
  const undefine = (what: string): string => tpm.tool('tpm2_nvundefine', '-Q', '-C', 'o', what);
  function define(attributes: string): void {
    writeFileSync(at('policy'), memoryArea(key).policy);
    const more = ['-C', 'o', '-s', '140', '-a', attributes, '-L', at('policy')];
    tpm.tool('tpm2_nvdefine', '-Q', ...more, index);
  }
  const wipedWith = (run: Run): string => {
    expect(codeOf(run)).toBe('rollback_refused');
    return /the memory \(tpm\) was wiped, code ([0-9a-f]{32})/.exec(run.stderr)![1]!;
  };

  it('remembers over reboots, and refuses what is older', async () => {
    const [one, two] = [decision(1, 'one'), decision(2, 'two')];
    expect(await status()).toEqual({});
    const first = await apply(two);
    expect(codeOf(first)).toBe('applied');
    expect(first.stderr).not.toContain('the memory (tpm)');
    await boot();
    expect(await status()).toEqual({ seq: 2 });
    expect(codeOf(await apply(one))).toBe('rollback_refused');
    expect(codeOf(await apply(decision(2, 'fork')))).toBe('rollback_refused');
    expect(existsSync(machine.path('etc/motd'))).toBe(false);
    expect(codeOf(await apply(two))).toBe('applied');
  });

  describe('that an unsigned system undefined', () => {
    it('holds nothing old again, whatever that system wrote, and waits for a decision with its code', async () => {
      const [one, two] = [decision(1, 'one'), decision(2, 'two')];
      expect(codeOf(await apply(one))).toBe('applied');
      const record = at('record');
      tpm.tool('tpm2_nvread', '-C', 'o', '-s', '140', '-o', record, index);
      expect(codeOf(await apply(two))).toBe('applied');
      undefine(index);
      define(POLICY_ONLY);
      expect(() => tpm.tool('tpm2_nvwrite', '-C', 'o', '-i', record, index)).toThrow();
      await boot();
      const code = wipedWith(await apply(one));
      expect(code).toBe(wipedWith(await apply(two)));
      await boot();
      expect(await status()).toEqual({ wiped: code });
      expect(wipedWith(await apply(decision(3, 'other', 'ab'.repeat(16))))).toBe(code);
      expect(existsSync(machine.path('etc/motd'))).toBe(false);
      expect(codeOf(await apply(decision(3, 'three', code)))).toBe('applied');
      expect(codeOf(await apply(two))).toBe('rollback_refused');
      await boot();
      expect(await status()).toEqual({ seq: 3 });
    });

    it.each(['ownerread|ownerwrite|no_da', `${POLICY_ONLY}|ownerwrite`])(
      'is refused by its number where that system made it %s, and wiped once it is gone',
      async (attributes) => {
        const one = decision(1, 'one');
        expect(codeOf(await apply(one))).toBe('applied');
        const record = at('record');
        tpm.tool('tpm2_nvread', '-C', 'o', '-s', '140', '-o', record, index);
        undefine(index);
        define(attributes);
        tpm.tool('tpm2_nvwrite', '-Q', '-C', 'o', '-i', record, index);
        await boot();
        const refused = await apply(one);
        expect(codeOf(refused)).toBe('file_malformed');
        expect(refused.stderr).toContain(`tpm2_nvundefine ${index}`);
        undefine(index);
        wipedWith(await apply(one));
      },
    );

    it('and the counter with it, is wiped all the same: a TPM counts on', async () => {
      const one = decision(1, 'one');
      expect(codeOf(await apply(one))).toBe('applied');
      undefine(index);
      undefine(counter);
      await boot();
      wipedWith(await apply(one));
    });
  });

  it('is another machine’s where another key is taken, and stays as it is', async () => {
    const one = decision(1, 'one');
    expect(codeOf(await apply(one))).toBe('applied');
    const file = at('key');
    makeKeyFile(file);
    const other = await machine.run('--key', file, '--memory', 'tpm', 'status');
    expect(codeOf(other)).toBe('file_malformed');
    expect(other.stderr).toContain('another key');
    expect(await status()).toEqual({ seq: 1 });
  });

  it('is written by no image that was revoked, and by none once the agent is done', async () => {
    const old = machine.authority;
    expect(codeOf(await apply(decision(1, 'one')))).toBe('applied');
    const write = (authority: Authority): string =>
      codeFrom(() => withTpm((device) => writeMemory(device, authority, new Uint8Array())));
    withTpm(extendImageRegister);
    expect(write(old)).toBe('key_refused');
    await boot({ ...IMAGE, generation: 2 });
    const current = machine.authority;
    withTpm((device) => raiseCounter(device, current, 2));
    expect(write(old)).toBe('device_failed');
    expect(await status()).toEqual({ seq: 1 });
    await boot();
    expect(codeOf(await agent('status'))).toBe('key_refused');
  });

  it('is written although registers are extended meanwhile, as IMA does', () => {
    const { authority } = machine;
    const owner = { site: testSite.site.id, node: machine.identity.id };
    const two = { keysetVersion: 1, keysetDigest: new Uint8Array(32), seq: 2, issued: 9 };
    const record = encodeRecord(owner, { ...two, digest: new Uint8Array(32) });
    let extended = 0;
    withTpm((device) => {
      const meanwhile: TpmDevice = {
        transmit(command) {
          const isWrite = Buffer.from(command).readUInt32BE(6) === NV_WRITE;
          if (isWrite && extended++ < 2) tpm.tool('tpm2_pcrextend', `10:sha256=${'ab'.repeat(32)}`);
          return device.transmit(command);
        },
      };
      writeMemory(meanwhile, authority, record);
      expect(extended).toBe(3);
      expect(keptIn(device, owner, authority)).toMatchObject({ memory: { seq: 2 } });
    });
  });

  describe('where the power goes between two commands', () => {
    /** Does no command after the first `many`. */
    const cutting = (device: TpmDevice, many: number): TpmDevice => {
      let done = 0;
      return {
        transmit(command) {
          if (done++ >= many) throw new Error('the power is gone');
          return device.transmit(command);
        },
      };
    };
    /**
     * Has `act` cut after one command, after two, and so on, and done again after each, until it comes to its end.
     * @param look after each cut, in the next boot
     */
    async function cutEverywhere(
      act: (device: TpmDevice) => unknown,
      look: () => unknown,
    ): Promise<unknown[]> {
      const seen: unknown[] = [];
      for (let many = 1; ; many++) {
        const end = withTpm((device) => {
          try {
            act(cutting(device, many));
            return undefined;
          } catch (error) {
            return (error as Error).message;
          }
        });
        if (end !== undefined && end !== 'the power is gone') throw new Error(end);
        await startImage(tpm, IMAGE);
        seen.push(look());
        if (end === undefined) return seen;
      }
    }
    const owner = (): Owner => ({ site: testSite.site.id, node: machine.identity.id });
    const keptNow = (): { memory?: unknown; wiped?: unknown } =>
      withTpm((device) => keptIn(device, owner(), machine.authority));

    it('of a first boot, that goes on, and nothing was wiped', { tags: 'long' }, async () => {
      const first = (device: TpmDevice): number => raiseCounter(device, machine.authority, 1);
      const count = (): number => withTpm((device) => readCounter(device, key)) ?? 0;
      const counts = (await cutEverywhere(first, count)) as number[];
      expect(counts).toContain(0);
      expect(counts.some((value) => value > 0 && value < firstOf(1))).toBe(true);
      expect(counts.at(-1)).toBe(firstOf(1));
      expect(keptNow()).toEqual({});
    });

    it('of a save, the older or the newer is remembered', { tags: 'long' }, async () => {
      expect(codeOf(await apply(decision(1, 'one')))).toBe('applied');
      const two = { keysetVersion: 1, keysetDigest: new Uint8Array(32), seq: 2, issued: 9 };
      const record = encodeRecord(owner(), { ...two, digest: new Uint8Array(32) });
      const saves = (device: TpmDevice): void => writeMemory(device, machine.authority, record);
      const seqs = await cutEverywhere(saves, () => (keptNow().memory as { seq: number }).seq);
      expect(seqs[0]).toBe(1);
      expect(seqs).toEqual([...seqs].sort());
      expect(seqs.at(-1)).toBe(2);
    });

    it('of what finds that it was wiped, it is wiped with one code', { tags: 'long' }, async () => {
      expect(codeOf(await apply(decision(1, 'one')))).toBe('applied');
      undefine(index);
      const finds = (device: TpmDevice): unknown => keptIn(device, owner(), machine.authority);
      const raw = (): unknown =>
        withTpm((device) => isWritten(device, memoryArea(key))) === true
          ? keptNow().wiped
          : undefined;
      const codes = await cutEverywhere(finds, raw);
      expect(new Set(codes.filter((code) => code !== undefined)).size).toBe(1);
      expect(keptNow()).toEqual({ wiped: codes.at(-1) });
    });
  });
});
