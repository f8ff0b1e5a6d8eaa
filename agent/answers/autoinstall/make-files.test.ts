import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../bundle/bytes.ts';
import { decodeManifest, encodeManifest } from '../../../bundle/manifest.ts';
import { BUILT_IN_PATHS } from '../../../protocol/paths.ts';
import { manifestOf } from '../../../tests/fixtures/format.ts';
import { ANSWERS, SECRET_ANSWERS } from '../cmdline/answers.ts';
import type { Answers } from '../cmdline/answers.ts';
import { readCommandLine } from '../cmdline/read.ts';
import { answersOf, keptAnswers } from './kept-answers.ts';
import type { Layout } from './layout.ts';
import { makeFiles } from './make-files.ts';
import type { Made } from './make-files.ts';
import { TEMPLATES } from './templates.ts';

const HASH = `$6$saltsalt$${'x'.repeat(86)}`;
const NEEDS = TEMPLATES.flatMap(({ needs = [] }) => needs);
const accounts = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\n',
  'etc/shadow': 'root:*:19000:0:99999:7:::\nann:!:19000:0:99999:7:::\n',
  'etc/group': 'root:x:0:\nsudo:x:27:\nshadow:x:42:\nnogroup:x:65534:\nann:x:1000:\nx:x:1001:\n',
};
const layout = (...has: string[]): Layout => ({ has: new Set(has), accounts });
const NETWORKD = layout('systemd-networkd.service', 'systemd-resolved.service');
const MANAGER = layout('NetworkManager.service', 'systemd-networkd.service');
const EVERYTHING = layout('NetworkManager.service', 'rsyslog.service', ...NEEDS);

const say = (text: string): Answers => readCommandLine(`stateless ${text}`).answers;
const make = (text: string, on: Layout = NETWORKD): Made =>
  makeFiles(say(text), on, { name: 'eth0' });
const texts = (made: Made): Record<string, string> =>
  Object.fromEntries(made.files.map(({ path, content }) => [path, fromUtf8(content)]));
const etc = (name: string, made: Made): string => texts(made)[`etc/${name}`]!;
const network = (name: string, made: Made): string =>
  etc(`systemd/network/05-coatcheck-${name}`, made);
const profile = (name: string, made: Made): string =>
  etc(`NetworkManager/system-connections/coatcheck-${name}.nmconnection`, made);

