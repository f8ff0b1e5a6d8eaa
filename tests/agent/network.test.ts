import * as fs from 'node:fs';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { networkManagerFiles } from '../../agent/answers/autoinstall/network-manager-files.ts';
import { planNetwork } from '../../agent/answers/autoinstall/network-files.ts';
import { describeWith } from '../support/components.ts';
import { agentProgram } from '../support/machine.ts';
import { openNetwork, until } from '../support/network.ts';
import type { NetMachine, Network, Nic } from '../support/network.ts';

const mac = (n: number): string => `52:54:00:77:00:${String(n).padStart(2, '0')}`;
const nic = (n: number, linked = true): Nic => ({ name: `eth${n}`, mac: mac(n), linked });

const DHCP = [
  '--dhcp-range=10.77.0.50,10.77.0.99,255.255.255.0,10m',
  ...['router,10.77.0.1', 'dns-server,10.77.0.1', 'domain-name,lab.test'].map(
    (option) => `--dhcp-option=option:${option}`,
  ),
  '--dhcp-option=option:domain-search,b.test,c.test',
  `--dhcp-host=${mac(0)},node7`,
  '--local=/lab.test/',
  ...['one,10.77.0.2', 'two,10.77.0.3'].map(
    (host) => `--host-record=${host.replace(',', '.lab.test,')}`,
  ),
  '--srv-host=_coatcheck._tcp.lab.test,one.lab.test,8420,0,10',
];

/** What `coatcheck-agent network` finds there, under a umask that gives others nothing. */
async function look(machine: NetMachine): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await machine.run([
    ...['sh', '-c', 'umask 077 && exec "$@"', 'sh'],
    ...[process.execPath, agentProgram(), '--json', 'network'],
  ]);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Those of a name that are in its network. */
async function processes(machine: NetMachine, name: string): Promise<string[]> {
  const network = (await machine.run(['readlink', '/proc/self/ns/net'])).stdout.trim();
  return fs.readdirSync('/proc').filter((pid) => {
    try {
      const comm = fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      return comm === name && fs.readlinkSync(`/proc/${pid}/ns/net`) === network;
    } catch {
      return false; // No process, or it has ended meanwhile.
    }
  });
}

const LEASE = {
  interface: 'eth0',
  addresses: [expect.stringMatching(/^10\.77\.0\.\d+\/24$/)],
  gateway: '10.77.0.1',
  dns: ['10.77.0.1'],
  domain: 'lab.test',
  hostname: 'node7',
  servers: ['http://one.lab.test:8420'],
};

/** Machines in a network with these options of dnsmasq. */
function lab(options: readonly string[]) {
  let network: Network;
  beforeAll(async () => {
    network = await openNetwork();
    await network.dnsmasq(options);
  });
  afterAll(() => network.close());

  const machines: NetMachine[] = [];
  const machine = async (...args: Parameters<Network['machine']>): Promise<NetMachine> => {
    const made = await network.machine(...args);
    machines.push(made);
    return made;
  };
  afterEach(async () => {
    for (const made of machines.splice(0)) await made.close();
  });

  /** A machine with a system bus, on which a manager of networks runs. */
  async function managed(program: string, ...args: string[]): Promise<NetMachine> {
    const made = await machine(
      [nic(0)],
      [program, 'networkctl', 'nmcli', 'nm-online', 'dbus-daemon'],
    );
    await made.run(['sh', '-c', FOLDERS]);
    made.start(['dbus-daemon', '--system', '--nofork', '--nopidfile']);
    const runs = async (command: string[]) => (await made.run(command)).code === 0;
    await until(() => runs(['ls', '/run/dbus/system_bus_socket']));
    made.start([program, ...args]);
    await until(() => runs(['sh', '-c', 'networkctl list eth0 || nmcli general']));
    return made;
  }
  return { machine, managed };
}

