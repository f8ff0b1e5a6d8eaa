import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeFrame } from '../../bundle/frame.ts';
import { readCounter } from '../../agent/identity/tpm/counter.ts';
import { withTpm } from '../../agent/identity/tpm/device.ts';
import { pcrKeyOf } from '../../cli/image/sign-policies.ts';
import { firstOf } from '../../protocol/measured.ts';
import type { Site } from '../../protocol/site.ts';
import { bindSite, makePcrKey, openBench } from '../support/bound-machine.ts';
import type { Bench, BoundMachine, TestImage } from '../support/bound-machine.ts';
import { describeWith } from '../support/components.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeAdmin, makeSite, makeStatement, NOTHING, propose, sign } from '../support/site.ts';
import { signAsNode } from '../support/site.ts';

/** TPM2_NV_Increment (part 2, 6.5.2) */
const NV_INCREMENT = 0x134;
const secret = makePcrKey();
const key = pcrKeyOf(secret);
const [ada, warden] = [makeAdmin('ada'), makeAdmin('warden', 'first')];
const plain = makeSite({ admins: [ada, warden] }).site;
const image = (generation: number): TestImage => ({
  ...{ version: `1.${generation}`, generation, keys: [secret] },
  commandLine: 'stateless coatcheck.key=tpm',
});

describeWith('swtpm', 'a decision that revokes images', () => {
  let folder: string;
  let bench: Bench;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'revoke-images-'));
    bench = await openBench();
  });
  afterEach(async () => {
    await bench.remove();
    rmSync(folder, { recursive: true });
  });

  /** The power goes off and on, and the firmware starts an image of this generation. */
  const boot = (generation: number, site: Site = plain): Promise<BoundMachine> =>
    bench.boot(bindSite(site, secret), image(generation));
  /** A decision with a bundle of an administrator that says so. */
  function decision(
    { identity: node }: Pick<Machine, 'identity'>,
    generation: number,
    { site = plain, by = ada }: { site?: Site; by?: typeof ada | 'itself' } = {},
  ): string {
    const { keyset } = site.pinned;
    const { bytes, digest } = propose({
      ...{ keyset, node, by: ada.identity, metadata: { generation } },
      files: { 'etc/motd': `${generation}\n` },
    });
    const statement = makeStatement(keyset, node.id, 'approve', NOTHING, { digest });
    const signed = by === 'itself' ? signAsNode(statement, node) : sign(statement, keyset, by);
    const path = join(folder, `decision-${generation}`);
    writeFileSync(path, encodeFrame({ chain: [site.pinned], statement: signed, bundle: bytes }));
    return path;
  }
  const OPTIONS = ['--key', 'tpm', '--memory', 'none'];
  const agent = (machine: BoundMachine, ...args: string[]): Promise<Run> =>
    machine.run(...OPTIONS, ...args);
  /** The lines of an agent that applied it, about images. */
  async function applied(machine: BoundMachine, path: string): Promise<string[]> {
    const { code, stdout, stderr } = await agent(machine, 'apply', path);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(machine.read('etc/motd')).toBe(`${path.split('-').at(-1)!}\n`);
    return stdout.split('\n').filter((line) => /^image generation|^NOT revoked/.test(line));
  }
  const counter = (): number | undefined => withTpm((device) => readCounter(device, key));

  it('keeps the key from older images for ever, and from no newer one', async () => {
    const now = await boot(2);
    const { id } = now.identity;
    const path = decision(now, 2);
    for (let times = 0; times < 2; times++) {
      expect(await applied(now, path)).toEqual(['image generation 2, revoked below 2']);
      expect(counter()).toBe(firstOf(2));
    }
    const old = await boot(1);
    const { code, stderr } = await agent(old, 'id');
    expect(code).not.toBe(0);
    expect(stderr.replace(/\s+/g, ' ')).toContain(
      "the TPM keeps this machine's key from this image: it is of generation 1, and by the TPM's counter (128) images before generation 2 are revoked",
    );
    expect((await boot(3)).identity.id).toBe(id);
  });

  it('of a generation far from here goes up by a few at each start', async () => {
    const machine = await boot(7);
    const path = decision(machine, 6);
    expect(await applied(machine, path)).toEqual([
      'image generation 7, revoked below 5',
      'NOT revoked: a start does 4 generations, and the next goes on to 6',
    ]);
    expect(await applied(machine, path)).toEqual(['image generation 7, revoked below 6']);
  });

  it('of a generation that this image is not of yet is applied but for that', async () => {
    const machine = await boot(2);
    expect(await applied(machine, decision(machine, 3))).toEqual([
      'image generation 2',
      'NOT revoked: this image is of generation 2, and those before 3 were to be revoked',
    ]);
    expect(counter()).toBe(firstOf(1));
  });

  it('is obeyed where neither the machine nor a key for first configurations signed it', async () => {
    const self: Site = { ...plain, approval: 'none' };
    const machine = await boot(2, self);
    const own = decision(machine, 2, { site: self, by: 'itself' });
    expect(await applied(machine, own)).toContain('NOT revoked: this machine approved that itself');
    const again = await boot(2, self);
    expect(await applied(again, decision(again, 2, { site: self, by: warden }))).toContain(
      'NOT revoked: a key for first configurations is among those that signed that',
    );
    expect(counter()).toBe(firstOf(1));
  });

  it('means nothing to a machine whose key is bound to no image, and stops nothing there', async () => {
    const machine = makeMachine(plain);
    const { code, stdout } = await machine.run('apply', decision(machine, 2));
    machine.remove();
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining("no image is revoked: this machine's key is bound to none\n"),
    ]);
  });

  describe.each(['before', 'after'] as const)('cut %s the counter went up', (when) => {
    it('is carried out by the next start', { tags: 'long' }, async () => {
      const machine = await boot(2);
      const { id } = machine.identity;
      const path = decision(machine, 2);
      const { held } = await bench.tpm.hold(NV_INCREMENT, when);
      const args = ['--root', machine.root, ...OPTIONS, 'apply', path];
      const { child, done } = machine.start([process.execPath, agentProgram()], args);
      await held;
      child.kill('SIGKILL');
      await done;
      const again = await boot(2);
      expect(again.identity.id).toBe(id);
      expect(await applied(again, path)).toEqual(['image generation 2, revoked below 2']);
    });
  });
});