describe('with systemd-networkd', () => {
  it('DHCP on the boot interface', () => {
    const made = make('ip=dhcp');
    expect(texts(made)).toEqual({
      'etc/systemd/network/05-coatcheck-address.network':
        '[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n',
    });
    expect(made.metadata.enable).toEqual(['systemd-networkd.service']);
    expect(made.metadata.restart).toEqual({
      'etc/systemd/network/05-coatcheck-address.network': ['systemd-networkd.service'],
    });
  });

  it('an address, by the interface of BOOTIF, with name servers', () => {
    const answers = say('ip=192.0.2.7:192.0.2.1:192.0.2.2:255.255.254.0 dns=192.0.2.53,fd77::53');
    const made = makeFiles(answers, NETWORKD, { name: 'eth0', mac: '52:54:00:77:00:01' });
    expect(network('address.network', made)).toBe(
      '[Match]\nPermanentMACAddress=52:54:00:77:00:01\n\n[Network]\nDHCP=no\nAddress=192.0.2.7/23\nGateway=192.0.2.2\nIPv6AcceptRA=no\nLinkLocalAddressing=no\nDNS=192.0.2.53\nDNS=fd77::53\n',
    );
    expect(texts(made)).not.toHaveProperty('etc/resolv.conf');
  });

  it.each([
    ['systemd-networkd', 'PermanentMACAddress=52:54:00:77:00:02'],
    ['NetworkManager', 'mac-address=52:54:00:77:00:02'],
  ] as const)('an address for the interface that has a MAC address: %s', (program, match) => {
    const on = layout(`${program}.service`, 'systemd-modules-load.service');
    const answers = say(
      'ip=192.0.2.7::192.0.2.1:24::52-54-00-77-00-02:none BOOTIF=01-52-54-00-77-00-01 dns=fe80::53 netconsole=192.0.2.9',
    );
    const boot = { name: 'eth0', mac: '52:54:00:77:00:01' };
    const made = makeFiles(answers, on, boot, (mac) => (mac.endsWith('02') ? 'eth7' : 'eth0'));
    const all = Object.values(texts(made)).join('');
    expect(all).toContain(`${match}\n`);
    expect(all).toContain('netconsole=@/eth7,');
    expect(all).not.toContain('52:54:00:77:00:01');
  });

  it('IPv6, in each way', () => {
    expect(network('address.network', make('ipv6=auto'))).toContain(
      'DHCP=ipv4\nIPv6AcceptRA=yes\nLinkLocalAddressing=ipv6\n',
    );
    const dhcp = network('address.network', make('ip=off ipv6=dhcp dns=fd77::53'));
    expect(dhcp).toContain('DHCP=ipv6\nIPv6AcceptRA=yes');
    expect(dhcp).toContain('[DHCPv6]\nUseDNS=no\n');
    expect(dhcp).toContain('[IPv6AcceptRA]\nUseDNS=no\nDHCPv6Client=always\n');
    expect(network('address.network', make('ip=off ipv6=fd77::5'))).toContain(
      'DHCP=no\nAddress=fd77::5/64\nIPv6AcceptRA=yes\n',
    );
  });

  it('a bond of two, and a VLAN on it', () => {
    const made = make(
      'ip=dhcp vlan=100 bond=bond0:eth0,eth1:mode=active-backup,miimon=100,primary=eth1',
    );
    expect(texts(made)).toEqual({
      'etc/systemd/network/05-coatcheck-bond.netdev':
        '[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nMode=active-backup\nMIIMonitorSec=100ms\n',
      'etc/systemd/network/05-coatcheck-member-eth0.network':
        '[Match]\nName=eth0\n\n[Network]\nBond=bond0\n',
      'etc/systemd/network/05-coatcheck-member-eth1.network':
        '[Match]\nName=eth1\n\n[Network]\nBond=bond0\nPrimarySlave=yes\n',
      'etc/systemd/network/05-coatcheck-vlan.netdev':
        '[NetDev]\nName=bond0.100\nKind=vlan\n\n[VLAN]\nId=100\n',
      'etc/systemd/network/05-coatcheck-below.network':
        '[Match]\nName=bond0\n\n[Network]\nVLAN=bond0.100\nLinkLocalAddressing=no\n',
      'etc/systemd/network/05-coatcheck-address.network':
        '[Match]\nName=bond0.100\n\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n',
    });
  });

  it('a VLAN on another interface, and one whose name would be too long', () => {
    expect(network('below.network', make('ip=dhcp vlan=7:eth3'))).toContain('Name=eth3\n');
    expect(network('vlan.netdev', make('ip=dhcp vlan=4000:enp101s0f1np1'))).toContain(
      'Name=vlan4000\n',
    );
  });

  it('an address for another interface than the one that is booted over, and more networks', () => {
    const made = make(
      'BOOTIF=eth0 ip=192.0.2.7::192.0.2.1:24::eno2:none ip=eth3:dhcp ip=eth4:auto6 dns=192.0.2.53',
    );
    expect(texts(made)).toEqual({
      'etc/systemd/network/05-coatcheck-address.network':
        '[Match]\nName=eno2\n\n[Network]\nDHCP=no\nAddress=192.0.2.7/24\nGateway=192.0.2.1\nIPv6AcceptRA=no\nLinkLocalAddressing=no\nDNS=192.0.2.53\n',
      'etc/systemd/network/05-coatcheck-also-eth3.network':
        '[Match]\nName=eth3\n\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n\n[DHCPv4]\nUseGateway=no\nUseDNS=no\n',
      'etc/systemd/network/05-coatcheck-also-eth4.network':
        '[Match]\nName=eth4\n\n[Network]\nDHCP=no\nIPv6AcceptRA=yes\nLinkLocalAddressing=ipv6\n\n[IPv6AcceptRA]\nUseGateway=no\nUseDNS=no\n',
    });
  });

  it('a VLAN by the name that it was given', () => {
    const made = make('ip=vlan0005:dhcp vlan=vlan0005:eth3');
    expect(network('vlan.netdev', made)).toContain('Name=vlan0005\nKind=vlan\n\n[VLAN]\nId=5\n');
    expect(network('below.network', made)).toBe(
      '[Match]\nName=eth3\n\n[Network]\nVLAN=vlan0005\nLinkLocalAddressing=no\n',
    );
    expect(profile('vlan', make('ip=dhcp vlan=vlan5:eth3', MANAGER))).toContain(
      'interface-name=vlan5\n',
    );
  });

  it('a router that is on the link, but in no network of the address', () => {
    const made = make('ip=192.0.2.7::198.51.100.1:255.255.255.255::eth0:none');
    expect(network('address.network', made)).toContain('Address=192.0.2.7/32\nIPv6AcceptRA');
    expect(network('address.network', made)).toContain(
      '[Route]\nGateway=198.51.100.1\nGatewayOnLink=yes\n',
    );
  });

  it('resolvers of the link, with their zone where there is room for one', () => {
    const text = 'ip=off ipv6=auto dns=fe80::53%eth1,fe80::54';
    expect(network('address.network', make(text))).toContain('DNS=fe80::53%eth1\nDNS=fe80::54\n');
    expect(etc('resolv.conf', make(text, layout('systemd-networkd.service')))).toBe(
      'nameserver fe80::53%eth1\nnameserver fe80::54%eth0\n',
    );
    expect(profile('ethernet', make(text, MANAGER))).toContain('dns=fe80::53;fe80::54;\n');
  });

  it('resolv.conf, where nobody else makes it', () => {
    const made = make('ip=dhcp dns=192.0.2.53,192.0.2.54', layout('systemd-networkd.service'));
    expect(etc('resolv.conf', made)).toBe('nameserver 192.0.2.53\nnameserver 192.0.2.54\n');
  });
});

