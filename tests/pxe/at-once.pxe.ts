import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/network.ts';
import type { Booted } from '../support/systemd.ts';
import { openRack } from './lab.ts';
import type { Rack, Waiting } from './lab.ts';
import { openUserland } from './userland.ts';
import type { Userland } from './userland.ts';

const NUMBERS = Array.from({ length: 10 }, (_, i) => i + 21);

describe('14: ten at once', () => {
  let rack: Rack | undefined;
  let userland: Userland;
  beforeAll(async () => {
    rack = await openRack('at-once');
    userland = await openUserland(rack);
  });
  afterAll(() => rack?.close());

  it('all propose, are ready once they are approved, all at once, and have reported', async () => {
    const { coatcheck, proposal, report } = rack!;
    const machines = await Promise.all(
      NUMBERS.map((number) => userland.boot(number, `hostname=node${number}.lab.test`)),
    );
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

async function stateOf(machine: Booted, unit: string): Promise<string> {
  return (await machine.run('systemctl', 'is-active', unit)).stdout.trim();
}
