import { describe, expect, it } from 'vitest';
import { deriveIdentity, utf8, ZERO_DIGEST } from '../bundle/index.ts';
import { shortDigest } from '../bundle/file-digest.ts';
import type { FileEntry, Manifest, Metadata } from '../bundle/index.ts';
import { diffLines } from '../cli/diff-lines.ts';
import { cutToFit } from './budget.ts';
import { createDiff, diffView } from './diff-view.ts';
import { isSecretName } from './mask.ts';
import { objectionsTo } from './unseen.ts';
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
  options: { showSecrets?: boolean | string[]; stat?: boolean } = {},
): string {
  const view = diffView(before && manifest(before), manifest(after), {
    showSecrets: options.showSecrets ?? false,
    stat: options.stat === true,
  });
  return diffLines(view, style).join('\n');
}

describe('the difference as an administrator sees it', () => {
  it('shows the lines that change, in context', () => {
    expect(shown([file('etc/hosts', 'a\nb\nc\n')], [file('etc/hosts', 'a\nB\nc\n')])).toBe(
      '~ etc/hosts  6 bytes\n| @@ -1,3 +1,3 @@\n|  a\n| -b\n| +B\n|  c',
    );
  });
  it('shows a new file whole, with its mode and owner', () => {
    expect(shown(undefined, [file('etc/hosts', 'a\n', 0o600)])).toBe(
      '+ etc/hosts  mode 0600, owner root(0):root(0), 2 bytes\n| @@ -0,0 +1,1 @@\n| +a',
    );
  });
  it('shows a removed file', () => {
    expect(shown([file('etc/hosts', 'a\n')], [])).toBe(
      '- etc/hosts  2 bytes\n| @@ -1,1 +0,0 @@\n| -a',
    );
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
    expect(text).toContain('| +# <0xFF><U+0000>\n| +* * * * * root evil');
  });
  it('shows a file of as many lines as a bundle can hold', () => {
    const text = shown(undefined, [file('etc/motd', 'x\n'.repeat(500_000))]);
    expect(text.split('\n')).toHaveLength(500_002);
  });
  it('highlights what executes and what no node accepts', () => {
    expect(shown(undefined, [file('etc/cron.d/job', 'x')])).toContain('RUNS OR LETS IN');
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
      '+ setting unit:x.service  RUNS OR LETS IN',
      '| +enable',
      '~ setting hostname',
      '| -a',
      '| +b',
    ]);
  });
  it('shows what starts by a setting before any file, and the other settings behind them', () => {
    const files = [file('etc/cron.d/job', ''), file('etc/motd', '')];
    const metadata = {
      alias: ['a.service=x.service'],
      ...{ hostname: 'b', mask: ['y.service'], restart: { 'etc/motd': ['x.service'] } },
      wants: ['a.target.wants/x.service'],
    };
    const view = diffView(undefined, manifest(files, metadata), { showSecrets: false, stat: true });
    expect(diffLines(view, style).filter((line) => /^[+]/.test(line))).toEqual([
      '+ setting alias:a.service  RUNS OR LETS IN',
      '+ setting wants:a.target.wants/x.service  RUNS OR LETS IN',
      expect.stringContaining('+ etc/cron.d/job  '),
      expect.stringContaining('+ etc/motd  '),
      '+ setting hostname',
      '+ setting restart:etc/motd  may name a program',
      '+ setting unit:y.service',
    ]);
  });
  it("says of a file that goes what becomes the image's own, and whether that is another", () => {
    const [same, other, gone] = ['etc/hosts', 'etc/motd', 'etc/issue'].map((path) =>
      file(path, 'x\n'),
    ) as [FileEntry, FileEntry, FileEntry];
    const left = {
      'etc/hosts': shortDigest(same),
      'etc/motd': shortDigest({ ...other, mode: 0o600 }),
      'etc/services': '01234567',
    };
    const view = diffView(manifest([same, other, gone]), manifest([], { left }), {
      ...{ showSecrets: false, stat: false },
    });
    expect(view.files.map(({ path, becomesImages }) => [path, becomesImages])).toEqual([
      ['etc/hosts', 'same'],
      ['etc/issue', undefined],
      ['etc/motd', 'other'],
    ]);
    const lines = diffLines(view, style);
    expect(lines).toContain(
      "- etc/hosts  becomes the image's own, which is the same (as the maker claims), 2 bytes",
    );
    expect(lines).toContain('- etc/issue  2 bytes');
    expect(lines).toContain(
      "- etc/motd  becomes the image's own, which is ANOTHER (as the maker claims), 2 bytes",
    );
    // What goes is seen all the same: whoever made the bundle may be lying.
    expect(lines.filter((line) => line === '| -x')).toHaveLength(3);
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
    expect(shown(undefined, [shadow])).toContain('+root:$y$********:1::::::');
    expect(shown(undefined, [shadow])).toContain('(1 value masked; --show-secrets etc/shadow');
    expect(shown(undefined, [shadow], { showSecrets: true })).toContain('+root:$y$hash');
    expect(shown(undefined, [shadow], { showSecrets: ['etc/shadow'] })).toContain('+root:$y$hash');
    expect(shown(undefined, [shadow], { showSecrets: ['etc/x'] })).not.toContain('+root:$y$hash');
  });
  it('leave what changed beside them seen', () => {
    const path = 'etc/NetworkManager/system-connections/lan.nmconnection';
    const profile = (address: string, psk: string): FileEntry =>
      file(path, `[wifi-security]\npsk=${psk}\n[ipv4]\naddress1=${address}/24\n`, 0o600);
    const text = shown([profile('192.0.2.7', 'hunter1')], [profile('192.0.2.8', 'hunter2')]);
    expect(text).toContain('| -psk=********\n| +psk=********\n');
    expect(text).toContain('| -address1=192.0.2.7/24\n| +address1=192.0.2.8/24');
    expect(text).not.toContain('hunter');
  });
  it('are a whole file where it is nothing but a key, and withheld where nobody can tell', () => {
    const text = shown(undefined, [
      file('etc/munge/munge.key', new Uint8Array(32).fill(7)),
      file('etc/ssl/private/x', '#!/bin/sh\n'),
    ]);
    expect(text).toContain(
      '(one key and nothing else; --show-secrets etc/munge/munge.key shows it)',
    );
    expect(text).toContain('in no format that is known: --show-secrets etc/ssl/private/x shows it');
    expect(text).not.toContain('#!/bin/sh');
  });
  it('are in nothing that is not made for them: what is no secret is shown whole', () => {
    const conf = file('etc/ntp.conf', 'password = hunter2\n');
    expect(shown(undefined, [conf])).toContain('+password = hunter2');
    const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'b3BlbnNz'.repeat(8)}\n`;
    expect(shown(undefined, [file('etc/motd', key)])).toContain('| +b3BlbnNz');
  });
  it('never hide what executes', () => {
    const unit = file(
      'etc/systemd/system/x.service',
      '[Service]\nExecStart=sh -c password=1;evil\n',
    );
    expect(shown(undefined, [unit])).toContain('password=1;evil');
    const zram = 'set!token = touch /tmp/x; echo 1\n[zram0]\nzram-size = token * ram / 2\n';
    const text = shown(undefined, [file('etc/systemd/zram-generator.conf', zram)]);
    expect(text).toContain('may name a program');
    for (const line of zram.trimEnd().split('\n')) expect(text).toContain(`| +${line}`);
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
  it('say of every account whether a password is asked for, and what changed', () => {
    const before = 'root:$6$a$b:19000:0:99999:7:::\njoe:!:1::::::\nann:$y$x:20000::::::\n';
    const after =
      'root:$6$a$c:19000:0:99999:7:::\njoe:$y$z:2::::::\nann:!$y$x:20000:::::21000:\nbackup::19000:0:99999:7:::\n';
    const text = shown([file('etc/shadow', before)], [file('etc/shadow', after)]);
    expect(text).toContain('  account root: password ($6$), set 2022-01-08, changed\n');
    expect(text).toContain(
      '  account joe: no password, set 1970-01-02 -> password ($y$), set 1970-01-03\n',
    );
    expect(text).toContain('-> locked ($y$), set 2024-10-04, ends 2027-07-01\n');
    expect(text).toContain('  account backup: EMPTY PASSWORD, set 2022-01-08\n');
    expect(shown(undefined, [file('etc/passwd', 'eve::0:0::/:/bin/sh\n')])).toContain(
      '  account eve: EMPTY PASSWORD\n',
    );
  });
  it.each([
    ['of the NT scheme', '$3$$8846f7eaee8fb117ad06bdd830b7586c'],
    ['of SunMD5', '$md5,rounds=904$salt$$hash'],
    ['of BSDi', '_J9..CCCCXBrJUJV154M'],
    ['whose salt has other letters', '$6$a@b$hashhashhash'],
    ['of DES, of a longer password', 'abcdefghijklmnopqrstuvwx'],
  ])('call a hash a password that no parser takes: one %s', (_, field) => {
    const text = shown(undefined, [file('etc/shadow', `root:${field}:1::::::\n`)]);
    expect(text).toContain('  account root: password, set 1970-01-02\n');
    expect(text).toContain(`| +root:${field}:1::::::`);
    for (const none of ['*', '!', '!!', 'x', '*LK*', `!${field}`]) {
      const other = shown(undefined, [file('etc/shadow', `root:${none}:1::::::\n`)]);
      expect(other).not.toContain('account root: password');
    }
  });
  it('say so too where no contents are wanted', () => {
    const eve = file('etc/shadow', 'eve::1::::::\n', 0o640);
    const text = shown(undefined, [eve], { stat: true });
    expect(text.split('\n')).toEqual([
      expect.stringContaining('+ etc/shadow  RUNS OR LETS IN, secret, '),
      '  account eve: EMPTY PASSWORD, set 1970-01-02',
    ]);
  });
  it('tell of two lines for one account the one that lets somebody in, or that the C library takes', () => {
    const twice = (...fields: string[]): string =>
      shown(undefined, [
        file('etc/shadow', fields.map((field) => `root:${field}:1::::::\n`).join('')),
      ]);
    for (const fields of [
      ['', '$6$a$b'],
      ['$6$a$b', ''],
      ['*', '', '!'],
    ]) {
      expect(twice(...fields)).toContain('  account root: EMPTY PASSWORD');
    }
    expect(twice('$6$a$b', '*')).toContain('  account root: password ($6$)');
  });
  it('never hide which units run', () => {
    const metadata: Metadata = {
      enable: ['evil.service', 'token:x.service'],
      restart: { 'etc/default/password': ['evil.service'] },
      answers: { password: 'hunter2' },
    };
    const view = diffView(undefined, manifest([], metadata), { showSecrets: false, stat: false });
    const text = diffLines(view, style).join('\n');
    expect(text).toContain('+ setting unit:evil.service  RUNS OR LETS IN\n| +enable');
    expect(text).toContain('+ setting unit:token:x.service  RUNS OR LETS IN\n| +enable');
    expect(text).toContain(
      '+ setting restart:etc/default/password  may name a program\n| +evil.service',
    );
    expect(text).not.toContain('hunter2');
  });
  it.each([
    ['answer:rootpw', true],
    ['answer:token', true],
    ['answer:engine_password', true],
    ['answer:ssh_pwauth', false],
    ['answer:keyboard', false],
    ['answer:coatcheck.key', false],
  ])('%s', (name, expected) => expect(isSecretName(name)).toBe(expected));
});

describe('what a node wrote', () => {
  it('is no line of ours: a header, a hint, a count', () => {
    const forged = [
      ' etc/motd  mode 0644, owner root(0):root(0), 187 bytes',
      '(1 value masked; --show-secrets etc/motd shows them)',
      '1 file added',
      '| +nothing',
    ];
    const content = `# jobs\n${forged.join('\n')}\n* * * * * root evil\n`;
    const [head, ...lines] = shown(undefined, [file('etc/cron.d/backup', content)]).split('\n');
    expect(head).toBe(
      '+ etc/cron.d/backup  RUNS OR LETS IN, mode 0644, owner root(0):root(0), 159 bytes',
    );
    expect(lines.filter((line) => !line.startsWith('| '))).toEqual([]);
  });
  it('comes after what runs by its place', () => {
    const text = shown(undefined, [
      file('etc/adjtime', ''),
      file('etc/default/x', ''),
      file('etc/hosts', ''),
      file('etc/udev/rules.d/x.rules', ''),
    ]);
    expect(text.match(/etc\/[\w/.]+/g)).toEqual([
      ...['etc/udev/rules.d/x.rules', 'etc/default/x', 'etc/adjtime', 'etc/hosts'],
    ]);
  });
});

