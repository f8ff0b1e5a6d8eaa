import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';

describe('4: the server is stopped', () => {
  let rack: Rack | undefined;
  let node: string;
  beforeAll(async () => {
    rack = await openRack('server-down', { store: 'folder' });
    const machine = await rack.boot(4);
    ({ node } = await rack.proposal());
    await rack.coatcheck('approve', node, '--yes');
    await rack.report(node);
    await machine.stop();
    await rack.server.stop();
  });
  afterAll(() => rack?.close());

  it('a machine waits, and goes on by itself when the server is back', async () => {
    const machine = await rack!.boot(4);
    await machine.line(/\[server_unreachable\]/);
    expect(machine.said()).not.toMatch(/applied decision|login:/);
    await rack!.server.start();
    await machine.line(/applied decision 1/);
    expect(await machine.ssh('systemctl is-active ssh.service')).toBe('active\n');
    await machine.stop();
    await rack!.server.stop();
  });

  it('one that knows a mirror boots from it', async () => {
    const approved = join(rack!.home, 'store', 'objects', 'approved');
    expect(readdirSync(approved)).toEqual([`${node}.object`]);
    rack!.served.set(`mirror/approved/${node}`, readFileSync(join(approved, `${node}.object`)));
    const append = 'ip=dhcp coatcheck.key=image coatcheck.mirror=http://10.77.0.1:8080/mirror';
    const machine = await rack!.boot(4, { append });
    await machine.line(/taking decision 1 from/);
    await machine.line(/applied decision 1/);
    expect(await machine.ssh('systemctl is-active ssh.service')).toBe('active\n');
    await machine.stop();
  });
});