describeWith('network', 'the network of a machine that boots', () => {
  const { machine, managed } = lab(DHCP);

  it.each(['udhcpc', 'dhclient'])('is had through %s, once', async (program) => {
    const bare = await machine([nic(0)], [program]);
    expect(await look(bare)).toMatchObject(LEASE);
    const before = await processes(bare, program);
    expect(before).toHaveLength(1);
    expect(await look(bare)).toMatchObject(LEASE);
    expect(await processes(bare, program)).toEqual(before);
    // Where its lease has not led to an address, another try takes its place.
    await bare.run(['ip', 'addr', 'flush', 'dev', 'eth0']);
    expect(await look(bare)).toMatchObject(LEASE);
    const after = await processes(bare, program);
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
  });

  it('is taken as it is where it is up: on the interface, or on a bridge over it', async () => {
    const made = await machine([nic(0)], []);
    const by = (name: string): string =>
      `ip addr add 10.77.0.200/24 dev ${name} && ip link set ${name} up && ip route add default via 10.77.0.1`;
    const up = await made.run([
      'sh',
      '-c',
      `${by('eth0')}; echo 'search lab.test' > /etc/resolv.conf`,
    ]);
    expect(up.code, up.stderr).toBe(0);
    const fixed = { addresses: ['10.77.0.200/24'], gateway: '10.77.0.1', search: ['lab.test'] };
    expect(await look(made)).toMatchObject({ interface: 'eth0', ...fixed });
    const bridge = `ip addr flush dev eth0; ip link add br0 type bridge && ip link set eth0 master br0`;
    const over = await made.run(['sh', '-c', `${bridge} && ${by('br0')}`]);
    expect(over.code, over.stderr).toBe(0);
    expect(await look(made)).toMatchObject({ interface: 'br0', ...fixed });
  });

  it('is asked for on the bridge that the interface is a member of', async () => {
    const made = await machine([nic(0)], ['udhcpc']);
    const bridge = 'ip link add br0 type bridge && ip link set eth0 master br0 up';
    expect((await made.run(['sh', '-c', bridge])).code).toBe(0);
    expect(await look(made)).toMatchObject({
      ...{ interface: 'br0', dns: LEASE.dns, servers: LEASE.servers },
    });
    expect((await made.run(['ip', '-4', 'addr', 'show', 'eth0'])).stdout).not.toContain('inet');
  });

  it('is missing where the program fails: the error has its status and what it said', async () => {
    const made = await machine([nic(0)], ['udhcpc', 'setpriv']);
    const powerless = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw'];
    const { code, stderr } = await made.run([
      ...[...powerless, process.execPath, agentProgram(), 'network'],
    ]);
    expect([code, stderr]).toEqual([
      7,
      expect.stringMatching(
        /: udhcpc -i eth0 .* ended with status 1: .*not permitted.* \[network_down\]\n$/,
      ),
    ]);
    const none = await machine([{ ...nic(1), name: 'eth0' }], []);
    const bare = await none.run([process.execPath, agentProgram(), 'network']);
    expect([bare.code, bare.stderr]).toEqual([
      7,
      expect.stringContaining(
        'this image has none of NetworkManager, systemd-networkd, udhcpc, dhclient',
      ),
    ]);
  });

  it('is had through systemd-networkd, with a file behind those of the image', async () => {
    const made = await managed('systemd-networkd');
    expect(await look(made)).toMatchObject(LEASE);
    expect((await made.run(['ls', '/run/systemd/network'])).stdout).toBe(
      'zz-coatcheck-eth0.network\n',
    );
  });

  it('is had through NetworkManager', async () => {
    const made = await managed('NetworkManager', '--no-daemon');
    expect(await look(made)).toMatchObject(LEASE);
  });
});

