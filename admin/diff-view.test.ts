import { describe, expect, it } from 'vitest';
import { deriveIdentity, utf8, ZERO_DIGEST } from '../bundle/index.ts';
import type { FileEntry, Manifest, Metadata } from '../bundle/index.ts';
import { diffLines } from '../cli/diff-lines.ts';
import { diffView, unifiedLines } from './diff-view.ts';
import { maskerOf, maskLine } from './mask.ts';
import { createTerminal } from '../cli/terminal.ts';

const node = deriveIdentity(new Uint8Array(32).fill(1));
const { style } = createTerminal(
  { stdin: {}, stdout: { write: () => true }, stderr: { write: () => true }, env: {} },
  { json: false },
);
const file = (path: string, content: string | Uint8Array, mode = 0o644): FileEntry => ({
  ...{ path, mode, owner: 'root', uid: 0, group: 'root', gid: 0 },
  content: typeof content === 'string' ? utf8(content) : content,
});
const manifest = (files: FileEntry[], metadata: Metadata = {}): Manifest => ({
  ...{ node, base: ZERO_DIGEST, metadata, files },
});

function shown(
  before: FileEntry[] | undefined,
  after: FileEntry[],
  options: { showSecrets?: boolean; stat?: boolean } = {},
): string {
  const view = diffView(before && manifest(before), manifest(after), {
    showSecrets: options.showSecrets === true,
    stat: options.stat === true,
  });
  return diffLines(view, style).join('\n');
}

describe('the difference as an administrator sees it', () => {
  it('shows the lines that change, in context', () => {
    expect(shown([file('etc/hosts', 'a\nb\nc\n')], [file('etc/hosts', 'a\nB\nc\n')])).toBe(
      '~ etc/hosts  6 bytes\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c',
    );
  });
  it('shows a new file whole, with its mode and owner', () => {
    expect(shown(undefined, [file('etc/hosts', 'a\n', 0o600)])).toBe(
      '+ etc/hosts  mode 0600, owner root(0):root(0), 2 bytes\n@@ -0,0 +1,1 @@\n+a',
    );
  });
  it('shows a removed file', () => {
    expect(shown([file('etc/hosts', 'a\n')], [])).toBe('- etc/hosts  2 bytes\n@@ -1,1 +0,0 @@\n-a');
  });
  it('shows a change of mode and of owner', () => {
    const before = file('etc/hosts', 'a\n');
    expect(shown([before], [{ ...before, mode: 0o640, owner: 'bob', uid: 7 }])).toBe(
      '~ etc/hosts  mode 0644 -> 0640, owner root(0):root(0) -> bob(7):root(0), 2 bytes',
    );
  });
  it('says when the last line has no end', () => {
    expect(shown([file('etc/motd', 'a')], [file('etc/motd', 'a\n')])).toContain(
      '\\ No newline at end of file',
    );
  });
  it('shows what is not text: one odd byte must not hide the rest', () => {
    const job = Buffer.from('# \xff\0\n* * * * * root evil\n', 'latin1');
    const text = shown(undefined, [file('etc/cron.d/job', Uint8Array.from(job))]);
    expect(text).toContain('+# <0xFF><U+0000>\n+* * * * * root evil');
  });
  it('shows a file of as many lines as a bundle can hold', () => {
    const text = shown(undefined, [file('etc/motd', 'x\n'.repeat(500_000))]);
    expect(text.split('\n')).toHaveLength(500_002);
  });
  it('highlights what executes and what no node accepts', () => {
    expect(shown(undefined, [file('etc/cron.d/job', 'x')])).toContain('EXECUTES');
    expect(shown(undefined, [file('usr/bin/sh', 'x')])).toContain('NOT ALLOWED');
  });
  it('escapes what a node wrote', () => {
    const text = shown(undefined, [file('etc/motd', '\x1b[2Jhello\r\u202e\n')]);
    expect(text).toContain('+<U+001B>[2Jhello<U+000D><U+202E>');
  });
  it('shows the settings that change', () => {
    const view = diffView(
      manifest([], { hostname: 'a' }),
      manifest([], { hostname: 'b', enable: ['x.service'] }),
      { showSecrets: false, stat: false },
    );
    expect(diffLines(view, style)).toEqual([
      '+ setting enable',
      '+x.service',
      '~ setting hostname',
      '-a',
      '+b',
    ]);
  });
  it('says that there is no difference', () => {
    expect(shown([file('etc/hosts', 'a')], [file('etc/hosts', 'a')])).toBe('no difference');
  });
  it('leaves contents out where only names are asked for', () => {
    expect(shown(undefined, [file('etc/motd', 'hello')], { stat: true })).not.toContain('hello');
  });
});

