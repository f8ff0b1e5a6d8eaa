import { describe, expect, it } from 'vitest';
import { codeOf, fail } from '../../protocol/errors.ts';
import { bringUp } from './bring-up.ts';
import { clientFailed } from './dhcp/client.ts';
import type { DhcpProgram } from './dhcp/dhcp-program.ts';

// Real ones are in tests/agent/network.test.ts; here is what goes wrong.
const LINK = { name: 'eth99', index: 99 };
const program = (name: string, more: Partial<DhcpProgram> = {}): DhcpProgram => ({
  name,
  isHere: async () => true,
  start: async () => undefined,
  lease: () => undefined,
  ...more,
});
const outcome = (programs: readonly DhcpProgram[]): Promise<string> =>
  bringUp(LINK, programs).then(
    () => 'up',
    (error: unknown) => `${codeOf(error)}: ${(error as Error).message}`,
  );

describe('a network that cannot be brought up', () => {
  it('because the image has no program for it: the error says for which it looked', async () => {
    const absent = ['networkd', 'udhcpc'].map((name) =>
      program(name, { isHere: async () => false }),
    );
    expect(await outcome(absent)).toBe(
      'network_down: eth99 has no address, and this image has none of networkd, udhcpc',
    );
  });

  it('because the first that is there fails: no other is asked, which would fight with it', async () => {
    const started: string[] = [];
    const fails = program('second', {
      start: async () => {
        throw fail('network_down', 'it ended');
      },
    });
    const programs = [
      program('first', { isHere: async () => false }),
      fails,
      program('third', { start: async () => void started.push('third') }),
    ];
    expect(await outcome(programs)).toBe('network_down: it ended');
    expect(started).toEqual([]);
  });
});

describe('a DHCP client that failed', () => {
  it('is named with its arguments, its status, and the last line that it said', () => {
    const ran = {
      status: 1,
      stdout: Buffer.from(''),
      stderr:
        'udhcpc: started, v1.35.0\nudhcpc: broadcasting discover\nudhcpc: no lease, failing\n',
    };
    expect(clientFailed('udhcpc', ['-i', 'eth0'], ran).message).toBe(
      'udhcpc -i eth0 ended with status 1: udhcpc: no lease, failing',
    );
    expect(clientFailed('udhcpc', [], { ...ran, stderr: '' }).message).toContain('it said nothing');
  });
});
