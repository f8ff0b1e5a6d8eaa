import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { startServer } from '../../functions/serve/server.ts';
import type { RunningServer } from '../../functions/serve/server.ts';
import { openFolder } from '../../functions/stores/folder.ts';
import { approvedKey } from '../../protocol/keys.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { makeAuthority } from '../support/certificates.ts';
import { describeWith } from '../support/components.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { openNetwork, until } from '../support/network.ts';
import type { NetMachine, Network } from '../support/network.ts';
import { makeAdmin, makeSite } from '../support/site.ts';
import type { TestSite } from '../support/site.ts';

const MAC = '52:54:00:77:00:01';
const HOSTS = { one: '10.77.0.2', two: '10.77.0.3', off: '10.77.0.4', rogue: '10.77.0.66' };
const DHCP = [
  '--dhcp-range=10.77.0.150,10.77.0.199,255.255.255.0,10m',
  '--dhcp-option=option:router,10.77.0.1',
  '--dhcp-option=option:dns-server,10.77.0.1',
  '--dhcp-option=option:domain-name,lab.test',
  '--local=/lab.test/',
  ...Object.entries(HOSTS).map(([name, address]) => `--host-record=${name}.lab.test,${address}`),
];
const srv = (service: string, host: string, port: number, priority: number, weight = 0): string =>
  `--srv-host=_${service}._tcp.lab.test,${host}.lab.test,${port},${priority},${weight}`;

const ours = makeSite();
const files = [fileEntry('etc/motd', 'approved\n')];

describeWith('network', 'a machine that boots and looks for its server', () => {
  let network: Network;
  let node: NetMachine;
  let machine: Machine;
  const servers: RunningServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
    await network.close();
    machine.remove();
  });

  /** A network with these SRV records, and in it a machine of our site that has just been switched on. */
  async function open(
    records: readonly string[],
    site: Partial<TestSite['site']> = {},
  ): Promise<void> {
    network = await openNetwork();
    await network.dnsmasq([...DHCP, ...records]);
    machine = makeMachine({ ...ours.site, ...site });
    node = await network.machine([{ name: 'eth0', mac: MAC, linked: true }], ['udhcpc']);
  }

  /** The real server, with what `by` approved for the machine. @returns how often it was asked */
  async function serve(
    by: TestSite,
    origin: string,
    address: string,
    tls?: { key: string; cert: string },
  ): Promise<() => number> {
    const folder = fs.mkdtempSync(join(network.folder, 'store-'));
    const store = await openFilesystemStore(folder, { create: true });
    const key = approvedKey(machine.identity.id);
    await store.create(key, approvedFrame(by, machine.identity, files));
    let asked = 0;
    const server = await startServer({
      ...{
        site: by.site,
        store: await openFolder(folder),
        host: '127.0.0.1',
        port: 0,
        publicUrl: origin,
      },
      log: () => {
        asked++;
      },
    });
    servers.push(server);
    await network.publish(address, server.port, tls);
    return () => asked;
  }

  const command = () => [process.execPath, agentProgram(), '--root', machine.root, 'start'];
  const boots = async (): Promise<void> => {
    const { code, stderr } = await node.run(command());
    expect([code, machine.tree()['etc/motd']], stderr).toEqual([0, '644 approved\n']);
  };

  it('takes another of the same priority where the first one is dead, and those behind only then', async () => {
    await open([
      srv('coatcheck', 'off', 8420, 0, 65_535),
      srv('coatcheck', 'one', 8420, 0, 0),
      srv('coatcheck', 'two', 8420, 10),
    ]);
    const one = await serve(ours, 'http://one.lab.test:8420', `${HOSTS.one}:8420`);
    const two = await serve(ours, 'http://two.lab.test:8420', `${HOSTS.two}:8420`);
    await boots();
    expect([one() > 0, two()]).toEqual([true, 0]);
  });

  it('asks the resolvers of its lease where resolv.conf names none, as with networkd alone', async () => {
    await open([srv('coatcheck', 'one', 8420, 0)]);
    await serve(ours, 'http://one.lab.test:8420', `${HOSTS.one}:8420`);
    await node.run([process.execPath, agentProgram(), 'network']);
    await node.run(['sh', '-c', ': > /etc/resolv.conf']);
    await boots();
    expect(node.resolvConf()).toBe('');
  });

  it('prefers TLS, with the CA of its site and nobody else', async () => {
    await open([srv('coatcheck-tls', 'one', 8443, 0), srv('coatcheck', 'two', 8420, 0)]);
    const [right, wrong] = ['right', 'wrong'].map((name) =>
      makeAuthority(join(network.folder, name)),
    );
    machine.remove();
    machine = makeMachine({ ...ours.site, ca: right!.ca });
    const names = 'DNS:one.lab.test';
    const one = await serve(
      ours,
      'https://one.lab.test:8443',
      `${HOSTS.one}:8443`,
      right!.issue(names),
    );
    const two = await serve(ours, 'http://two.lab.test:8420', `${HOSTS.two}:8420`);
    await boots();
    expect([one() > 0, two()]).toEqual([true, 0]);

    // The kernel's word goes before that of the site.
    const before = one();
    machine = machine.reboot();
    const file = join(machine.root, 'ca.pem');
    fs.writeFileSync(file, wrong!.ca);
    node.setCommandLine(`stateless coatcheck.ca=${file}`);
    await boots();
    expect([one() - before, two() > 0]).toEqual([0, true]);
  });

  it('is told nothing by a rogue DHCP, DNS and HTTP server that a pinned key did not sign', async () => {
    const theirs = makeSite({ admins: [makeAdmin('mallory')] });
    await open([srv('coatcheck', 'rogue', 80, 0)], { servers: ['http://10.77.0.2:8420'] });
    const rogue = await serve(theirs, 'http://rogue.lab.test', `${HOSTS.rogue}:80`);
    const before = machine.tree();
    const { said, child } = node.start(command());
    await until(() => said.stderr.includes('[not_pinned]'));
    expect(machine.tree()).toEqual(before);
    // Nor does it keep the machine from a true one, which is further down the list.
    await serve(ours, 'http://10.77.0.2:8420', `${HOSTS.one}:8420`);
    await until(() => child.exitCode !== null);
    expect([child.exitCode, machine.tree()['etc/motd']]).toEqual([0, '644 approved\n']);
    expect(rogue()).toBeGreaterThan(0);
  });
});
