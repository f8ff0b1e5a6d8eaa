import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRack } from './lab.ts';
import type { Rack, Shown } from './lab.ts';

describe('9: approval none', () => {
  let rack: Rack | undefined;
  beforeAll(async () => {
    rack = await openRack('no-approval', { store: 'folder', site: ['--approval', 'none'] });
  });
  afterAll(() => rack?.close());

  it('a machine is ready with no administrator, and obeys the first who orders something', async () => {
    const { coatcheck, boot, report } = rack!;
    const first = await boot(9);
    await first.line(/applied decision 1/);
    const { nodes } = await coatcheck<{ nodes: { node: string }[] }>('list');
    const { node } = nodes[0]!;
    expect((await report(node)).decision).toMatchObject({ seq: 1, self: true });
    expect(await first.ssh('systemctl is-active ssh.service')).toBe('active\n');
    await first.stop();

    await coatcheck('reconfigure', node, '--yes');
    const append = 'ip=dhcp coatcheck.key=image hostname=nine.lab.test';
    const second = await boot(9, { append });
    await second.line(/applied decision 3/);
    expect((await report(node)).decision).toMatchObject({ seq: 3, self: true });
    expect(await second.ssh('hostname')).toBe('nine.lab.test\n');
    await second.stop();

    await coatcheck('revoke', node, '--reason', 'it was taken away', '--yes');
    const third = await boot(9, { append });
    await third.line(/this machine was revoked/);
    expect(third.said()).not.toMatch(/applied decision|login:/);
    expect((await coatcheck<Shown>('show', node)).decision).toMatchObject({ seq: 4 });
    await third.stop();
  });
});