describe('secrets', () => {
  const shadow = file('etc/shadow', 'root:$y$hash:1::::::\n', 0o640);
  it('are not shown unless asked for', () => {
    expect(shown(undefined, [shadow])).not.toContain('hash');
    expect(shown(undefined, [shadow])).toContain('--show-secrets');
    expect(shown(undefined, [shadow], { showSecrets: true })).toContain('+root:$y$hash');
  });
  it('are masked inside files that are none, and counted', () => {
    const conf = file('etc/ntp.conf', 'host = x\npassword = hunter2\n');
    expect(shown(undefined, [conf])).toContain('+password = ********');
    expect(shown(undefined, [conf])).toContain('1 value masked');
    expect(shown(undefined, [conf])).not.toContain('hunter2');
  });
  it('are the lines of a private key, and nothing else of its file', () => {
    const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'b3BlbnNz'.repeat(8)}\n${'A'.repeat(24)}==\n`;
    const text = shown(undefined, [file('etc/motd', `${key}hello\n`)]);
    expect(text).toContain('PRIVATE KEY-----\n+********\n+********\n+hello\n');
  });
  it('are password hashes, wherever they are', () => {
    const hash = '$6$salt$hash/.09';
    const text = shown(undefined, [
      file('etc/passwd', `root:${hash}:0:0::/root:/bin/sh\n`),
      file('etc/motd', `rootpw --iscrypted ${hash} x\n`),
    ]);
    expect(text).toContain('+root:********:0:0::/root:/bin/sh');
    expect(text).toContain('+rootpw --iscrypted ******** x');
  });
  it('are the keys of WireGuard, but not what it runs', () => {
    const key = `${'A'.repeat(43)}=`;
    const conf = `[Interface]\nPrivateKey = ${key}\nPostUp = token=1 evil\nPresharedKey=${key}\n`;
    expect(shown(undefined, [file('etc/wireguard/wg0.conf', conf, 0o600)])).toContain(
      '+PrivateKey = ********\n+PostUp = token=1 evil\n+PresharedKey=********\n',
    );
  });
  it.each([
    ['etc/iscsi/iscsid.conf', 'node.session.auth.password_in', 'iscsid.startup = /bin/evil'],
    ['etc/wpa_supplicant/wlan0.conf', 'psk', 'pkcs11_module_path=/etc/evil.so'],
    ['etc/sssd/sssd.conf', 'ldap_default_authtok', 'command = /bin/evil password=1'],
  ])('are the passwords of %s, but not what it loads or runs', (path, name, runs) => {
    const text = shown(undefined, [file(path, `${name} = hidden\n${runs}\n`, 0o600)]);
    expect(text).toContain(`+${name} = ********\n+${runs}\n`);
  });
  it('never hide what executes', () => {
    const unit = file(
      'etc/systemd/system/x.service',
      '[Service]\nExecStart=sh -c password=1;evil\n',
    );
    expect(shown(undefined, [unit])).toContain('password=1;evil');
    expect(maskerOf('etc/cron.d/x', ['-----BEGIN PRIVATE KEY-----'])).toBeUndefined();
  });
  it('never hide who gets in', () => {
    const text = shown(undefined, [
      file('etc/passwd', '# -----BEGIN PRIVATE KEY-----\ntoken:x:0:0::/root:/bin/sh\n'),
      file('etc/group', 'password:x:0:eve\n'),
      file('etc/fstab', 'token:/ / nfs suid 0 0\n'),
    ]);
    expect(text).toContain('+token:x:0:0::/root:/bin/sh');
    expect(text).toContain('+password:x:0:eve');
    expect(text).toContain('+token:/ / nfs suid 0 0');
  });
  it('never hide which units run', () => {
    const metadata: Metadata = {
      enable: ['evil.service', 'token:x.service'],
      restart: { 'etc/default/password': ['evil.service'] },
      answers: { password: 'hunter2' },
    };
    const view = diffView(undefined, manifest([], metadata), { showSecrets: false, stat: false });
    const text = diffLines(view, style).join('\n');
    expect(text).toContain('+evil.service token:x.service');
    expect(text).toContain('+ setting restart etc/default/password\n+evil.service');
    expect(text).not.toContain('hunter2');
  });
  it.each([
    ['Token: abc', 'Token: ********'],
    ['  "api_key": "abc",', '  "api_key": ********'],
    ['ldap_default_authtok_password=x y', 'ldap_default_authtok_password=********'],
    ['PresharedKey = abc', 'PresharedKey = ********'],
    ['bindpw abc', 'bindpw ********'],
    ['passwd: files systemd', 'passwd: files systemd'],
    ['PasswordAuthentication no', 'PasswordAuthentication no'],
  ])('%s', (line, masked) => expect(maskLine(line)).toBe(masked));
});

describe('unifiedLines', () => {
  it('is quick about two long texts that have nothing in common', () => {
    const text = (seed: number): string =>
      Array.from({ length: 60_000 }, (_, i) => `${seed} ${i * seed}`).join('\n');
    const lines = unifiedLines(text(3), text(7));
    expect(lines.filter((line) => line.startsWith('+'))).toHaveLength(60_000);
    expect(lines.filter((line) => line.startsWith('-'))).toHaveLength(60_000);
  });
});
