// @module-tag long
import type { ChildProcess } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { readCounter } from '../../agent/identity/tpm/counter.ts';
import { withTpm } from '../../agent/identity/tpm/device.ts';
import { nodeWords } from '../../bundle/words.ts';
import type { Identity, NodeId } from '../../bundle/identity.ts';
import { pcrKeyOf } from '../../cli/image/sign-policies.ts';
import { EXIT } from '../../protocol/errors.ts';
import type { Site } from '../../protocol/site.ts';
import { signSuccession } from '../../protocol/succession.ts';
import { bindSite, bootBound, makePcrKey, TPM_VARIABLE } from '../support/bound-machine.ts';
import type { BoundMachine, TestImage } from '../support/bound-machine.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { agentProgram } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeNode, SETTINGS } from '../support/site.ts';
import { startSwtpm } from '../support/swtpm.ts';
import type { Swtpm } from '../support/swtpm.ts';

const [oldKey, newKey] = [makePcrKey(), makePcrKey()];
const commandLine = 'stateless coatcheck.key=tpm coatcheck.memory=tpm';
const OLD: TestImage = { version: 'old', generation: 1, commandLine, keys: [oldKey] };
const NEW: TestImage = { version: 'new', generation: 1, commandLine, keys: [newKey, oldKey] };

interface Pending {
  readonly node: NodeId;
  readonly succeeds?: { readonly node: NodeId; readonly isProven: boolean };
}

