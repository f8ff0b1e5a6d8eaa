import { generateKeyPairSync } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatSite } from '../../protocol/site.ts';
import { bindSite, bootBound, makePcrKey, TPM_VARIABLE } from '../support/bound-machine.ts';
import type { BoundMachine, TestImage } from '../support/bound-machine.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import type { Run } from '../support/run.ts';
import { startSwtpm, vendorAuthorities } from '../support/swtpm.ts';
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
    const seen = 'by the TPM that was approved: whether that is a chip, nobody looked';
    const shown = await show(node);
    expect(shown).toContain(
      `TPM        when this was proposed: ${runs}: by the TPM that was approved`,
    );
    expect(shown).toContain(`vouched    ${runs}: ${seen}`);

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

  describe('that the site knows', () => {
    let folder: string;
    let sold: Swtpm;
    let vendors: string;
    const runs =
      'this machine runs image "13.1" (generation 2), which the site signed, and its key exists in such images alone';
    const certified =
      /, and nowhere else: by the TPM that was approved, and “CN=swtpm-localca-rootca” certified it \(SHA-256 [0-9a-f]{64}\)/;
    beforeAll(async () => {
      folder = fs.mkdtempSync(join(tmpdir(), 'known-'));
      sold = await startSwtpm(join(folder, 'vendor'));
      vendors = join(folder, 'vendors.pem');
      const { ca, root } = vendorAuthorities(join(folder, 'vendor'));
      fs.writeFileSync(vendors, fs.readFileSync(ca, 'utf8') + fs.readFileSync(root, 'utf8'));
      process.env[TPM_VARIABLE] = sold.tcti;
    });
    afterAll(async () => {
      await sold.remove();
      process.env[TPM_VARIABLE] = tpm.tcti;
      fs.rmSync(folder, { recursive: true });
    });

    it('is shown to be that, by the CA of its vendor and by what it alone can open', async () => {
      const machine = await boot(IMAGE, sold);
      const node = machine.identity.id;
      expect((await once(machine)).stderr).toContain('[nothing_approved]');
      expect(await show(node)).toMatch(
        /^TPM key    [0-9a-f]{64}, with a certificate of which nothing was checked$/m,
      );
      await desk.json('approve', node, '--yes');

      const other = join(folder, 'other.pem');
      fs.writeFileSync(
        other,
        generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
          type: 'spki',
          format: 'pem',
        }),
      );
      const strange = await desk.run('renew', node, '--known-tpms', other, '--yes');
      expect(strange.stdout).toContain(
        `its TPM's certificate was issued by "CN=swtpm-localca", which is not in the list`,
      );
      expect(strange.code).toBe(9);

      const asked = await desk.run('renew', node, '--known-tpms', vendors, '--yes');
      expect(asked.stderr + asked.stdout).toMatch(
        /warning: it says that the TPM of this machine is known, as whoever made it found: “CN=swtpm-localca-rootca” certified it/,
      );
      expect(asked.code).toBe(0);
      expect(await show(node)).toMatch(/^TPM key    [0-9a-f]{64}: “CN=swtpm-localca-rootca” cer/m);

      expect((await once(machine)).code).toBe(0);
      expect(await show(node)).toMatch(certified);
      const status = await desk.run('status', '--columns', 'node,image');
      expect(status.stdout.replace(/\s+/g, ' ')).toContain(
        `${node} "13.1" (generation 2, TPM known)`,
      );

      const found = await desk.run('status', '--where', 'image=known', '--columns', 'node');
      expect(found.stdout).toContain(node);

      // Again, and what an administrator changes, leaves it known: by the same secret.
      const again = await desk.run('renew', node, '--known-tpms', vendors, '--yes');
      expect(again.code).toBe(0);
      expect(again.stderr + again.stdout).not.toContain('is known');
      await desk.json('set', 'answer:proxy=none', node, '--yes');
      expect(await show(node)).toMatch(certified);
      expect((await once(machine)).code).toBe(0);
      expect(await show(node)).toMatch(certified);

      // What it proposes next shows it as well, and says nothing of who knows it.
      machine.write('etc/motd', 'as it is set up now\n');
      const proposed = await machine.run('--key', 'tpm', '--memory', 'tpm', 'propose');
      expect([proposed.code, proposed.stderr]).toEqual([0, expect.stringContaining('waits')]);
      const approved = await desk.run('approve', node, '--yes');
      expect(approved.stdout).toMatch(certified);
      expect(approved.stderr + approved.stdout).toContain(
        'warning: that the TPM of this machine is known goes with it: coatcheck renew --known-tpms',
      );
      expect((await once(machine)).code).toBe(0);
      const seen = 'by the TPM that was approved: whether that is a chip, nobody looked';
      expect(await show(node)).toContain(`vouched    ${runs}: ${seen}`);
    });

    it('is shown to be that where the site lists its key', async () => {
      const second = await startSwtpm();
      try {
        process.env[TPM_VARIABLE] = second.tcti;
        const machine = await boot(IMAGE, second);
        const node = machine.identity.id;
        expect((await once(machine)).stderr).toContain('[nothing_approved]');
        await desk.json('approve', node, '--yes');
        expect((await once(machine)).code).toBe(0);
        const bare = await desk.run('renew', node, '--known-tpms', vendors, '--yes');
        expect(bare.stdout).toContain('its TPM has no certificate, and its endorsement key is not');
        const list = join(folder, 'list.pem');
        second.tool('tpm2_createek', '-G', 'rsa', '-c', '-', '-u', list, '-f', 'pem');
        second.tool('tpm2_flushcontext', '-t');
        const known = await desk.json<{ groups: { bundle: unknown }[] }>(
          ...['renew', node, '--known-tpms', list, '--yes'],
        );
        expect(known.groups[0]!.bundle).toMatchObject({
          endorsement: { certificate: 0, known: { by: 'list' }, faults: [] },
        });
        expect(await show(node)).toContain(
          'which has not shown yet that it is the one that is known',
        );
        expect((await once(machine)).code).toBe(0);
        expect(await show(node)).toContain(
          `vouched    ${runs}, and nowhere else: by the TPM that was approved, and the site lists it`,
        );
        const { nodes } = await desk.json<{ nodes: { node: string; machine: object }[] }>('status');
        expect(nodes.find((one) => one.node === node)!.machine).toMatchObject({
          attested: { approved: true, known: { by: 'list' }, faults: [] },
        });
      } finally {
        process.env[TPM_VARIABLE] = sold.tcti;
        await second.remove();
      }
    });
  });
});