describeWith('network', "an address of the kernel's command line, where no DHCP server is", () => {
  const { machine, managed } = lab([
    ...DHCP.filter((option) => !option.startsWith('--dhcp-')),
    ...['--host-record=six.lab.test,fd77::2', '--enable-ra', '--ra-param=br0,10,600'],
    ...['--dhcp-range=fd77::,ra-only,64,10m', '--dhcp-option=option6:dns-server'],
  ]);
  const BY_FIELDS = 'ip=10.77.0.40::10.77.0.1:255.255.255.0:node7.lab.test:eth0:none:10.77.0.1';
  const FIXED = {
    ...{ interface: 'eth0', gateway: '10.77.0.1', dns: ['10.77.0.1'], domain: 'lab.test' },
    addresses: expect.arrayContaining(['10.77.0.40/24']) as unknown,
    servers: ['http://one.lab.test:8420'],
  };

  it('is set, once, and nobody is asked for one', async () => {
    const made = await machine([nic(0)], ['udhcpc']);
    made.setCommandLine(`stateless ${BY_FIELDS}`);
    expect(await look(made)).toMatchObject(FIXED);
    expect(await look(made)).toMatchObject(FIXED);
    expect(await processes(made, 'udhcpc')).toEqual([]);
    expect(made.resolvConf()).toBe('search lab.test\nnameserver 10.77.0.1\n');
  });

  it.each([
    ['without a gateway', 'ip=10.77.0.41 netmask=24', ['10.77.0.41/24'], undefined],
    ['alone in its network', 'ip=10.77.0.42::10.77.0.1:32', ['10.77.0.42/32'], '10.77.0.1'],
    ['of IPv6', 'ip=[fd77::40]/64 nameserver=[fd77::1]', ['fd77::40/64'], undefined],
    [
      'of both, by several arguments',
      'ip=10.77.0.43:::24::eth0:none ip=[fd77::43]:::64::eth0:none',
      ['10.77.0.43/24', 'fd77::43/64'],
      undefined,
    ],
    [
      'of an interface that only ifname= calls so',
      `ip=10.77.0.44:::24::lan:none ifname=lan:${mac(0)}`,
      ['10.77.0.44/24'],
      undefined,
    ],
  ])('may be %s', async (_, text, addresses, gateway) => {
    const made = await machine([nic(0)], []);
    made.setCommandLine(`stateless ${text} coatcheck.server=http://10.77.0.1:8420`);
    const found = await look(made);
    expect(found).toMatchObject({ addresses: expect.arrayContaining(addresses) as unknown });
    expect(found['gateway']).toBe(gateway);
    const other = addresses[0]!.includes(':') ? 'fd77::1' : '10.77.0.1';
    expect((await made.run(['busybox', 'ping', '-c', '1', other])).code).toBe(0);
  });

  it.each([
    ['systemd-networkd', []],
    ['NetworkManager', ['--no-daemon']],
  ])('is set where %s runs', async (program, args) => {
    const made = await managed(program, ...args);
    made.setCommandLine(`stateless ${BY_FIELDS}`);
    expect(await look(made)).toMatchObject(FIXED);
    expect(await look(made)).toMatchObject(FIXED);
  });
});

describeWith('network', 'a profile of a configuration for NetworkManager', () => {
  const { managed } = lab(DHCP);

  it('takes over from the one of the boot, once NetworkManager was restarted', async () => {
    const made = await managed('NetworkManager', '--no-daemon');
    expect(await look(made)).toMatchObject(LEASE);
    const plan = planNetwork({ ip: '10.77.0.9', netmask: '255.255.255.0' }, { name: 'eth0' });
    const [[path, text]] = Object.entries(networkManagerFiles(plan)) as [[string, string]];
    const put = 'mkdir -p "${0%/*}" && printf %s "$1" > "$0" && chmod 600 "$0"';
    await made.run(['sh', '-c', put, `/${path}`, text]);
    for (const pid of await processes(made, 'NetworkManager')) process.kill(Number(pid));
    await until(async () => (await processes(made, 'NetworkManager')).length === 0);
    made.start(['NetworkManager', '--no-daemon']);
    await until(async () => (await made.run(['nmcli', 'general'])).code === 0);
    const { outputFiles } = await build({
      ...{ entryPoints: ['agent/systemd/network-profiles.ts'], bundle: true, write: false },
      ...{ format: 'cjs', platform: 'node' },
    });
    const takeUp = `${outputFiles[0]!.text}; module.exports.takeUpProfiles(['${path}'])`;
    const { code, stderr } = await made.run([process.execPath, '-e', takeUp]);
    expect([code, stderr]).toEqual([0, '']);
    const address = ['ip', '-4', '-o', 'addr', 'show', 'eth0'];
    await until(async () => (await made.run(address)).stdout.includes(' 10.77.0.9/24 '));
    expect((await made.run(address)).stdout).not.toContain('dynamic');
  });
});

