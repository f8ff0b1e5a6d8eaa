import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/network.ts';
import type { Network } from '../support/network.ts';
import type { Booted } from '../support/systemd.ts';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';
import { must } from './programs.ts';
import { openUserland } from './userland.ts';
import type { Userland } from './userland.ts';

/** Data that does not get smaller by compression, near the size that a bundle may have: seconds of a download. */
const FILES = ['etc/motd', 'etc/issue.net'];
const EACH_BYTES = 90_000;
const DATA_BYTES = FILES.length * EACH_BYTES;
const SLOW = ['tbf', 'rate', '200kbit', 'burst', '4kb', 'limit', '30kb'];

describe('4: the server dies in the middle of a download', () => {
  let rack: Rack | undefined;
  let userland: Userland;
  beforeAll(async () => {
    rack = await openRack('mid-download', { store: 'folder' });
    userland = await openUserland(rack);
  });
  afterAll(() => rack?.close());

  it('nothing of it is applied, and the machine goes on once the server is back', async () => {
    const { server, network, proposal, report, coatcheck } = rack!;
    const before = await userland.boot(44);
    const { node } = await proposal();
    await coatcheck('approve', node, '--yes');
    await report(node);
    const write = FILES.map((file) => `head -c ${EACH_BYTES} /dev/urandom | base64 > /${file}`);
    const propose = `coatcheck-agent --key image propose --add ${FILES.join()}`;
    await said(before, [...write, propose].join(' && '));
    const { digest } = await proposal();
    await coatcheck('approve', node, digest, '--yes');
    const sums = `cd / && sha256sum ${FILES.join(' ')}`;
    const written = await said(before, sums);
    await before.stop();

    const atSwitch = (...command: string[]): Promise<string> =>
      must([...network.inside, ...command]);
    await atSwitch('tc', 'qdisc', 'add', 'dev', 'br0', 'root', ...SLOW);
    // What a process left behind in its socket arrives even when it is dead.
    await atSwitch('sysctl', '-qw', 'net.ipv4.tcp_wmem=4096 8192 16384');
    const machine = await userland.boot(44);
    await halfOfItSent(network);
    await server.stop('SIGKILL');
    const broken = (): Promise<number> => countOf(machine, /\[store_unavailable\], waiting/);
    await until(async () => (await broken()) === 1);

    // Now it falls silent too, as a computer does whose power is gone.
    await server.start();
    await halfOfItSent(network);
    await atSwitch('ip', 'addr', 'del', '10.77.0.1/24', 'dev', 'br0');
    await server.stop('SIGKILL');
    await until(async () => (await broken()) === 2);
    expect(await countOf(machine, /applied decision/)).toBe(0);
    expect(await said(machine, sums)).not.toBe(written);
    expect((await machine.run('systemctl', 'is-active', 'ssh.service')).stdout).toBe('inactive\n');

    await atSwitch('ip', 'addr', 'add', '10.77.0.1/24', 'dev', 'br0');
    await server.start();
    await until(async () => (await countOf(machine, /applied decision 2/)) === 1);
    expect((await report(node)).report!.result).toMatch(/^applied: /);
    expect(await said(machine, sums)).toBe(written);
    await machine.stop();
  });
});

/** Once half of the data was sent, counted from now on. */
async function halfOfItSent({ inside }: Network): Promise<void> {
  const sent = async (): Promise<number> =>
    Number(await must([...inside, 'cat', '/sys/class/net/br0/statistics/tx_bytes']));
  const end = (await sent()) + DATA_BYTES / 2;
  await until(async () => (await sent()) > end);
}

/** What a line of its shell says. */
async function said(machine: Booted, command: string): Promise<string> {
  const { code, stdout, stderr } = await machine.run('sh', '-c', command);
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** How many lines of the agent there are that match. */
async function countOf(machine: Booted, expected: RegExp): Promise<number> {
  const log = await said(machine, 'journalctl --no-pager --output=cat --unit=coatcheck-agent');
  return log.split('\n').filter((line) => expected.test(line)).length;
}