describe('with NetworkManager', () => {
  it('an address for another interface than the one that is booted over, and more networks', () => {
    const made = make('BOOTIF=eth0 ip=192.0.2.7:::24::eno2:none ip=eth3:dhcp', MANAGER);
    expect(profile('ethernet', made)).toContain('interface-name=eno2\n');
    expect(profile('also-eth3', made)).toContain(
      'interface-name=eth3\nautoconnect-priority=100\n\n[ipv4]\nmethod=auto\nnever-default=true\nignore-auto-dns=true\n\n[ipv6]\nmethod=disabled\n',
    );
  });

  it('DHCP on the boot interface', () => {
    const made = make('ip=dhcp', MANAGER);
    expect(texts(made)).toEqual({
      'etc/NetworkManager/system-connections/coatcheck-ethernet.nmconnection':
        '[connection]\nid=coatcheck-ethernet\ntype=ethernet\ninterface-name=eth0\nautoconnect-priority=100\n\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=disabled\n',
    });
    expect(made.files[0]!.mode).toBe(0o600);
    expect(made.metadata.enable).toEqual(['NetworkManager.service']);
  });

  it('an address, by the interface of BOOTIF, with name servers', () => {
    const answers = say(
      'ip=192.0.2.7/24 gateway=192.0.2.1 dns=192.0.2.53,fd77::53 ipv6=fd77::5/48',
    );
    const made = makeFiles(answers, MANAGER, { name: 'eth0', mac: '52:54:00:77:00:01' });
    expect(profile('ethernet', made)).toBe(
      '[connection]\nid=coatcheck-ethernet\ntype=ethernet\nautoconnect-priority=100\n\n[ethernet]\nmac-address=52:54:00:77:00:01\n\n[ipv4]\nmethod=manual\naddress1=192.0.2.7/24,192.0.2.1\ndns=192.0.2.53;\n\n[ipv6]\nmethod=auto\naddress1=fd77::5/48\ndns=fd77::53;\nignore-auto-dns=true\n',
    );
  });

  it('a bond of two, and a VLAN on it', () => {
    const made = make('ip=dhcp vlan=100 bond=bond0:eth0,eth1:mode=802.3ad', MANAGER);
    expect(profile('member-eth1', made)).toContain(
      'interface-name=eth1\nmaster=bond0\nslave-type=bond\n',
    );
    expect(profile('bond', made)).toContain('[bond]\nmode=802.3ad\n\n[ipv4]\nmethod=disabled\n');
    expect(profile('vlan', made)).toContain(
      '[vlan]\nid=100\nparent=bond0\n\n[ipv4]\nmethod=auto\n',
    );
  });
});

