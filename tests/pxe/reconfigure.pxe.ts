import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRack } from './lab.ts';
import type { Rack, Waiting } from './lab.ts';

describe('3: reconfigure', () => {
  let rack: Rack | undefined;
  beforeAll(async () => {
    rack = await openRack('reconfigure', { store: 'folder' });
  });
  afterAll(() => rack?.close());

  it('leads to a new proposal; its rejection says why, and what is then approved is applied', async () => {
    const { coatcheck, proposal, report, boot } = rack!;
    const first = await boot(3);
    const before = await proposal();
    await coatcheck('approve', before.node, '--yes');
    await report(before.node);
    const hostKey = await first.ssh('cat /etc/ssh/ssh_host_ed25519_key.pub');
    await coatcheck('reconfigure', before.node, '--yes');
    await first.stop();

    const named = 'ip=dhcp coatcheck.key=image hostname=three.lab.test';
    const second = await boot(3, { append: named });
    const refused: Waiting = await proposal();
    expect(refused.node).toBe(before.node);
    const why = ['--reason', 'no-room-for-three', '--yes'];
    await coatcheck('reject', refused.node, refused.digest, ...why);
    await second.line(/no-room-for-three/);
    await second.stop();

    const third = await boot(3, { append: named.replace('three', 'four') });
    const { node } = await proposal();
    await coatcheck('approve', node, '--yes');
    await report(node);
    expect(await third.ssh('hostname')).toBe('four.lab.test\n');
    expect(await third.ssh('cat /etc/ssh/ssh_host_ed25519_key.pub')).toBe(hostKey);
    await third.stop();
  });
});