describeWith('network', 'a domain of several words in DHCP', () => {
  // Option 15, of which many servers make a search list; SRV is where the second word leads.
  const words = '--dhcp-option=option:domain-name,a.test lab.test';
  const searching = '--dhcp-option=option:domain-search';
  const { machine, managed } = lab([
    ...DHCP.filter((option) => !option.includes('domain-name') && !option.startsWith(searching)),
    words,
    '--dhcp-option=option:domain-search,b.test,c.test',
  ]);

  it('is nothing where udhcpc has it, which hands on no domain but a name', async () => {
    const found = await look(await machine([nic(0)], ['udhcpc']));
    expect(found['domain'] ?? null).toBeNull();
    expect(found).toMatchObject({ search: ['b.test', 'c.test'], servers: [] });
  });

  it.each(['dhclient', 'systemd-networkd', 'NetworkManager'])(
    'is a search list, with that of option 119 behind it: %s',
    { tags: 'long' },
    async (program) => {
      const isClient = program === 'dhclient';
      const daemon = program === 'NetworkManager' ? ['--no-daemon'] : [];
      const made = isClient
        ? await machine([nic(0)], [program])
        : await managed(program, ...daemon);
      const found = await look(made);
      expect(found).toMatchObject({ domain: 'a.test', servers: ['http://one.lab.test:8420'] });
      expect([...(found['search'] as string[])].sort()).toEqual(['b.test', 'c.test', 'lab.test']);
    },
  );
});

const IPV6 = [
  '--enable-ra',
  '--ra-param=br0,10,600',
  '--local=/lab.test/',
  '--host-record=six.lab.test,fd77::2',
  '--srv-host=_coatcheck._tcp.lab.test,six.lab.test,8420,0,10',
  '--dhcp-option=option6:domain-search,lab.test,b.test',
];
/** What a machine finds where all is as it should be. */
const SIX = {
  interface: 'eth0',
  addresses: [expect.stringMatching(/^fd77::[0-9a-f:]+\/(64|128)$/)],
  // networkd keeps those of router advertisements in an order of its own.
  search: expect.toSatisfy(
    (search: string[]) => search.toSorted().join() === 'b.test,lab.test',
  ) as unknown,
  servers: ['http://six.lab.test:8420'],
};

describeWith('network', 'a network of IPv6 alone', () => {
  describe('with router advertisements, and a resolver of the link', () => {
    const { managed } = lab([
      ...IPV6,
      ...['--dhcp-range=fd77::,ra-only,64,10m', '--dhcp-option=option6:dns-server,[fe80::]'],
    ]);
    it.each([
      ['systemd-networkd', []],
      ['NetworkManager', ['--no-daemon']],
    ])('is had through %s', async (program, args) => {
      const made = await managed(program, ...args);
      expect(await look(made)).toMatchObject({
        ...SIX,
        dns: [expect.stringMatching(/^fe80::[0-9a-f:]+%eth0$/)],
      });
    });
  });

  describe.each([
    ['that only tells what there is', 'fd77::,ra-stateless,64,10m'],
    ['that gives addresses', 'fd77::100,fd77::1ff,64,10m'],
  ])('with a DHCPv6 server %s', { tags: 'long' }, (_, range) => {
    const { machine, managed } = lab([...IPV6, `--dhcp-range=${range}`]);
    it.each([
      ['systemd-networkd', []],
      ['NetworkManager', ['--no-daemon']],
    ])('is had through %s', async (program, args) => {
      expect(await look(await managed(program, ...args))).toMatchObject(SIX);
    });

    it('is had through dhclient', async () => {
      expect(await look(await machine([nic(0)], ['dhclient']))).toMatchObject(SIX);
    });
  });
});