describeWith('swtpm', 'another PCR key', () => {
  let desk: Desk;
  let oldSite: Site;
  let bothSite: Site;
  const tpms: Swtpm[] = [];
  const roots: BoundMachine[] = [];
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    desk = await openDesk();
    const site = { ...desk.site, servers: [desk.url] };
    oldSite = bindSite(site, oldKey);
    bothSite = bindSite(site, newKey, oldKey);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const root of roots.splice(0)) root.remove();
    for (const tpm of tpms.splice(0)) await tpm.remove();
    Reflect.deleteProperty(process.env, TPM_VARIABLE);
  });
  afterAll(() => desk.close());

  async function chip(): Promise<Swtpm> {
    const tpm = await startSwtpm();
    tpms.push(tpm);
    return tpm;
  }
  /** The machine with this TPM is switched on with an image; the agent speaks to that TPM from here on. */
  async function on(tpm: Swtpm, image: TestImage): Promise<BoundMachine> {
    process.env[TPM_VARIABLE] = tpm.tcti;
    const machine = await bootBound(tpm, image === OLD ? oldSite : bothSite, image);
    roots.push(machine);
    return machine;
  }
  const agent = (machine: BoundMachine, ...args: string[]): Promise<Run> =>
    machine.run('--key', 'tpm', '--memory', 'tpm', ...args);
  const pending = async (): Promise<readonly Pending[]> =>
    (await desk.json<{ pending: readonly Pending[] }>('pending')).pending;

  /** A machine with a configuration that it got under the old key. */
  async function configured(name: string): Promise<{ tpm: Swtpm; identity: Identity }> {
    const tpm = await chip();
    const machine = await on(tpm, OLD);
    machine.write('etc/hostname', `${name}\n`);
    machine.write('etc/motd', `of ${name}\n`);
    const { identity } = machine;
    expect((await agent(machine, 'propose')).code).toBe(0);
    expect((await desk.run('approve', identity.id, '--yes')).code).toBe(0);
    return { tpm, identity };
  }

  /** The agent as the image starts it, once it waits for an administrator. */
  async function waiting(
    machine: BoundMachine,
  ): Promise<{ done: Promise<Run>; said: () => string }> {
    const line = ['start', '--command-line', machine.path('cmdline'), '--no-network'];
    const { child, done } = machine.start(
      [process.execPath, agentProgram()],
      ['--root', machine.root, ...line],
    );
    children.push(child);
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr!.on('data', (text: string) => {
        said += text;
        if (/waits for an administrator to approve [0-9a-f]{64}/.test(said)) resolve();
      });
      child.once('exit', () => reject(new Error(`it ended, and never waited: ${said}`)));
    });
    return { done, said: () => said };
  }

  it('a fleet goes over at one consent, and a machine that lies does not', async () => {
    const names = ['gx1', 'gx2', 'gx3'];
    const fleet: Awaited<ReturnType<typeof configured>>[] = [];
    for (const name of names) fleet.push(await configured(name));
    const boots = [];
    for (const { tpm, identity } of fleet) {
      const machine = await on(tpm, NEW);
      const { id } = machine.identity;
      const boot = await waiting(machine);
      expect(boot.said()).toContain(`it was machine ${identity.id}`);
      boots.push({ machine, id, ...boot });
    }
    const liar = makeNode('liar of a fleet');
    const [first] = fleet;
    const replayed = signSuccession(desk.site.id, first!.identity, boots[0]!.id);
    await desk.propose(liar, { metadata: { ...SETTINGS, succeeds: replayed } });
    const claims = new Map((await pending()).map(({ node, succeeds }) => [node, succeeds]));
    expect(claims).toEqual(
      new Map<NodeId, Pending['succeeds']>([
        ...boots.map(({ id }, i) => [id, { node: fleet[i]!.identity.id, isProven: true }] as const),
        [liar.id, { node: first!.identity.id, isProven: false }],
      ]),
    );
    const told = (await desk.run('pending')).stdout;
    expect(told).toContain(
      `succeeds machine ${first!.identity.id} (${nodeWords(first!.identity.id)}), by the signature of its key`,
    );
    expect(told).toContain('an unproven claim, its key did not sign that');

    const unsure = await desk.run('transfer', '--successors', '--yes');
    expect([unsure.code, unsure.stderr]).toEqual([
      EXIT.usage,
      expect.stringContaining('--expect 3'),
    ]);
    const moved = await desk.run('transfer', '--successors', '--yes', '--expect', '3');
    expect(moved.code).toBe(EXIT.failed);
    for (const [i, { id }] of boots.entries()) {
      const row = new RegExp(
        `^${names[i]!} +${fleet[i]!.identity.id} +${id} +${nodeWords(id)}$`,
        'm',
      );
      expect(moved.stdout).toMatch(row);
    }
    expect(moved.stdout).toContain(`${liar.id}: it says that it was ${first!.identity.id}`);
    for (const [i, { machine, done }] of boots.entries()) {
      expect((await done).code).toBe(0);
      expect(machine.read('etc/motd')).toBe(`of ${names[i]!}\n`);
    }
    // Who boots the old image yet is the old machine, which is revoked; the new one stays what it is.
    const late = await on(first!.tpm, OLD);
    expect(late.identity.id).toBe(first!.identity.id);
    const refused = await agent(late, 'boot', '--once');
    expect([refused.code, refused.stderr]).toEqual([
      EXIT.waiting,
      expect.stringContaining('[revoked]'),
    ]);
    const again = await on(first!.tpm, NEW);
    expect((await agent(again, 'boot', '--once')).code).toBe(0);
    expect(again.read('etc/motd')).toBe('of gx1\n');
  });

  it('the old image gives the old machine until it is moved', async () => {
    const { tpm, identity } = await configured('gx4');
    await on(tpm, NEW);
    const machine = await on(tpm, OLD);
    expect(machine.identity.id).toBe(identity.id);
    expect((await agent(machine, 'boot', '--once')).code).toBe(0);
    expect(machine.read('etc/motd')).toBe('of gx4\n');
  });

  describeWith('swtpm', 'is said of nobody who had none before', () => {
    let tpm: Swtpm;
    beforeEach(async () => {
      ({ tpm } = await configured('gx5'));
    });
    const claims = async (machine: BoundMachine): Promise<unknown> => {
      machine.write('etc/motd', 'anew\n');
      const { code, stderr } = await agent(machine, 'propose');
      expect(code).toBe(0);
      const one = (await pending()).find(({ node }) => node === machine.identity.id);
      return {
        succeeds: one!.succeeds?.isProven,
        told: /cannot show which one it was/.test(stderr),
      };
    };

    it('a new machine, and one whose TPM was cleared', async () => {
      const fresh = await on(await chip(), NEW);
      expect(await claims(fresh)).toEqual({ succeeds: undefined, told: false });
      expect(withTpm((device) => readCounter(device, pcrKeyOf(oldKey)))).toBeUndefined();
      tpm.tool('tpm2_clear', '-Q');
      expect(await claims(await on(tpm, NEW))).toEqual({ succeeds: undefined, told: false });
    });

    it('an image that the old key did not sign, which is another machine all the same', async () => {
      const machine = await on(tpm, { ...NEW, keys: [newKey] });
      const { id } = machine.identity;
      expect(await claims(machine)).toEqual({ succeeds: undefined, told: true });
      expect((await on(tpm, NEW)).identity.id).toBe(id);
    });
  });
});
