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

    await coatcheck('revoke', node, '--reason', 'it was taken away', '--yes');
    const second = await boot(9);
    await second.line(/this machine was revoked/);
    expect(second.said()).not.toMatch(/applied decision|login:/);
    expect((await coatcheck<Shown>('show', node)).decision).toMatchObject({ seq: 2 });
    await second.stop();
  });
});
