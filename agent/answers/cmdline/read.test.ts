import { describe, expect, it } from 'vitest';
import { ANSWERS, SECRET_ANSWERS } from './answers.ts';
import type { Argument } from './argument.ts';
import { ORDERS } from './orders.ts';
import { readCommandLine } from './read.ts';

const HASH =
  '$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/';
const ALL: readonly Argument[] = [...ANSWERS, ...ORDERS];

const read = (text: string) => readCommandLine(`ro ${text} stateless quiet\n`);
const answers = (text: string) => read(text).answers;
const orders = (text: string) => read(text).orders;
const refused = (text: string): string => {
  try {
    read(text);
  } catch (error) {
    expect(error).toMatchObject({ code: 'bad_argument' });
    return (error as Error).message;
  }
  throw new Error(`${text} was taken`);
};

describe('a machine that is not stateless', () => {
  it.each([
    '',
    'ro quiet',
    'stateless=0',
    'stateless=no',
    'ovirt_stateless=0',
    'stateless stateless=0',
  ])('is left alone: %j', (text) => {
    const { orders, answers } = readCommandLine(
      `${text} ip=nonsense coatcheck.key=x firstboot rootpw=y`,
    );
    expect(orders).toMatchObject({ stateless: false, newConfiguration: false, rescue: false });
    expect(answers).toEqual({});
  });

  it.each(['stateless', 'stateless=1', 'ovirt_stateless=yes', 'a -- stateless', '"stateless=1"'])(
    'is one with %j',
    (text) => {
      expect(readCommandLine(text).orders.stateless).toBe(true);
    },
  );
});

describe('orders', () => {
  it('are few by default', () => {
    expect(orders('')).toEqual({
      stateless: true,
      newConfiguration: false,
      rescue: false,
      bootInterfaceRequired: false,
      mirrors: [],
    });
  });

  it('have the types of their readers', () => {
    const text =
      'BOOTIF=01-52-54-00-AB-00-01 firstboot rescue coatcheck.bootif=required coatcheck.server=https://c.example:443/ coatcheck.ca=/etc/ca.pem coatcheck.key=file:/etc/coatcheck/key coatcheck.memory=tpm coatcheck.unreachable=mirror coatcheck.mirror=usb coatcheck.mirror=http://m.example/a coatcheck.token=s3cret-token';
    expect(orders(text)).toEqual({
      stateless: true,
      newConfiguration: true,
      rescue: true,
      bootInterface: { by: 'mac', mac: '52:54:00:ab:00:01' },
      bootInterfaceRequired: true,
      server: 'https://c.example',
      ca: '/etc/ca.pem',
      key: { from: 'file', path: '/etc/coatcheck/key' },
      memory: 'tpm',
      unreachable: 'mirror',
      mirrors: ['usb', 'http://m.example/a'],
      token: 's3cret-token',
    });
    expect(orders('coatcheck.key=tpm').key).toEqual({ from: 'tpm' });
  });

  it.each([
    ['BOOTIF=link', { by: 'link' }],
    ['BOOTIF=enp1s0f0', { by: 'name', name: 'enp1s0f0' }],
    ['BOOTIF=52:54:00:77:00:01', { by: 'mac', mac: '52:54:00:77:00:01' }],
    ['ovirt_BOOTIF=52-54-00-77-00-01', { by: 'mac', mac: '52:54:00:77:00:01' }],
  ])('%s', (text, expected) => {
    expect(orders(text).bootInterface).toEqual(expected);
  });

  it.each(['reinstall', 'reinstall=1', 'ovirt_firstboot', 'firstboot=yes firstboot=0 reinstall'])(
    'make a new configuration with %s',
    (text) => {
      expect(orders(text).newConfiguration).toBe(true);
    },
  );

  it('take the last word', () => {
    expect(orders('firstboot firstboot=no').newConfiguration).toBe(false);
    expect(orders('coatcheck.server=http://a coatcheck.server=http://b').server).toBe('http://b');
    expect(orders('coatcheck.server=https://c.example/boot/').server).toBe(
      'https://c.example/boot',
    );
  });
});