describe('accounts', () => {
  const withAccounts = (text: string, own: Layout['accounts'] = accounts): Made =>
    make(`ip=dhcp ${text}`, { ...NETWORKD, accounts: own });

  it('set the password of root and leave the rest of its entry', () => {
    const made = withAccounts(`rootpw=${HASH} adminpw=RHhwCLrQXB8zE`);
    expect(etc('shadow', made)).toBe(
      `root:${HASH}:19000:0:99999:7:::\nadmin:RHhwCLrQXB8zE:::::::\n`,
    );
    expect(made.files.find(({ path }) => path === 'etc/shadow')).toMatchObject({
      mode: 0o640,
      group: 'shadow',
      gid: 42,
    });
  });

  it('make an admin who may use sudo, with free numbers', () => {
    const made = withAccounts(`adminpw=${HASH}`);
    expect(etc('passwd', made)).toBe('admin:x:1002:1002::/home/admin:/bin/bash\n');
    expect(etc('group', made)).toBe('admin:x:1002:\nsudo:x:27:admin\n');
  });

  it('keep an admin whom the image has', () => {
    const made = withAccounts(`adminpw=${HASH}`, {
      'etc/passwd': 'admin:x:500:500:The one:/srv:/bin/zsh\n',
      'etc/shadow': 'admin:!:1:2:3:4:5:6:\n',
    });
    expect(etc('shadow', made)).toBe(`admin:${HASH}:1:2:3:4:5:6:\n`);
    expect(texts(made)).not.toHaveProperty('etc/passwd');
  });

  it('see to it that the shadow is looked at', () => {
    const own = { 'etc/passwd': 'root::0:0:root:/root:/bin/sh\n' };
    const made = withAccounts(`rootpw=${HASH} adminpw=${HASH}`, own);
    expect(etc('passwd', made)).toContain('root:x:0:0:root:/root:/bin/sh\n');
    expect(etc('shadow', made)).toContain(`root:${HASH}:::::::\n`);
  });
});

describe('what else is made', () => {
  it('the address of the engine', () => {
    const made = make(
      'ip=dhcp management_server=e.example management_server_fingerprint=' + 'ab'.repeat(20),
    );
    expect(JSON.parse(etc('coatcheck/engine.json', made))).toEqual({
      server: 'e.example',
      port: 443,
      fingerprint: Array(20).fill('AB').join(':'),
    });
    expect(
      JSON.parse(etc('coatcheck/engine.json', make('ip=dhcp management_server=e:8443'))),
    ).toEqual({ server: 'e', port: 8443 });
  });

  it('metadata: host name, swap, and the answers without the secrets', () => {
    const text = `ip=dhcp BOOTIF=link hostname=n1 swap=zram rootpw=${HASH}`;
    const { metadata } = make(text);
    expect(metadata).toMatchObject({ hostname: 'n1', swap: 'zram' });
    expect(metadata.answers).toEqual({ bootif: 'link', ip: 'dhcp', hostname: 'n1', swap: 'zram' });
    expect(answersOf(metadata)).toEqual({
      BOOTIF: 'link',
      ip: 'dhcp',
      hostname: 'n1',
      swap: 'zram',
    });
  });

  it('nothing of an answer that the image has no use for; it is named', () => {
    const made = make('ip=dhcp syslog=h tuned=x netconsole=h collectd=h keyboard=de', layout());
    expect(made.files).toEqual([]);
    expect(made.unmet).toEqual(['ip', 'syslog', 'keyboard', 'netconsole', 'collectd', 'tuned']);
  });

  it('no file, but a unit that is not to run', () => {
    const made = make(
      'ip=dhcp ntp=off disable_kdump',
      layout('systemd-networkd.service', 'chrony.service', 'kdump.service'),
    );
    expect(made.metadata.disable).toEqual(['chrony.service', 'kdump.service']);
    expect(made.files).toHaveLength(1);
    expect(make('ip=dhcp ntp=off disable_kdump').unmet).toEqual([]);
  });

  it('enables the units whose work is asked for, those that the image has', () => {
    const has = ['etc/chrony/chrony.conf', 'chrony.service', 'rsyslog.service', 'etc/collectd.d'];
    const text = 'ip=dhcp ntp=n syslog=h collectd=c nfsv4_domain=x';
    const made = make(text, layout('systemd-networkd.service', 'etc/idmapd.conf', ...has));
    expect(made.metadata.enable).toEqual([
      'systemd-networkd.service',
      'chrony.service',
      'rsyslog.service',
    ]);
  });

  it.each([
    ['', 'ip'],
    ['ip=off', 'ipv6'],
    ['ip=192.0.2.1', 'netmask'],
  ])('nothing, if answers are missing: %j', (text, missing) => {
    expect(() => make(text)).toThrow(
      expect.objectContaining({ code: 'bad_argument', message: `${missing}: not given` }),
    );
  });

  it.each([
    ['ip=192.0.2.7/24 gateway=192.0.3.1', 'gateway=192.0.3.1 is not in the network'],
    ['ip=192.0.2.7/24 gateway=192.0.2.7', 'the machine itself'],
    ['ip=dhcp kdump_nfs=h:/a kdump_ssh=u@h', 'one place'],
  ])('nothing, if answers contradict one another: %s', (text, said) => {
    expect(() => say(text)).toThrow(
      expect.objectContaining({
        code: 'bad_argument',
        message: expect.stringContaining(said) as string,
      }),
    );
  });
});

