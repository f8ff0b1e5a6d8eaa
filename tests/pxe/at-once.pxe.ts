import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/network.ts';
import { bootImage } from '../support/systemd.ts';
import type { Booted } from '../support/systemd.ts';
import { testImage } from './image.ts';
import { openRack } from './lab.ts';
import type { Rack, Waiting } from './lab.ts';
import { must } from './programs.ts';

const NUMBERS = Array.from({ length: 10 }, (_, i) => i + 21);

describe('14: ten at once', () => {
  let rack: Rack | undefined;
  let image: string;
  beforeAll(async () => {
    rack = await openRack('at-once');
    const { folder } = await testImage(() => undefined);
    image = join(rack.network.folder, 'image-root');
    mkdirSync(image);
    const unpack = 'zstd -dc "$0" | cpio --extract --make-directories --quiet --directory="$1"';
    await must(['sh', '-c', unpack, join(folder, 'initrd.img'), image]);
  });
  afterAll(() => rack?.close());

  it('all propose, are ready once they are approved, all at once, and have reported', async () => {
    const { coatcheck, proposal, report } = rack!;
    const machines = await Promise.all(NUMBERS.map((number) => boot(rack!, image, number)));
    const waiting: Waiting[] = [];
    while (waiting.length < NUMBERS.length) waiting.push(await proposal(...waiting));
    expect(new Set(waiting.map(({ node }) => node)).size).toBe(NUMBERS.length);
    for (const machine of machines) expect(await stateOf(machine, 'ssh.service')).toBe('inactive');

    await Promise.all(waiting.map(({ node }) => coatcheck('approve', node, '--yes')));
    for (const { node } of waiting) {
      expect((await report(node)).report!.result).toMatch(/^applied: /);
    }
    for (const [i, machine] of machines.entries()) {
      await until(async () => (await stateOf(machine, 'multi-user.target')) === 'active');
      expect(await stateOf(machine, 'ssh.service')).toBe('active');
      expect((await machine.run('hostname')).stdout).toBe(`node${NUMBERS[i]}.lab.test\n`);
      expect((await machine.run('systemctl', '--failed', '--quiet')).stdout).toBe('');
    }
    await Promise.all(machines.map((machine) => machine.stop()));
  });
});

/** A machine of the image at a port of the switch: its own processes, mounts and network, and this kernel. */
async function boot({ network }: Rack, image: string, number: number): Promise<Booted> {
  const mac = `52:54:00:77:00:${number}`;
  const machine = await network.machine([{ name: 'enp0s1', mac, linked: true }], []);
  machine.setCommandLine(`stateless ip=dhcp coatcheck.key=image hostname=node${number}.lab.test`);
  return bootImage(machine.inside, image, `6f0d0c1e-5a3b-4c2d-8e1f-0000000000${number}`);
}

async function stateOf(machine: Booted, unit: string): Promise<string> {
  return (await machine.run('systemctl', 'is-active', unit)).stdout.trim();
}