describe('answers', () => {
  it.each<[string, object]>([
    ['ip=dhcp', { ip: 'dhcp' }],
    ['ip=off', { ip: 'off' }],
    ['ip=on', { ip: 'dhcp' }],
    ['ip=none', { ip: 'off' }],
    ['ip=192.0.2.7', { ip: '192.0.2.7' }],
    ['ip=192.0.2.7/24', { ip: '192.0.2.7', netmask: '255.255.255.0' }],
    [
      'ip=192.0.2.7 netmask=255.255.254.0 gateway=192.0.2.1',
      { ip: '192.0.2.7', netmask: '255.255.254.0', gateway: '192.0.2.1' },
    ],
    [
      'ip=192.0.2.7:192.0.2.1:192.0.2.2:255.255.255.0',
      { ip: '192.0.2.7', netmask: '255.255.255.0', gateway: '192.0.2.2' },
    ],
    [
      'netmask=255.0.0.0 gateway=192.0.2.9 ip=192.0.2.7:192.0.2.1:192.0.2.2:24',
      { ip: '192.0.2.7', netmask: '255.255.255.0', gateway: '192.0.2.2' },
    ],
    ['ip=192.0.2.7:192.0.2.1:0.0.0.0:255.255.255.0', { ip: '192.0.2.7', netmask: '255.255.255.0' }],
    [
      'ip=192.0.2.7::192.0.2.2:255.255.255.0:node1:eth1:none',
      {
        ip: '192.0.2.7',
        netmask: '255.255.255.0',
        gateway: '192.0.2.2',
        hostname: 'node1',
        BOOTIF: 'eth1',
      },
    ],
    ['ip=eth0:dhcp', { ip: 'dhcp', BOOTIF: 'eth0' }],
    [
      'ip=:::::eth0:dhcp BOOTIF=link',
      { ip: 'dhcp', BOOTIF: 'link', 'coatcheck.interface': 'eth0' },
    ],
    ['ip=192.0.2.7:::24 ip=dhcp', { ip: 'dhcp' }],
    ['netmask=20', { netmask: '255.255.240.0' }],
    ['ipv6=FD77:0:0::5/48', { ipv6: 'fd77::5/48' }],
    ['ipv6=fd77::5', { ipv6: 'fd77::5/64' }],
    ['dns=192.0.2.53,FD77::53', { dns: '192.0.2.53,fd77::53' }],
    ['ntp=off', { ntp: 'off' }],
    ['ntp=NTP.example,192.0.2.1', { ntp: 'ntp.example,192.0.2.1' }],
    ['vlan=100', { vlan: '100' }],
    ['vlan=100:eth0', { vlan: '100:eth0' }],
    ['bond=bond0:eth0,eth1', { bond: 'bond0:eth0,eth1' }],
    [
      'bond_setup=bond0:eth0,eth1:mode=802.3ad,miimon=100',
      { bond: 'bond0:eth0,eth1:mode=802.3ad,miimon=100' },
    ],
    ['hostname=Node1.Example.com', { hostname: 'node1.example.com' }],
    ['hostname=a hostname=', {}],
    [`rootpw=${HASH}`, { rootpw: HASH, adminpw: HASH }],
    [`rootpw=${HASH} adminpw=RHhwCLrQXB8zE`, { rootpw: HASH, adminpw: 'RHhwCLrQXB8zE' }],
    ['ssh_pwauth=1', { ssh_pwauth: 'yes' }],
    ['ssh_pwauth=false', { ssh_pwauth: 'no' }],
    ['syslog=log.example:514', { syslog: 'log.example:514' }],
    ['syslog=[fd77::1]:514', { syslog: '[fd77::1]:514' }],
    ['keyboard=de-latin1', { keyboard: 'de-latin1' }],
    ['swap=disk:/dev/disk/by-id/x', { swap: 'disk:/dev/disk/by-id/x' }],
    ['management_server=e.example', { management_server: 'e.example' }],
    [
      'ovirt_management_server=e.example:8443 management_port=443',
      { management_server: 'e.example', management_port: '8443' },
    ],
    [
      `management_server_fingerprint=${'ab'.repeat(20)}`,
      { management_server_fingerprint: Array(20).fill('AB').join(':') },
    ],
    ['disable_kdump', { disable_kdump: 'yes' }],
    ['kdump_nfs=nfs.example:/a/b', { kdump_nfs: 'nfs.example:/a/b' }],
    ['kdump_ssh=kdump@h.example', { kdump_ssh: 'kdump@h.example' }],
    ['iscsi_name=iqn.2026-11.com.example:n1', { iscsi_name: 'iqn.2026-11.com.example:n1' }],
    ['logrotate_max_size=007', { logrotate_max_size: '7' }],
    ['tuned="virtual-host"', { tuned: 'virtual-host' }],
    ['somebody.else=x y=z netmasks=1', {}],
  ])('%s', (text, expected) => {
    expect(answers(text)).toEqual(expected);
  });

  it.each(ANSWERS.map((argument) => [argument.name, argument] as const))(
    '%s= has the form in which it is kept',
    (name, { kind, example }) => {
      const text = example.includes('=') ? example.slice(name.length + 1) : undefined;
      const canonical =
        text === undefined ? 'yes' : kind.canonical(text.replace('...', 'x'.repeat(86)));
      expect(canonical).toMatch(/^[!#-&(-~]+$/);
      expect(kind.canonical(canonical!)).toBe(canonical);
    },
  );

  it('are passwords where nobody may see them', () => {
    expect(SECRET_ANSWERS).toEqual(['rootpw', 'adminpw']);
  });
});

describe('a malformed argument', () => {
  it.each([
    ['ip=300.1.1.1', "ip= at character 4 of the kernel's command line: it is dhcp, off, "],
    [
      'ip=192.0.2.7::192.0.2.1:255.0.255.0',
      "netmask= in ip= at character 4 of the kernel's command line: it is a netmask",
    ],
    ['x ip=1.2.3.4:x:y', "ip= at character 6 of the kernel's command line: "],
    [
      '"vlan=5000"',
      "vlan= at character 4 of the kernel's command line: it is an id from 1 to 4094",
    ],
    [
      'hostname',
      "hostname= at character 4 of the kernel's command line: it is a host name (64 characters at most: letters, digits, hyphens and dots, no underscore), and not nothing",
    ],
    ['firstboot=maybe', "firstboot= at character 4 of the kernel's command line: it is 1 or 0"],
    ['ovirt_vlan=x', 'vlan= at character 4'],
    ['dns=192.0.2.1,192.0.2.1', 'dns= at character 4'],
    ['bond=b:eth0:mode=fast', 'bond= at character 4'],
    ['bond=b:eth0:primary=eth9', 'bond= at character 4'],
    ['coatcheck.key=', 'coatcheck.key= at character 4'],
    ['coatcheck.server=ftp://x', 'coatcheck.server= at character 4'],
    ['coatcheck.server=http://u:p@x', 'coatcheck.server= at character 4'],
    ['coatcheck.server=http://x/a?b', 'coatcheck.server= at character 4'],
    ['coatcheck.server=http://x/a%2fb', 'coatcheck.server= at character 4'],
    ['coatcheck.mirror=usb coatcheck.mirror=x', 'coatcheck.mirror= at character 25'],
    [
      'coatcheck.sever=http://x',
      '"coatcheck.sever" at character 4 of the kernel\'s command line: there is none but coatcheck.server',
    ],
    ['management_server=a:b:c', 'management_server= at character 4'],
    ['management_server=a:99999', 'management_port= in management_server= at character 4'],
  ])('%s', (text, said) => {
    expect(refused(text)).toContain(said);
  });

  it.each(['rootpw=Pass:word', 'adminpw=plain', `coatcheck.token=${'secret'.repeat(50)}`])(
    'says nothing of a secret: %s',
    (text) => {
      const [name, secret] = text.split('=');
      expect(refused(text)).toContain(`${name}= at character 4`);
      expect(refused(text)).not.toContain(secret!.slice(0, 5));
    },
  );

  it('is shown without what a terminal would obey', () => {
    expect(refused('hostname=a\x1b[2Jb')).toMatch(/"a\\u001b\[2Jb"$/);
  });

  it('is shown with what is expected instead, for every argument that is not left out instead', () => {
    for (const { name } of ALL.filter(({ name }) => !['stateless', 'BOOTIF'].includes(name))) {
      expect(refused(`${name}=\x7f`)).toMatch(
        /= at character 4 of the kernel's command line: it is .{4,}, and not /,
      );
    }
  });
});

describe('a form of the kernel or of dracut', () => {
  const said = (text: string) => {
    const { answers: found, orders: ordered, notes } = read(text);
    return { ...found, boots: ordered.bootInterface, notes };
  };
  /** Those members that `expected` has, also where they are undefined. */
  const of = (found: Readonly<Record<string, unknown>>, expected: object) =>
    Object.fromEntries(Object.keys(expected).map((name) => [name, found[name]]));

  it.each<[string, object]>([
    ['ip=dhcp BOOTIF=00-52-54-00-77-00-01', { boots: { by: 'mac', mac: '52:54:00:77:00:01' } }],
    ['ip=dhcp BOOTIF=01:52:54:00:77:00:01', { boots: { by: 'mac', mac: '52:54:00:77:00:01' } }],
    [
      'ip=10.10.10.2::10.10.10.254:255.255.255.0:core0.example.com:enp1s0:none:4.4.4.41',
      {
        ...{ ip: '10.10.10.2', netmask: '255.255.255.0', gateway: '10.10.10.254' },
        ...{ hostname: 'core0.example.com', dns: '4.4.4.41', BOOTIF: 'enp1s0' },
      },
    ],
    [
      'ip=192.0.2.7::192.0.2.2:24:n1:eth0:off:192.0.2.53:192.0.2.54:192.0.2.123',
      { dns: '192.0.2.53,192.0.2.54', ntp: '192.0.2.123' },
    ],
    ['ip=eno1:auto6', { ip: 'off', ipv6: 'auto', BOOTIF: 'eno1' }],
    ['ip=dhcp6', { ip: 'off', ipv6: 'dhcp' }],
    ['ip=either6', { ip: 'off', ipv6: 'auto' }],
    ['ip=dhcp ip=auto6', { ip: 'dhcp', ipv6: 'auto' }],
    ['ip=auto6 ip=dhcp', { ip: 'dhcp', ipv6: 'auto' }],
    ...[
      ['ip=192.0.2.7::192.0.2.1:24:n1:eth0:none:192.0.2.53', 'ip=[2001:db8::2]:::48::eth0:none'],
      ['ip=[2001:db8::2]:::48:n1:eth0:none:192.0.2.53', 'ip=192.0.2.7::192.0.2.1:24::eth0:none'],
    ].map((words): [string, object] => [
      words.join(' '),
      {
        ...{ ip: '192.0.2.7', netmask: '255.255.255.0', gateway: '192.0.2.1' },
        ...{ ipv6: '2001:db8::2/48', hostname: 'n1', dns: '192.0.2.53', BOOTIF: 'eth0' },
      },
    ]),
    ['ip=single-dhcp', { ip: 'dhcp' }],
    ['ip=[2001:db8::2]:::64:n1:eth0:none', { ip: 'off', ipv6: '2001:db8::2/64', hostname: 'n1' }],
    ['ip=[2001:db8::2]/48', { ip: 'off', ipv6: '2001:db8::2/48' }],
    ['ip=dhcp nameserver=192.0.2.53 nameserver=[fd77::53]', { dns: '192.0.2.53,fd77::53' }],
    ['ip=dhcp vlan=eth0.100:eth0', { vlan: '100:eth0', BOOTIF: undefined }],
    ['ip=vlan0005:dhcp vlan=vlan0005:eth0', { vlan: 'vlan0005:eth0', BOOTIF: undefined }],
    ['ip=dhcp vlan=eth0.0005:eth0', { vlan: 'eth0.0005:eth0' }],
    [
      'ip=dhcp bond=bond0:eno1,eno2:mode=802.3ad,miimon=100,lacp_rate=1',
      { bond: 'bond0:eno1,eno2:mode=802.3ad,miimon=100,lacp_rate=fast' },
    ],
    [
      'bond=bond0:eth0,eth1 vlan=bond0.100:bond0 ip=bond0.100:dhcp',
      { ip: 'dhcp', vlan: '100:bond0', BOOTIF: undefined },
    ],
    ['ip=bond0:dhcp bond=bond0:eth0,eth1:mode=1', { bond: 'bond0:eth0,eth1:mode=active-backup' }],
    [
      'BOOTIF=01-52-54-00-00-00-01 ip=192.0.2.7::192.0.2.1:255.255.255.0:n1:eno2:none',
      { boots: { by: 'mac', mac: '52:54:00:00:00:01' }, 'coatcheck.interface': 'eno2' },
    ],
    [
      'ip=eth0:dhcp ip=192.0.2.7:::255.255.255.0::eth1:none ip=eth2:auto6',
      { ip: 'dhcp', BOOTIF: 'eth0', 'coatcheck.also': 'eth1:192.0.2.7/24,eth2:auto6' },
    ],
    ['bootdev=eth1 ip=eth0:dhcp ip=eth1:dhcp', { BOOTIF: 'eth1', 'coatcheck.also': 'eth0:dhcp' }],
    ['rd.neednet=1 biosdevname=0 net.ifnames=0 nfsroot=/x ip=dhcp', { ip: 'dhcp' }],
    ['nfsaddrs=192.0.2.7::192.0.2.1:24::eth0:off', { ip: '192.0.2.7', BOOTIF: 'eth0' }],
    ['ip=192.0.2.7/24::192.0.2.1::n1:eth0', { netmask: '255.255.255.0', hostname: 'n1' }],
    ['ip=192.0.2.7::192.0.2.1', { ip: '192.0.2.7', gateway: '192.0.2.1', netmask: undefined }],
    ['ip=::::n1', { ip: 'dhcp', hostname: 'n1' }],
    ['ip=:::::eth0:auto6', { ip: 'off', ipv6: 'auto', BOOTIF: 'eth0' }],
    ['ip=auto', { ip: 'dhcp', ipv6: 'auto' }],
    ['ip=eth0:dhcp4', { ip: 'dhcp', ipv6: undefined }],
    ['ip=dhcp,dhcp6', { ip: 'dhcp', ipv6: 'dhcp' }],
    ['ip=eth0:auto6,dhcp', { ip: 'dhcp', ipv6: 'auto' }],
    ['ip=[2001:db8::2/48]', { ip: 'off', ipv6: '2001:db8::2/48' }],
    ['ip=52-54-00-12-34-56:dhcp', { BOOTIF: '52:54:00:12:34:56' }],
    ['bootdev=eth1 ip=dhcp', { ip: 'dhcp', BOOTIF: 'eth1' }],
    [
      'bootdev=eno2 ip=dhcp BOOTIF=01-52-54-00-00-00-01',
      { 'coatcheck.interface': 'eno2', boots: { by: 'mac', mac: '52:54:00:00:00:01' } },
    ],
    ['bootdev=bond0 ip=dhcp bond=bond0:eth0,eth1', { BOOTIF: undefined, bond: 'bond0:eth0,eth1' }],
    ['ip=eth0:dhcp vlan=100', { BOOTIF: 'eth0', vlan: '100' }],
    ['ip=eth0.100:dhcp vlan=100:eth0', { vlan: '100:eth0' }],
    ['ip=dhcp nameserver=FE80::53%eth0', { dns: 'fe80::53%eth0' }],
    [
      'ip=bond0:dhcp bond=bond0:eth0,eth1:xmit_hash_policy=5,mode=802.3ad',
      { bond: 'bond0:eth0,eth1:xmit_hash_policy=vlan+srcmac,mode=802.3ad' },
    ],
    ['ip=dhcp BOOTIF=00:52:54:00:AB:00:01', { boots: { by: 'mac', mac: '52:54:00:ab:00:01' } }],
    // As iPXE writes ${mac:hexraw}.
    ['ip=dhcp BOOTIF=52540000AB01', { boots: { by: 'mac', mac: '52:54:00:00:ab:01' } }],
    ['ip=dhcp nameserver=192.0.2.53,[fd77::53]', { dns: '192.0.2.53,fd77::53' }],
    [
      'ip=192.0.2.7:::24:n1:52-54-00-00-00-01:none BOOTIF=01-52-54-00-00-00-01',
      { ip: '192.0.2.7', 'coatcheck.interface': undefined },
    ],
    [
      'ip=192.0.2.7:::24:n1:52-54-00-00-00-02:none BOOTIF=01-52-54-00-00-00-01',
      {
        ...{ ip: '192.0.2.7', 'coatcheck.interface': '52:54:00:00:00:02' },
        boots: { by: 'mac', mac: '52:54:00:00:00:01' },
      },
    ],
    ['ip=dhcp hostname=node1.example.com.', { hostname: 'node1.example.com' }],
    ['ip=192.0.2.7::192.0.2.1:24:n1:ens160:static', { ip: '192.0.2.7', BOOTIF: 'ens160' }],
    ['bond=bond0:eth0,eth1: ip=bond0:dhcp', { bond: 'bond0:eth0,eth1', BOOTIF: undefined }],
    ['vlan=eth0.103:eth0 ip=:::::eth0.103::::', { vlan: '103:eth0', ip: 'dhcp' }],
    [
      'ip=net0:dhcp ifname=net0:52:54:00:00:00:01',
      { boots: { by: 'mac', mac: '52:54:00:00:00:01' } },
    ],
    [
      'bootdev=net1 ip=dhcp ifname=net1:52:54:00:00:00:02 BOOTIF=01-52-54-00-00-00-01',
      { 'coatcheck.interface': '52:54:00:00:00:02' },
    ],
    ['ip=any iscsi_target_ip=192.0.2.9 rd.neednet rd.break', { ip: 'dhcp' }],
  ])('%s is taken, and nothing is left out', (text, expected) => {
    expect(of(said(text), { ...expected, notes: [] })).toEqual({ ...expected, notes: [] });
  });

  it.each<[string, object, string]>([
    ['ip=eth0:dhcp:1500', { ip: 'dhcp', BOOTIF: 'eth0' }, 'the MTU 1500'],
    [
      'ip=eth0:dhcp:9000:52:54:00:00:00:01',
      { ip: 'dhcp' },
      'the hardware address 52:54:00:00:00:01',
    ],
    ['ip=bootp', { ip: 'dhcp' }, 'bootp, for which DHCP is asked'],
    ['ip=:::::eth0:both', { ip: 'dhcp', BOOTIF: 'eth0' }, 'both, for which DHCP is asked'],
    ['ip=dhcp,1,525400000001', { ip: 'dhcp' }, 'the client id 1,525400000001'],
    ['ip=eth0:ibft', { ip: undefined, BOOTIF: 'eth0' }, 'what the firmware knows is not read'],
    ['ip=link6', { ip: undefined }, 'link6: an address of the link alone reaches no server'],
    [
      'ip=192.0.2.7:192.0.2.1:192.0.2.2:24',
      { ip: '192.0.2.7' },
      'the server 192.0.2.1, which is of a root over NFS',
    ],
    [
      'ip=192.0.2.7::192.0.2.2:24:n1:eth0:none:9000:52:54:00:00:00:01',
      { dns: undefined },
      'the hardware address 52:54:00:00:00:01',
    ],
    [
      'ip=192.0.2.7::192.0.2.2:24:n1:eth0:none::52:54:00:00:00:01',
      { dns: undefined },
      'the hardware address 52:54:00:00:00:01',
    ],
    ['ip=192.0.2.7::192.0.2.2:24:web_1:eth0:none', { hostname: undefined }, 'hostname "web_1"'],
    ['ip=192.0.2.7:::24 ip=dhcp6 ip=dhcp', { ipv6: 'dhcp' }, 'the ip 192.0.2.7, since a later'],
    [
      'ip=192.0.2.7:::24:n1:eth0:none ip=192.0.2.8:::24:n2:eth0:none',
      { ip: '192.0.2.8', hostname: 'n2' },
      'the hostname n1, since a later ip= counts',
    ],
    [
      'ip=192.0.2.7:::24:n1:eth0:none ip=192.0.2.8:::24:n2:eth1:none',
      {},
      'the hostname n2, of eth1',
    ],
    [
      'ip=eth0:dhcp vlan=eth0.100:eth0',
      { BOOTIF: 'eth0', vlan: undefined },
      "left out is eth0.100:eth0, since the machine's address is for another interface",
    ],
    [
      'ip=eth0.8:dhcp vlan=eth0.8:eth0 vlan=eth0.9:eth0',
      { vlan: '8:eth0' },
      'left out is eth0.9:eth0',
    ],
    [
      'ip=bond0:dhcp ip=bond1:dhcp bond=bond0:eth0,eth1 bond=bond1:eth2,eth3',
      { bond: 'bond1:eth2,eth3', 'coatcheck.also': undefined },
      'what is for bond0, which is left out itself',
    ],
    ['ip=dhcp vlan=7:eth2 bond=b0:eth0,eth1', { vlan: '7:eth2', bond: undefined }, 'b0:eth0,eth1'],
    ['ip=dhcp vlan=storage:eth0', { ip: 'dhcp', vlan: undefined }, 'storage:eth0, in which there'],
    ['ip=eth0:none ip=eth1:dhcp', { ip: 'dhcp', BOOTIF: 'eth1' }, 'left out is the interface'],
    ['ip=br0:dhcp bridge=br0:eth0,eth1', { BOOTIF: 'eth0' }, 'has nothing of bridge='],
    ['ip=team0:dhcp team=team0:eth1,eth2:lacp', { BOOTIF: 'eth1' }, 'has nothing of team='],
    [
      'rd.route=192.0.2.0/24:198.51.100.1 ifname=lan:52:54:00:00:00:01 rd.peerdns=0 rd.net.timeout.dhcp=5 ip=dhcp',
      { ip: 'dhcp' },
      'nothing of rd.route= (character 4), rd.peerdns= (character 68), rd.net.timeout.dhcp= (character 81)',
    ],
    [
      'ip=eth0:dhcp ip=lan:dhcp ifname=lan:52:54:00:00:00:01',
      { 'coatcheck.also': 'lan:dhcp' },
      'left out is lan:52:54:00:00:00:01, since nobody here renames any',
    ],
    [
      'ip=dhcp BOOTIF=01-${netX/mac:hexhyp}',
      { boots: undefined },
      '"01-${netX/mac:hexhyp}" is no interface',
    ],
    ['ip=dhcp BOOTIF=01-', { boots: undefined }, 'it has no address, and is left out'],
    ['ip=dhcp BOOTIF=eth1 rd.bootif=0', { boots: undefined }, 'left out, since rd.bootif=0'],
    ['ip=dhcp BOOTIF=eth1 BOOTIF=eth2', { boots: { by: 'name', name: 'eth2' } }, 'not "eth1"'],
    ['ip=dhcp nameserver=ns1 nameserver=192.0.2.1', { dns: '192.0.2.1' }, 'left out: "ns1"'],
    ['ip=eth0:dhcp ip=the-longest-interface:dhcp', {}, 'which is no name of an interface'],
    ['ip=dhcp bond', { bond: undefined }, 'the bond bond0, which has no interfaces'],
    ['rootpw=RHhwCLrQXB8zE rootpw=RHhwCLrQXB8zF ip=dhcp', {}, 'counts, and not the others'],
    [
      `ip=a:dhcp ${'bcdefghijk'.replaceAll(/./g, 'ip=$&:dhcp ')}`,
      { 'coatcheck.also': 'b:dhcp,c:dhcp,d:dhcp,e:dhcp,f:dhcp,g:dhcp,h:dhcp,i:dhcp' },
      'what is for k, since there are 8 others',
    ],
    ['ip=link-local', { ip: undefined }, 'reaches no server'],
    ['ip=192.0.2.7:::24::eth0:dhcp', { ip: 'dhcp' }, 'the address 192.0.2.7, since dhcp gives one'],
    ['ip=[fd77::2]::[fd77::1]:64::eth0:none', {}, 'the gateway fd77::1'],
    [
      'ip=eth0:dhcp ip=192.0.2.7::192.0.2.1:24:n2:eth1:none',
      { 'coatcheck.also': 'eth1:192.0.2.7/24' },
      'the gateway 192.0.2.1, of eth1',
    ],
    [
      'ip=dhcp netconsole=4444@10.0.0.1/eth1,9353@10.0.0.2/12:34:56:78:9a:bc',
      { ip: 'dhcp', netconsole: undefined },
      'it is for the kernel itself',
    ],
    [
      'bond=bond0:eth0,eth1 vlan=bond0.100:bond0 ip=bond0.100:dhcp ip=bond0:none',
      { ip: 'dhcp', BOOTIF: undefined },
      'what is for bond0, since bond0.100 is built upon it',
    ],
    [
      'bond=bond0:eth0,eth1 ip=bond0:dhcp ip=eth0:dhcp',
      { ip: 'dhcp', 'coatcheck.also': undefined },
      'what is for eth0, since bond0 is built upon it',
    ],
    [
      'ip=eth0:dhcp ip=192.0.2.7::::n2:eth1:none',
      { 'coatcheck.also': undefined },
      'the address 192.0.2.7, which has no netmask, of eth1',
    ],
    ['ip=dhcp bond=bond0', { bond: undefined }, 'the bond bond0, which has no interfaces'],
    [
      'ip=dhcp bond=b0:eth0,eth1:mode=1,arp_interval=100:9000',
      { bond: 'b0:eth0,eth1:mode=active-backup' },
      'left out is arp_interval=100, the MTU 9000',
    ],
    [`ip=dhcp BOOTIF=20${'-0a'.repeat(20)}`, { boots: undefined }, 'an address of InfiniBand'],
    ['hostname=a hostname=b ip=dhcp', { hostname: 'b' }, 'counts, and not "a"'],
    ['ip=:::::eth0:dhcp hostname=b ip=::::c:eth0:dhcp', { hostname: 'b' }, 'and not "c"'],
    ['dns=192.0.2.1 nameserver=192.0.2.2 ip=dhcp', { dns: '192.0.2.1' }, 'since dns= says which'],
    [
      'ip=dhcp nameserver=192.0.2.53,dns+tls://192.0.2.54',
      { dns: '192.0.2.53' },
      'left out: "dns+tls://192.0.2.54"',
    ],
    [
      'bond=bond0:eth1,eth2:mode=active-backup,miimon=100:9000 vlan=bond0.100:bond0 ip=10.10.10.10::10.10.10.1:255.255.255.0:n1:bond0.100:none:9000:',
      {
        ...{ ip: '10.10.10.10', vlan: '100:bond0', dns: undefined, hostname: 'n1' },
        bond: 'bond0:eth1,eth2:mode=active-backup,miimon=100',
      },
      'the MTU 9000',
    ],
    ['ip=frommedia', { ip: undefined }, 'frommedia: what a medium says is not read'],
    ['ip=enp6s0f0:static', { ip: undefined, BOOTIF: 'enp6s0f0' }, 'static, without an address'],
    ['ip=dhcp ip6=eth0', { ip: 'dhcp' }, 'nothing of ip6= (character 12)'],
    [
      'ip=192.0.2.7::192.0.2.1:24:n1:eth0:none:192.0.2.53 ip=192.0.2.8:::24::eth0:none::',
      { ip: '192.0.2.7', gateway: '192.0.2.1', dns: '192.0.2.53', hostname: 'n1' },
      'left out is the ip 192.0.2.8, since the one with a gateway counts',
    ],
    [
      'ip=192.0.2.8:::24::eth0:none ip=192.0.2.7::192.0.2.1:24:n1:eth0:none',
      { ip: '192.0.2.7', gateway: '192.0.2.1' },
      'left out is the ip 192.0.2.8, since a later ip= counts',
    ],
    [
      'ip=dhcp gateway=192.0.2.1 netmask=24',
      { ip: 'dhcp' },
      'gateway= and netmask= are left out, since ip=dhcp',
    ],
    [
      'ip=192.0.2.7:::24::52-54-00-00-00-02:none BOOTIF=eth0 vlan=7',
      { vlan: '7', 'coatcheck.interface': undefined },
      'left out is the interface 52:54:00:00:00:02, whose name a VLAN needs',
    ],
  ])('%s: what nobody here can use is named, and stops nothing', (text, expected, note) => {
    const found = said(text);
    expect(of(found, expected)).toEqual(expected);
    expect(found.notes.join('\n')).toContain(note);
  });

  it('that is none stops the boot', () => {
    expect(refused('ip=dhcp hostname=web_1')).toContain(
      '64 characters at most: letters, digits, hyphens and dots, no underscore',
    );
    expect(refused('ip=10.0.0.300')).toContain('ip= at character 4');
    expect(refused('vlan=5000:eth0')).toContain('vlan= at character 4');
  });
});
