import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatSite } from '../../protocol/site.ts';
import { bindSite, bootBound, makePcrKey, TPM_VARIABLE } from '../support/bound-machine.ts';
import type { BoundMachine, TestImage } from '../support/bound-machine.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import type { Run } from '../support/run.ts';
import { startSwtpm } from '../support/swtpm.ts';
import type { Swtpm } from '../support/swtpm.ts';

const secret = makePcrKey();
const IMAGE: TestImage = {
  ...{ version: '13.1', generation: 2, keys: [secret] },
  commandLine: 'coatcheck.key=tpm coatcheck.memory=tpm',
};

describeWith('swtpm', 'a machine whose TPM vouches for it', () => {
  let desk: Desk;
  let tpm: Swtpm;
  const machines: BoundMachine[] = [];
  beforeAll(async () => {
    desk = await openDesk();
    fs.writeFileSync(join(desk.home, 'site.json'), formatSite(bindSite(desk.site, secret)));
    tpm = await startSwtpm();
    process.env[TPM_VARIABLE] = tpm.tcti;
  });
  afterAll(async () => {
    await tpm.remove();
    Reflect.deleteProperty(process.env, TPM_VARIABLE);
    for (const machine of machines) machine.remove();
    await desk.close();
  });

  async function boot(image = IMAGE, on = tpm): Promise<BoundMachine> {
    const site = { ...bindSite(desk.site, secret), servers: [desk.url] };
    const machine = await bootBound(on, site, image);
    machines.push(machine);
    machine.write('etc/motd', 'as it is set up\n');
    return machine;
  }
  const once = (machine: BoundMachine): Promise<Run> =>
    machine.run('--key', 'tpm', '--memory', 'tpm', 'boot', '--once', '--take-over');
  const show = async (node: string): Promise<string> => (await desk.run('show', node)).stdout;

  it('is shown to run an image that the site signed, by a TPM that is new, and by one that was approved', async () => {
    const machine = await boot();
    const node = machine.identity.id;
    expect((await once(machine)).stderr).toContain('[nothing_approved]');
    const runs =
      'this machine runs image "13.1" (generation 2), which the site signed, and its key exists in such images alone';
    expect(await show(node)).toContain(`${runs}: by a TPM seen for the first time, “`);
    await desk.json('approve', node, '--yes');
    expect((await once(machine)).code).toBe(0);
    expect(await show(node)).toContain(`vouched    ${runs}: by the TPM that was approved`);

    // What an administrator changes since leaves the TPM approved.
    await desk.json('set', 'answer:proxy=none', node, '--yes');
    expect((await once(machine)).code).toBe(0);
    expect(await show(node)).toContain(`vouched    ${runs}: by the TPM that was approved`);

    const status = await desk.run('status', '--columns', 'node,image');
    expect(status.stdout.replace(/\s+/g, ' ')).toContain(`${node} "13.1" (generation 2)`);
    const { nodes } = await desk.json<{ nodes: { machine: { attested: unknown } }[] }>('status');
    expect(nodes[0]!.machine.attested).toMatchObject({
      ...{ image: { version: '13.1', generation: 2 }, approved: true, faults: [] },
    });
  });
});
