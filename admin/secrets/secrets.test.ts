import { generateKeyPairSync, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../bundle/bytes.ts';
import { BUILT_IN_PATHS } from '../../protocol/paths.ts';
import { hidingOf } from './secrets.ts';

/** The text as a review shows it, `<>` where a secret was. */
function shown(path: string, text: string): string {
  const hiding = hidingOf(path, BUILT_IN_PATHS.traitsOf(path)?.secret === true);
  if (hiding === 'withheld') return 'withheld';
  if (hiding === undefined) return text;
  if ('whole' in hiding) return hiding.whole(utf8(text)) ? '<key>' : 'withheld';
  const lines = text.split('\n');
  const ranges = hiding.lines(lines);
  return lines
    .map((line, i) => {
      const range = ranges[i];
      return range === undefined ? line : `${line.slice(0, range.start)}<>${line.slice(range.end)}`;
    })
    .join('\n');
}

const KEY = `${'A'.repeat(43)}=`;

describe('secrets in settings', () => {
  it.each([
    ['etc/wireguard/wg0.conf', `[Interface]\nPrivateKey = ${KEY}`, '[Interface]\nPrivateKey = <>'],
    ['etc/wireguard/wg0.conf', `PrivateKey = ${KEY} # laptop`, 'PrivateKey = <> # laptop'],
    ['etc/wireguard/wg0.conf', `presharedkey=${KEY}`, 'presharedkey=<>'],
    [
      'etc/systemd/network/wg0.netdev',
      `[WireGuard]\nPrivateKey=${KEY}\n[WireGuardPeer]\nPresharedKey=${KEY}\nPublicKey=${KEY}`,
      `[WireGuard]\nPrivateKey=<>\n[WireGuardPeer]\nPresharedKey=<>\nPublicKey=${KEY}`,
    ],
    [
      'etc/NetworkManager/system-connections/wifi.nmconnection',
      '[wifi]\nssid=psk\n[wifi-security]\npsk=hunter2\n[ipv4]\naddress1=192.0.2.7/24',
      '[wifi]\nssid=psk\n[wifi-security]\npsk=<>\n[ipv4]\naddress1=192.0.2.7/24',
    ],
    [
      'etc/sssd/sssd.conf',
      '[domain/example.com]\nldap_default_authtok = hunter2\nkrb5_realm = X',
      '[domain/example.com]\nldap_default_authtok = <>\nkrb5_realm = X',
    ],
    [
      'etc/iscsi/iscsid.conf',
      'node.session.auth.password = hunter2\nnode.startup = automatic',
      'node.session.auth.password = <>\nnode.startup = automatic',
    ],
    [
      'etc/wpa_supplicant/wlan0.conf',
      'network={\n  ssid="x"\n  psk="two words"\n}',
      'network={\n  ssid="x"\n  psk=<>\n}',
    ],
    ['etc/ceph/ceph.client.admin.keyring', '\tkey = AQBvalueAQBvalueAQ==', '\tkey = <>'],
    ['etc/chrony/chrony.keys', '1 SHA1 HEX:0011\n2 hunter2', '1 SHA1 <>\n2 <>'],
    [
      'etc/slurm/slurmdbd.conf',
      'DbdHost=head\nstoragepass = hunter2\t\n# StoragePass=old\nStorageUser=slurm',
      'DbdHost=head\nstoragepass = <>\t\n# StoragePass=old\nStorageUser=slurm',
    ],
    ['etc/munge/munge.key', `${'0123456789abcdef'.repeat(4)}\n`, '<key>'],
    ['etc/ppp/chap-secrets', 'joe * "a b" 192.0.2.1', 'joe * <> 192.0.2.1'],
    ['etc/ppp/chap-secrets', "# don't\njoe * secret *", "# don't\njoe * <> *"],
    ['etc/ipsec.secrets', '192.0.2.1 : PSK "a b"', '192.0.2.1 : PSK <>'],
    ['etc/ldap.secret', 'hunter2\n', '<>\n'],
    ['etc/ssl/private/coatcheck-foreman.secret', 'eyJh.eyJ1.x_-Y\n', '<>\n'],
    [
      'etc/coatcheck/engine-credentials.json',
      '{"username":"admin","password":"hunter2"}',
      '{"username":"admin","password":<>}',
    ],
  ])('%s: %j', (path, text, expected) => expect(shown(path, text)).toBe(expected));
});

describe('what is shown although a secret may be in it', () => {
  it.each([
    ['etc/iscsi/iscsid.conf', 'node.session.auth.password = x iscsid.startup = /usr/bin/touch y'],
    // A reader with a buffer takes the end of it for another line.
    ['etc/iscsi/iscsid.conf', `node.session.auth.password = ${'x'.repeat(1000)}iscsid.startup=/x`],
    ['etc/wireguard/wg0.conf', 'PostUp = token=1 evil'],
    ['etc/wireguard/wg0.conf', `PrivateKey = ${KEY} evil`],
    ['etc/wireguard/wg0.conf', `PrivateKey = $(touch /tmp/x)`],
    ['etc/systemd/network/wg0.netdev', `[WireGuard]\nPrivateKey=\\\n${KEY}`],
    ['etc/systemd/network/wg0.netdev', `[WireGuard]\nPrivateKeyFile=\\ \nPrivateKey=${KEY}`],
    // Several settings in a line, words, quotes, comments, another key, another operator.
    ['etc/slurm/slurmdbd.conf', 'StoragePass=x PluginDir=/tmp/x'],
    ['etc/slurm/slurmdbd.conf', 'StoragePass="a b"'],
    ['etc/slurm/slurmdbd.conf', 'StoragePass=x#PluginDir=/tmp'],
    ['etc/slurm/slurmdbd.conf', 'StoragePassScript=/tmp/x'],
    ['etc/slurm/slurmdbd.conf', 'StoragePass+=x'],
    // A line goes on where a backslash stands last, also but for white space, a comment or a NUL.
    ['etc/slurm/slurmdbd.conf', 'PluginDir=/tmp/\\\nStoragePass=x'],
    ['etc/slurm/slurmdbd.conf', 'PluginDir=/tmp/\\  \nStoragePass=x'],
    ['etc/slurm/slurmdbd.conf', 'PluginDir=/tmp/\\ # more\nStoragePass=x'],
    ['etc/slurm/slurmdbd.conf', 'PluginDir=/tmp/\\\0\nStoragePass=x'],
    ['etc/iscsi/iscsid.conf', 'iscsid.startup = /x\0\nnode.session.auth.password = x'],
    ['etc/systemd/network/wg0.netdev', `[NetDev]\nPrivateKey=${KEY}`],
    [
      'etc/NetworkManager/system-connections/vpn.nmconnection',
      '[vpn]\nservice-type=org.freedesktop.NetworkManager.ssh\nextra-opts=-o ProxyCommand=/etc/x\npassword=x\n[vpn-secrets]\npassword=/etc/x',
    ],
    ['etc/NetworkManager/system-connections/x', '[wifi-security]\npsk=two words'],
    ['etc/NetworkManager/system-connections/x', '[wifi-security]\n psk=x'],
    // Names that every object of JavaScript has.
    ['etc/NetworkManager/system-connections/x', '[constructor]\npsk=x\n[__proto__]\npsk=x'],
    ['etc/sssd/sssd.conf', '[domain/x]\nldap_default_authtok = x\n command = /x'],
    ['etc/sssd/sssd.conf', '[domain/x]\nid_provider = proxy\n ldap_default_authtok = /x'],
    ['etc/NetworkManager/system-connections/x', '[wifi-security]\n[vpn]x\npsk=/etc/x'],
    ['etc/systemd/network/x.netdev', `[WireGuard]\n[Peer] ; x\nPrivateKey=${KEY}`],
    ['etc/sssd/sssd.conf', '[nss]\nldap_default_authtok = x'],
    ['etc/wpa_supplicant/x.conf', 'psk="a" ctrl_interface=/x'],
    ['etc/wpa_supplicant/x.conf', 'pkcs11_module_path=/x'],
    ['etc/chrony/chrony.keys', '1 SHA1 HEX:00 more'],
    ['etc/ppp/chap-secrets', 'joe * @/etc/x'],
    ['etc/ppp/chap-secrets', 'joe * secret /etc/x evil'],
    // pppd takes what is quoted or continued for other words than stand in the line.
    ['etc/ppp/chap-secrets', 'joe * "\\@/etc/x"'],
    ['etc/ppp/chap-secrets', 'joe * \\x40/etc/x'],
    ['etc/ppp/chap-secrets', 'joe \\\n* secret *'],
    ['etc/ppp/chap-secrets', 'joe "a\n" secret *'],
    ['etc/ppp/chap-secrets', "joe 'a\nb' secret *"],
    ['etc/ipsec.secrets', 'include /etc/x'],
    ['etc/ipsec.secrets', ': PSK "a" : PSK "b"'],
    ['etc/ldap.secret', 'hunter2\nmore'],
    ['etc/ssl/private/coatcheck-foreman.secret', 'hunter2\nmore'],
    ['etc/coatcheck/engine-credentials.json', '{"password":"x","more":1} #'],
  ])('%s: %j', (path, text) => expect(shown(path, text)).toBe(text));

  it('is every file that has no secret in it, whatever its words', () => {
    for (const path of ['etc/motd', 'etc/default/x', 'etc/systemd/system/x.service', 'usr/x']) {
      expect(shown(path, 'password=x\n-----BEGIN PRIVATE KEY-----')).toContain('password=x');
    }
  });
});

describe('a secret file in no format that is known', () => {
  it.each([
    'etc/sssd/pki/key.pem',
    'etc/wireguard/hook.sh',
    'etc/ssh/ssh_host_x_key',
    'etc/ssl/private/x',
    'etc/munge/munge.key',
  ])('%s is withheld', (path) =>
    expect(shown(path, '#!/bin/sh\nevil; exit; and more than 32 bytes')).toBe('withheld'),
  );
});

describe('the key of munge', () => {
  it.each([
    ['text of several words', 'touch /tmp/x; exit 0; 0123456789012345678901234567890'],
    ['a program with bytes that are no text', `#!/bin/sh\nevil\nexit\n${'\u{1f511}'.repeat(9)}`],
    ['too short', 'x'.repeat(31)],
  ])('is not %s', (_, text) => expect(shown('etc/munge/munge.key', text)).toBe('withheld'));
});

describe('a whole file that is a key', () => {
  const path = 'etc/ssl/private/host.key';
  const pem = (type: 'pkcs1' | 'pkcs8'): string =>
    generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({
      type,
      format: 'pem',
    }) as string;

  it('is recognised: PKCS #1, PKCS #8, with a certificate, of OpenSSH', () => {
    expect(shown(path, pem('pkcs1'))).toBe('<key>');
    expect(shown(path, pem('pkcs8'))).toBe('<key>');
    const body = Buffer.concat([Buffer.from('openssh-key-v1\0'), randomBytes(100)]).toString(
      'base64',
    );
    const lines = body.match(/.{1,70}/g)!.join('\n');
    const openssh = `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
    expect(shown('etc/ssh/ssh_host_ed25519_key', openssh)).toBe('<key>');
  });

  it.each([
    ['a comment before it', (key: string) => `# evil\n${key}`],
    ['a line behind it', (key: string) => `${key}evil\n`],
    ['no key in it', () => '-----BEGIN PRIVATE KEY-----\nZXZpbA==\n-----END PRIVATE KEY-----\n'],
    ['two keys', (key: string) => key + key],
    ['another end', (key: string) => key.replace('END PRIVATE', 'END RSA PRIVATE')],
  ])('is none with %s', (_, change) => expect(shown(path, change(pem('pkcs8')))).toBe('withheld'));

  it('is a keytab to its end', () => {
    const keytab = (...records: Buffer[]): Uint8Array =>
      Buffer.concat([Buffer.from([5, 2]), ...records]);
    const record = Buffer.concat([Buffer.from([0, 0, 0, 4]), Buffer.from('abcd')]);
    const hiding = hidingOf('etc/krb5.keytab', true);
    const whole = typeof hiding === 'object' && 'whole' in hiding ? hiding.whole : undefined;
    expect(whole?.(keytab(record, record))).toBe(true);
    expect(whole?.(keytab(record, record.subarray(0, 6)))).toBe(false);
    expect(whole?.(Buffer.from('#!/bin/sh\nevil'))).toBe(false);
  });
});

describe('hashes of passwords', () => {
  it.each([
    ['etc/shadow', 'root:$y$j9T$salt$hash:20000:0:99999:7:::', 'root:$y$<>:20000:0:99999:7:::'],
    ['etc/shadow', 'joe:!$6$salt$hash:20000::::::', 'joe:!$6$<>:20000::::::'],
    ['etc/shadow', 'old:abcdefghijklm:1::::::', 'old:<>:1::::::'],
    ['etc/passwd', 'root:$6$salt$hash:0:0::/root:/bin/sh', 'root:$6$<>:0:0::/root:/bin/sh'],
  ])('%s: %j', (path, line, expected) => expect(shown(path, line)).toBe(expected));

  it.each([
    'backup::19000:0:99999:7:::',
    'x:*:1::::::',
    'evil:$6$a$b c:1::::::',
    'token:x:0:0::/root:/bin/sh',
    'no colon',
  ])('are not in %j', (line) => expect(shown('etc/shadow', line)).toBe(line));
});

describe('every parser', () => {
  const PATHS = [
    ...[
      'etc/shadow',
      'etc/wireguard/wg0.conf',
      'etc/systemd/network/x.netdev',
      'etc/sssd/sssd.conf',
    ],
    ...['etc/NetworkManager/system-connections/x', 'etc/iscsi/iscsid.conf', 'etc/ldap.secret'],
    'etc/slurm/slurmdbd.conf',
    ...[
      'etc/wpa_supplicant/x.conf',
      'etc/ceph/x.keyring',
      'etc/chrony/x.keys',
      'etc/ipsec.secrets',
    ],
    ...['etc/ppp/chap-secrets', 'etc/coatcheck/engine-credentials.json', 'etc/ssl/private/x'],
  ];
  const WORDS = [
    ...['token', 'password', 'psk', '=', ' ', '"', ':', '$6$', '\\', '#', '[', ']', ': PSK "'],
    ...['-----BEGIN PRIVATE KEY-----\n', 'A'.repeat(64), '\n', '\t', '{', '@', '1 '],
  ];

  it('hides a token in a line, and never white space or what is not seen outside of quotes', () => {
    const words = fc.array(fc.constantFrom(...WORDS, 'x', 'PrivateKey', KEY), { maxLength: 40 });
    fc.assert(
      fc.property(fc.constantFrom(...PATHS), words, (path, parts) => {
        const hiding = hidingOf(path, BUILT_IN_PATHS.traitsOf(path)?.secret === true);
        if (typeof hiding !== 'object' || !('lines' in hiding)) return;
        const lines = parts.join('').split('\n');
        hiding.lines(lines).forEach((range, i) => {
          if (range === undefined) return;
          const hidden = lines[i]!.slice(range.start, range.end);
          expect(hidden).toMatch(/^[^\s]{1,256}$|^"[^"]{1,254}"$/);
        });
      }),
      { numRuns: 2000 },
    );
  });

  it.each(WORDS)('takes %j many times over in steps that grow with its length', (word) => {
    const text = word.repeat(190_000);
    for (const path of PATHS) {
      const hiding = hidingOf(path, BUILT_IN_PATHS.traitsOf(path)?.secret === true);
      if (typeof hiding !== 'object') continue;
      if ('lines' in hiding) hiding.lines(text.split('\n'));
      else hiding.whole(utf8(text));
    }
  });
});
