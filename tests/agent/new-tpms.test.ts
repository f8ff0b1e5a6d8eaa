import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatSite } from '../../protocol/site.ts';
import { bindSite, bootBound, makePcrKey, TPM_VARIABLE } from '../support/bound-machine.ts';
import type { BoundMachine, TestImage } from '../support/bound-machine.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { startSwtpm } from '../support/swtpm.ts';
import type { Swtpm } from '../support/swtpm.ts';

const secret = makePcrKey();
const IMAGE: TestImage = {
  ...{ version: '13.1', generation: 2, keys: [secret] },
  commandLine: 'coatcheck.key=tpm coatcheck.memory=tpm',
};

describeWith('swtpm', 'machines that ask for the same', () => {
  let desk: Desk;
  const tpms: Swtpm[] = [];
  const machines: BoundMachine[] = [];
  beforeAll(async () => {
    desk = await openDesk();
    fs.writeFileSync(join(desk.home, 'site.json'), formatSite(bindSite(desk.site, secret)));
  });
  afterAll(async () => {
    Reflect.deleteProperty(process.env, TPM_VARIABLE);
    for (const tpm of tpms) await tpm.remove();
    for (const machine of machines) machine.remove();
    await desk.close();
  });

  it('are told apart by the words of their TPMs where they are approved at once', async () => {
    const nodes: string[] = [];
    const words: string[] = [];
    for (let i = 0; i < 2; i++) {
      const tpm = await startSwtpm();
      tpms.push(tpm);
      process.env[TPM_VARIABLE] = tpm.tcti;
      const site = { ...bindSite(desk.site, secret), servers: [desk.url] };
      const machine = await bootBound(tpm, site, IMAGE);
      machines.push(machine);
      machine.write('etc/motd', 'as it is set up\n');
      const node = machine.identity.id;
      const { stderr } = await machine.run(
        ...['--key', 'tpm', '--memory', 'tpm', 'boot', '--once', '--take-over'],
      );
      expect(stderr).toContain('[nothing_approved]');
      const { stdout } = await desk.run('show', node);
      words.push(/seen for the first time, “(.+)”/.exec(stdout)![1]!);
      nodes.push(node);
    }
    const asked = await desk.run('approve', ...nodes, '--yes');
    expect(asked.stdout).toContain('(2 nodes)');
    for (const one of words) expect(asked.stdout).toContain(`  ${one}\n`);
  });
});