describeWith(
  'network',
  'a network in which a router advertised an address before anybody was asked',
  () => {
    const { machine, managed } = lab([
      ...[...DHCP, '--enable-ra', '--ra-param=br0,10,600', '--dhcp-range=fd77::,ra-only,64,10m'],
      ...['--dhcp-option=option6:dns-server', '--dhcp-option=option6:domain-search'],
    ]);
    const advertised = async (made: NetMachine): Promise<void> => {
      await made.run(['ip', 'link', 'set', 'eth0', 'up']);
      await until(async () => (await made.run(['ip', '-6', 'route'])).stdout.includes('default'));
    };

    it.each(['udhcpc', 'dhclient'])(
      'is asked for a lease all the same, through %s',
      async (program) => {
        const made = await machine([nic(0)], [program]);
        await advertised(made);
        const addresses = expect.arrayContaining(LEASE.addresses) as unknown;
        expect(await look(made)).toMatchObject({ ...LEASE, addresses });
      },
    );

    it('and through systemd-networkd, which nobody has told of the interface', async () => {
      const made = await managed('systemd-networkd');
      await advertised(made);
      // What of IPv6 it was told comes first, and is a network.
      const hasLease = async (): Promise<boolean> =>
        JSON.stringify((await look(made))['addresses']).includes('"10.77.0.');
      await until(hasLease);
      const addresses = expect.arrayContaining(LEASE.addresses) as unknown;
      expect(await look(made)).toMatchObject({ ...LEASE, addresses });
    });

    it('is what there is where nobody can be asked, and is known to be that', async () => {
      const made = await machine([nic(0)], []);
      await advertised(made);
      expect(await look(made)).toMatchObject({
        ...{ isBare: true, dns: [], search: [], servers: [] },
        addresses: [expect.stringMatching(/^fd77::.*\/64$/)],
      });
    });
  },
);

describeWith('network', 'the interface that a machine boots over', () => {
  let network: Network;
  let machine: NetMachine;
  beforeAll(async () => {
    network = await openNetwork();
    await network.dnsmasq(DHCP);
    // The first in the order of their names has no cable.
    machine = await network.machine([nic(9), nic(10), nic(2, false)], ['udhcpc']);
  });
  afterAll(() => network.close());

  it.each([
    ['the one of BOOTIF, by its address', `BOOTIF=01-52-54-00-77-00-10`, 'eth10'],
    ['the one of BOOTIF, by its name', 'BOOTIF=eth10', 'eth10'],
    ['the first with link', 'BOOTIF=link', 'eth9'],
    ['the first with link, without BOOTIF too', '', 'eth9'],
  ])('is %s', async (_, argument, name) => {
    machine.setCommandLine(`stateless ${argument} quiet`);
    expect(await look(machine)).toMatchObject({ interface: name });
  });

  it('is missing where BOOTIF is required: the boot says how to add it', async () => {
    machine.setCommandLine('stateless coatcheck.bootif=required');
    const { code, stderr } = await machine.run([process.execPath, agentProgram(), 'network']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/no BOOTIF.*\[bad_argument\]\n$/)]);
  });
});

const FOLDERS = `
  cd /run && mkdir -p dbus systemd/network systemd/netif/links systemd/netif/leases systemd/netif/lldp &&
  chown -R systemd-network:systemd-network systemd/netif &&
  mount -t tmpfs tmpfs /var/lib/NetworkManager && mount -t tmpfs tmpfs /etc/NetworkManager &&
  echo '[main]
plugins=keyfile
auth-polkit=false
rc-manager=file
no-auto-default=*
' > /etc/NetworkManager/NetworkManager.conf`;