describe('cutToFit', () => {
  const view = (files: FileEntry[]) =>
    diffView(undefined, manifest(files), { showSecrets: false, stat: false });

  it('leaves a review that fits as it is', () => {
    const small = view([file('etc/motd', 'x\n'.repeat(9))]);
    expect(cutToFit(small, 10)).toEqual(small);
  });
  it('cuts what comes last, and counts what is left out', () => {
    const files = [file('etc/motd', 'x\n'.repeat(100)), file('etc/cron.d/x', 'y\n'.repeat(50))];
    const [cron, motd] = cutToFit(view(files), 60).files;
    expect([cron!.lines!.length, cron!.linesCut]).toEqual([51, undefined]);
    expect([motd!.lines!.length, motd!.linesCut]).toEqual([9, 92]);
  });
  it('counts settings and accounts too: no bundle makes a review longer than its budget', () => {
    const wants = Array.from({ length: 900 }, (_, i) => `a.target.wants/x${i}.service`);
    const users = Array.from({ length: 900 }, (_, i) => `u${i}:!:1::::::\n`).join('');
    const files = [file('etc/shadow', `${users}open::1::::::\n`), file('etc/motd', 'x\n')];
    const whole = diffView(undefined, manifest(files, { wants, hostname: 'a' }), {
      ...{ showSecrets: false, stat: false },
    });
    const cut = cutToFit(whole, 800);
    expect([cut.metadata.length, cut.settingsCut]).toEqual([800, 101]);
    expect(objectionsTo(cut, {})).toEqual([{ code: 'cut', paths: ['etc/shadow'], settings: 101 }]);
    const [shadow] = cutToFit(whole, 901 + 10).files;
    expect([shadow!.accounts!.length, shadow!.accountsCut]).toEqual([10, 891]);
    expect(shadow!.accounts![0]!.name).toBe('open');
    expect(diffLines(cut, style).at(-1)).toBe('(101 more settings not shown; --full shows them)');
    expect(diffLines(cut, style)).toContain('  (901 more accounts not shown; --full shows them)');
  });
  it('objects to what executes where only names were wanted, and to nothing else', () => {
    const before = manifest([file('etc/cron.d/mode', 'x'), file('etc/cron.d/gone', 'x')]);
    const after = manifest([
      ...[file('etc/cron.d/mode', 'x', 0o600), file('etc/cron.d/job', 'x')],
      ...[file('etc/default/x', 'x'), file('etc/motd', 'x')],
    ]);
    const view = diffView(before, after, { showSecrets: false, stat: true });
    expect(objectionsTo(view, {})).toEqual([
      { code: 'cut', paths: ['etc/cron.d/job', 'etc/default/x'], settings: 0 },
    ]);
  });
  it('counts a long line for many', () => {
    const [motd] = cutToFit(view([file('etc/motd', 'token'.repeat(190_000))]), 4_000).files;
    expect([motd!.lines!.length, motd!.linesCut]).toEqual([1, 2]);
  });
});

describe('createDiff', () => {
  it(
    'is bounded in its steps for all files together, and shows the rest as replaced',
    { tags: 'long' },
    () => {
      const diff = createDiff();
      const random = (seed: number): string => {
        let state = seed;
        const next = (): string => ((state = (state * 48_271) % 2_147_483_647) & 1 ? 'a\n' : 'b\n');
        return Array.from({ length: 19_000 }, next).join('');
      };
      for (let i = 1; i <= 26; i++) {
        const lines = diff(random(i), random(i + 100));
        expect(lines.filter((line) => line.startsWith('-'))).toHaveLength(19_000);
      }
    },
  );

  it('is quick about two long texts that have nothing in common', () => {
    const text = (seed: number): string =>
      Array.from({ length: 60_000 }, (_, i) => `${seed} ${i * seed}`).join('\n');
    const lines = createDiff()(text(3), text(7));
    expect(lines.filter((line) => line.startsWith('+'))).toHaveLength(60_000);
    expect(lines.filter((line) => line.startsWith('-'))).toHaveLength(60_000);
  });
});
