import { afterAll, beforeAll, expect, it } from 'vitest';
import { bindSite, bootBound, makePcrKey, TPM_VARIABLE } from '../support/bound-machine.ts';
import type { BoundMachine } from '../support/bound-machine.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeNode, SETTINGS } from '../support/site.ts';
import { startSwtpm } from '../support/swtpm.ts';
import type { Swtpm } from '../support/swtpm.ts';

interface Shown {
  readonly generation: number;
  readonly nodes: { node: string; images?: { generation: number; revokedBelow: number } }[];
}

describeWith('swtpm', 'images', () => {
  let desk: Desk;
  let tpm: Swtpm;
  let machine: BoundMachine;
  const other = makeNode('lags');
  beforeAll(async () => {
    desk = await openDesk();
    tpm = await startSwtpm();
    process.env[TPM_VARIABLE] = tpm.tcti;
    const secret = makePcrKey();
    const image = { version: '2', generation: 2, keys: [secret], commandLine: 'stateless' };
    machine = await bootBound(tpm, bindSite(desk.site, secret), image);
    for (const [node, hostname] of [
      [machine.identity, 'web1'],
      [other, 'web2'],
    ] as const) {
      await desk.propose(node, {
        files: { 'etc/hostname': `${hostname}\n` },
        metadata: { ...SETTINGS, hostname },
      });
    }
    await desk.json('approve', machine.identity.id, other.id, '--yes');
  });
  afterAll(async () => {
    machine.remove();
    Reflect.deleteProperty(process.env, TPM_VARIABLE);
    await tpm.remove();
    await desk.close();
  });
  const boot = async (): Promise<void> => {
    const place = ['--server', desk.url, '--key', 'tpm', '--memory', 'none'];
    const { code, stderr } = await machine.run(...place, 'boot', '--once');
    expect([code, stderr]).toEqual([0, expect.any(String)]);
  };
  const shown = async () => {
    const { generation, nodes } = await desk.json<Shown>('image', 'revoke');
    return [generation, nodes.find(({ node }) => node === machine.identity.id)?.images];
  };
  const revoke = (...args: string[]) => desk.run('image', 'revoke', ...args, '--yes');

  it('are revoked where a newer one runs, and nowhere else', async () => {
    const none = await revoke('--below', '2', 'web1');
    expect([none.code, none.stdout]).toEqual([9, expect.stringContaining('web1: its last report')]);
    await boot();
    expect(await shown()).toEqual([1, { generation: 2, revokedBelow: 1 }]);
    const early = await revoke('--below', '3', 'web1');
    expect([early.code, early.stdout]).toEqual([
      9,
      expect.stringContaining('image of generation 2: start one of generation 3 there first'),
    ]);
    const { code, stdout, stderr } = await revoke('--below', '2', '--all');
    expect([code, stdout]).toEqual([
      9,
      expect.stringMatching(/left out:\n.*web2: its last report/),
    ]);
    expect(stdout).toContain(`approved ${machine.identity.id}`);
    expect(`${stdout}${stderr}`).toContain('FOR EVER: images before generation 2 are revoked');
    await boot();
    expect(await shown()).toEqual([1, { generation: 2, revokedBelow: 2 }]);
    const again = await revoke('--below', '2', 'web1');
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('nothing to sign')]);
  });

  it('are not revoked by a setting', async () => {
    const { code, stderr } = await desk.run('set', 'generation=2', 'web1', '--yes');
    expect([code, stderr]).toEqual([2, expect.stringContaining('image revoke --below N')]);
  });
});