it('nothing, if the answers of a dialogue have a VLAN that is not on the bond', () => {
  const answers: Answers = { ip: 'dhcp', bond: 'b0:eth0,eth1', vlan: '7:eth2' };
  expect(() => makeFiles(answers, NETWORKD, { name: 'eth0' })).toThrow(
    'vlan=7:eth2 is not on the bond b0',
  );
});

describe('templates', () => {
  const example = (answer: string): string => {
    const { example, kind } = ANSWERS.find(({ name }) => name === answer)!;
    return kind.canonical(example.slice(answer.length + 1)) ?? 'yes';
  };
  const named = TEMPLATES.map(
    (row, i) => [`${row.answer} ${row.needs ?? 'anywhere'}`, row, i] as const,
  );

  it.each(named)('%s makes what a bundle may hold', (_, row) => {
    const value = [example(row.answer), 'yes', 'off'].find(
      (text) =>
        ANSWERS.find(({ name }) => name === row.answer)!.kind.canonical(text) === text &&
        (row.fits?.(text) ?? true),
    )!;
    const answers: Answers = { ip: 'dhcp', [row.answer]: value };
    const made = makeFiles(answers, layout('systemd-networkd.service', row.needs ?? ''), {
      name: 'eth0',
    });
    expect(made.unmet).toEqual([]);
    const paths = made.files.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(Object.keys(row.files)));
    for (const path of paths) expect(BUILT_IN_PATHS.traitsOf(path), path).toBeDefined();
    encodeManifest(manifestOf({ files: made.files, metadata: made.metadata }));
  });
});

/**
 * What a file says, read without the code that makes it: sections and settings, by each syntax that
 * occurs. Throws for a line that is neither.
 */
function settingsOf(path: string, text: string): string[] {
  if (path.endsWith('.json')) return Object.keys(JSON.parse(text) as object).sort();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  if (/^etc\/(passwd|shadow|group)$/.test(path))
    return lines.map((line) => `${line.split(':').length}`);
  return lines.map((line) => {
    expect(line).toMatch(/^[ -~]+$/);
    expect(line.split('"').length % 2, line).toBe(1);
    return /^\s*(\[[A-Za-z0-9]+\]|[A-Za-z0-9_./<>*-]+)/.exec(line)![1]!;
  });
}

/** Section, key and value of each line of an INI file. Throws for a line that is none. */
function iniOf(text: string): [section: string, key: string, value: string][] {
  let section = '';
  return text.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('#')) return [];
    const [, head, key, value] = /^(?:\[([A-Za-z0-9]+)\]|([A-Za-z0-9-]+) ?= ?([!-~ ]*))$/.exec(
      line,
    )!;
    if (head !== undefined) section = head;
    return head !== undefined ? [] : [[section, key!, value!]];
  });
}

describe('no value breaks out of a file', () => {
  const shape = (made: Made): Record<string, string[]> =>
    Object.fromEntries(
      Object.entries(texts(made)).map(([path, text]) => [path, settingsOf(path, text)]),
    );
  const HOSTILE = Array.from({ length: 0x100 }, (_, code) => String.fromCharCode(code)).concat(
    '\n[x]\n',
    '..',
    '\u2028',
    ' "x"',
  );
  const example = ({ name, example }: (typeof ANSWERS)[number]): string =>
    example.replace('...', 'x'.repeat(86)).slice(name.length + 1) || 'yes';
  /** Those whose value is one word of a few decide what is made, and the network has its own test. */
  const FREE = ANSWERS.filter(
    ({ name, kind }) =>
      !/^(BOOTIF|ip|coatcheck\.also|netmask|gateway|ipv6|dns|vlan|bond|ntp|swap)$/.test(name) &&
      kind.canonical('no') !== 'no',
  );
  const edit = fc.tuple(fc.nat(40), fc.nat(2), fc.constantFrom(...HOSTILE));

  it('which sets what it sets with any other value', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.constantFrom(...FREE), fc.array(edit, { maxLength: 3 }), (argument, edits) => {
        const { name, kind } = argument;
        let text = example(argument);
        for (const [at, drop, add] of edits) text = text.slice(0, at) + add + text.slice(at + drop);
        const value = kind.canonical(text);
        if (value === undefined) return;
        taken++;
        const of = (given: string): Made =>
          makeFiles({ ip: 'dhcp', [name]: given }, EVERYTHING, { name: 'eth0' });
        const made = of(value);
        const usual = shape(of(kind.canonical(example(argument))!));
        for (const [path, settings] of Object.entries(shape(made))) {
          expect(settings, path).toEqual(usual[path] ?? settings);
        }
        const bytes = encodeManifest(manifestOf({ files: made.files, metadata: made.metadata }));
        const kept = answersOf(decodeManifest(bytes).metadata)[name];
        expect(kept).toBe(SECRET_ANSWERS.includes(name) ? undefined : value);
      }),
      { numRuns: 2000 },
    );
    expect(taken).toBeGreaterThan(200);
  });

  it('of the network, which both programs are told alike', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,8}$/);
    const byte = fc.nat(255);
    const address = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join('.'));
    const plan = fc.record(
      {
        ip: fc.oneof(fc.constantFrom('dhcp', 'off'), address),
        netmask: fc.integer({ min: 1, max: 32 }).map(String),
        ipv6: fc.oneof(fc.constantFrom('auto', 'dhcp', 'off'), fc.ipV6()),
        dns: fc.array(fc.oneof(address, fc.ipV6()), { minLength: 1, maxLength: 4 }),
        vlan: fc.integer({ min: 1, max: 4094 }).map(String),
        bond: fc.tuple(name, name, name).map(([a, b, c]) => `${a}:${b},${c}:miimon=100`),
      },
      { requiredKeys: [] },
    );
    let taken = 0;
    fc.assert(
      fc.property(plan, name, (given, device) => {
        let answers: Answers;
        const words = Object.entries({ netmask: '24', ipv6: 'auto', ...given });
        try {
          answers = say(words.map(([word, value]) => `${word}=${String(value)}`).join(' '));
          makeFiles(answers, NETWORKD, { name: device });
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad_argument' });
          return;
        }
        taken++;
        const [networkd, manager] = [NETWORKD, MANAGER].map((on) =>
          Object.entries(texts(makeFiles(answers, on, { name: device }))).map(
            ([path, text]) => [path, iniOf(text)] as const,
          ),
        );
        const all = (files: typeof networkd, ...keys: string[]): string[] =>
          files!
            .flatMap(([, settings]) => settings)
            .filter(([, key]) => keys.includes(key))
            .flatMap(([, , value]) => value.replace(/,.*/, '').split(';').filter(Boolean))
            .sort();
        expect(all(networkd, 'Address')).toEqual(all(manager, 'address1'));
        expect(all(networkd, 'DNS')).toEqual(expect.arrayContaining(all(manager, 'dns')));
        expect(all(networkd, 'DNS')).toEqual(answers.dns?.split(',').sort() ?? []);
        expect(all(networkd, 'Id')).toEqual(answers.vlan === undefined ? [] : [answers.vlan]);
        const members = (files: typeof networkd): number =>
          files!.filter(([path]) => path.includes('member')).length;
        expect(members(networkd)).toBe(answers.bond === undefined ? 0 : 2);
        expect(members(manager)).toBe(members(networkd));
      }),
      { numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(50);
  });

  it('and secrets are in the shadow and nowhere else', () => {
    const made = make(`ip=dhcp rootpw=${HASH} adminpw=${HASH}`, EVERYTHING);
    for (const { path, content } of made.files) {
      expect(fromUtf8(content).includes('xxxxxxxx'), path).toBe(path === 'etc/shadow');
    }
    expect(JSON.stringify(made.metadata)).not.toContain('xxxxxxxx');
    for (const name of SECRET_ANSWERS)
      expect(keptAnswers(say(`rootpw=${HASH}`))).not.toHaveProperty(name);
  });
});

describe('answers of a bundle', () => {
  it('are only those that could be given today', () => {
    const answers = {
      ip: 'dhcp',
      hostname: 'a b',
      rootpw: HASH,
      netmask: '24',
      other: 'x',
      constructor: 'y',
    };
    expect(answersOf({ answers })).toEqual({ ip: 'dhcp', netmask: '255.255.255.0' });
    expect(answersOf({})).toEqual({});
  });
});
