// @module-tag long
import * as fs from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { toHex, utf8, Writer } from '../../bundle/bytes.ts';
import { encodeFrame } from '../../bundle/frame.ts';
import { bundleDigest } from '../../bundle/header.ts';
import type { FileEntry } from '../../bundle/manifest.ts';
import { sealBytes } from '../../bundle/seal.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { makeSite, makeStatement, NOTHING, sign } from '../support/site.ts';

const ours = makeSite();

// node-tar remembered folders by name, and two names were one: a link took the place of a folder
// that it thought it had made. Here an administrator was talked into approving such a thing.
describe('node-tar CVE-2021-37712: no path of a bundle, and no link in the root, leads out', () => {
  let machine: Machine;
  let outside: string;
  beforeEach(() => {
    machine = makeMachine(ours.site);
    outside = fs.mkdtempSync(join(tmpdir(), 'coatcheck-outside-'));
    fs.writeFileSync(join(outside, 'canary'), 'alive');
  });
  afterEach(() => {
    machine.remove();
    fs.rmSync(outside, { recursive: true });
  });

  async function apply(frame: Uint8Array): Promise<string> {
    const copy = `${outside}-copy`;
    fs.writeFileSync(copy, frame);
    const { code, stderr } = await machine.run('apply', copy);
    fs.rmSync(copy);
    // Nothing was written, replaced or made there, nor beside the root.
    expect(fs.readdirSync(outside)).toEqual(['canary']);
    expect(fs.readFileSync(join(outside, 'canary'), 'utf8')).toBe('alive');
    return code === 0 ? 'applied' : (/\[(\w+)\]\n$/.exec(stderr)?.[1] ?? stderr);
  }
  const files = (...entries: FileEntry[]): Uint8Array =>
    approvedFrame(ours, machine.identity, entries);

  /** An approved bundle of these paths, in this order, which our own encoder would refuse. */
  function rawFrame(paths: readonly (string | Uint8Array)[]): Uint8Array {
    const { identity } = machine;
    const { keyset } = ours.site.pinned;
    const writer = new Writer().bytes(identity.signKey).bytes(identity.boxKey);
    writer.bytes(new Uint8Array(32)).bytes(utf8('\n'));
    for (const path of paths)
      writer.bytes(typeof path === 'string' ? utf8(path) : path).bytes(utf8('\n'));
    writer.bytes(utf8(`\n${'644 root 0 root 0\n'.repeat(paths.length)}\n`));
    writer.bytes(utf8(`${'5\n'.repeat(paths.length)}\n${'evil\n'.repeat(paths.length)}`));
    const bundle = sealBytes({
      ...{ plain: writer.finish(), signer: identity, kind: 'node' },
      recipients: [identity.boxKey, ...keyset.keys.map(({ boxKey }) => boxKey)],
    });
    const digest = bundleDigest(bundle);
    const statement = makeStatement(keyset, identity.id, 'approve', NOTHING, { digest });
    return encodeFrame({
      ...{ chain: [ours.site.pinned], statement: sign(statement, keyset, ours.admins[0]!), bundle },
    });
  }

  const OUT = '../outside/canary';
  it.each<[string, readonly (string | Uint8Array)[], string]>([
    ['a good one, made the same way', ['etc/hostname'], 'applied'],
    ['up', [OUT], 'bad_path'],
    ['up in the middle', [`etc/sssd/../../${OUT}`], 'bad_path'],
    ['absolute', ['/etc/motd'], 'bad_path'],
    ['a dot', ['etc/./motd'], 'bad_path'],
    ['nothing between two slashes', ['etc//motd'], 'bad_path'],
    ['a slash at the end', ['etc/sssd/'], 'bad_path'],
    ['NUL', ['etc/motd\0.conf'], 'bad_path'],
    ['composed and decomposed', ['etc/sssd/caf\u00e9/x', 'etc/sssd/cafe\u0301/x'], 'bad_path'],
    ['a ligature and its letters', ['etc/sssd/\ufb03x/y'], 'bad_path'],
    ['wide dots', ['etc/sssd/\uff0e\uff0e/x'], 'bad_path'],
    ['a one-dot leader, twice', ['etc/sssd/\u2024\u2024/x'], 'bad_path'],
    ['a division slash', ['etc/sssd/..\u2215..\u2215x'], 'bad_path'],
    ['nothing to see', ['etc/sssd/a\u200bb'], 'bad_path'],
    ['turned around', ['etc/sssd/\u202efnoc'], 'bad_path'],
    [
      'a slash of two bytes',
      [Buffer.from('etc/sssd/..\xc0\xaf..\xc0\xafx', 'latin1')],
      'bad_encoding',
    ],
    ['backslashes', ['etc\\sssd\\..\\..\\x'], 'path_refused'],
    ['a folder in capitals', ['etc/SSSD/x', 'etc/sssd/x'], 'path_refused'],
    ['a drive', ['C:/etc/motd'], 'path_refused'],
    ['a file where the next needs a folder', ['etc/sssd/a', 'etc/sssd/a/b'], 'bad_path'],
    ['the same twice', ['etc/motd', 'etc/motd'], 'duplicate'],
    ['out of order', ['etc/motd', 'etc/hostname'], 'unsorted'],
    ['what is not on the list', ['etc/ld.so.cache'], 'path_refused'],
    ["the agent's own key", ['etc/coatcheck/key'], 'path_refused'],
    ["the agent's own records", ['var/lib/coatcheck/applied.json'], 'path_refused'],
  ])('%s', async (_, paths, verdict) => {
    const before = machine.tree();
    expect(await apply(rawFrame(paths))).toBe(verdict);
    if (verdict !== 'applied') expect(machine.tree()).toEqual(before);
  });

  it('a name under which the agent stages another file of the bundle', async () => {
    const staged = `.coatcheck-${toHex(sha256(utf8('etc/sssd/sssd.conf')).subarray(0, 8))}`;
    const both = files(
      fileEntry('etc/sssd/sssd.conf', 'approved\n', 0o600),
      fileEntry(`etc/sssd/${staged}`, 'and something else\n', 0o644),
    );
    expect(await apply(both)).toBe('path_refused');
    expect(machine.tree()).toEqual({});
  });

  const SSHD = 'etc/ssh/sshd_config.d/50-lab.conf';
  it.each([
    ['etc', '', 'path_refused'],
    ['etc/ssh', '', 'path_refused'],
    ['etc/ssh/sshd_config.d', '', 'path_refused'],
    ['etc/ssh/sshd_config.d', 'relative', 'path_refused'],
    ['etc/ssh/sshd_config.d', 'dangling', 'path_refused'],
    ['etc/ssh/sshd_config.d', 'loop', 'path_refused'],
    [SSHD, 'canary', 'applied'],
    [SSHD, 'hard', 'applied'],
    [SSHD, 'folder', 'path_refused'],
    ['var', '', 'path_refused'],
    ['var/lib', '', 'path_refused'],
    ['var/lib/coatcheck', '', 'path_refused'],
    ['var/lib/coatcheck/memory.json', 'canary', 'path_refused'],
    ['var/lib/coatcheck/.memory.json.new', 'canary', 'applied'],
    ['var/lib/coatcheck/kept', '', 'path_refused'],
    [
      `etc/ssh/sshd_config.d/.coatcheck-${toHex(sha256(utf8(SSHD)).subarray(0, 8))}`,
      'canary',
      'applied',
    ],
  ])('a link planted at %s (%s)', async (at, kind, verdict) => {
    const path = machine.path(at);
    const own = machine.path('etc/coatcheck');
    const kept = at === 'etc' ? machine.path('coatcheck') : own;
    if (at === 'etc') fs.renameSync(own, kept);
    fs.rmSync(path, { recursive: true, force: true });
    fs.mkdirSync(dirname(path), { recursive: true });
    const target = join(outside, 'canary');
    if (kind === 'hard') fs.linkSync(target, path);
    else if (kind === 'folder') fs.mkdirSync(path);
    else {
      const targets: Record<string, string> = {
        canary: target,
        relative: `${'../'.repeat(12)}${outside.slice(1)}`,
        dangling: join(outside, 'new'),
        loop: path,
      };
      fs.symlinkSync(targets[kind] ?? outside, path);
    }
    const places = [`--key=${join(kept, 'key')}`, `--site=${join(kept, 'site.json')}`];
    const copy = machine.path('copy');
    fs.writeFileSync(
      copy,
      files(fileEntry(SSHD, 'PermitRootLogin no\n'), fileEntry('etc/motd', 'x\n')),
    );
    const { code, stderr } = await machine.run(...places, 'apply', copy);
    expect(code === 0 ? 'applied' : /\[(\w+)\]\n$/.exec(stderr)?.[1]).toBe(verdict);
    expect(fs.readdirSync(outside)).toEqual(['canary']);
    expect(fs.readFileSync(target, 'utf8')).toBe('alive');
    if (verdict === 'applied') {
      expect(fs.lstatSync(machine.path(SSHD)).isFile()).toBe(true);
      expect(machine.read(SSHD)).toBe('PermitRootLogin no\n');
    } else expect(fs.existsSync(machine.path('etc/motd'))).toBe(false);
  });

  it('a folder of the last apply that has become a link', async () => {
    expect(await apply(files(fileEntry('etc/sssd/conf.d/a.conf', '1\n')))).toBe('applied');
    fs.rmSync(machine.path('etc/sssd/conf.d'), { recursive: true });
    fs.symlinkSync(outside, machine.path('etc/sssd/conf.d'));
    const next = [
      fileEntry('etc/sssd/conf.d/a.conf', '2\n'),
      fileEntry('etc/sssd/conf.d/b.conf', '2\n'),
    ];
    expect(await apply(approvedFrame(ours, machine.identity, next, 2))).toBe('path_refused');
    // Not even to take away what the next bundle does not have.
    fs.writeFileSync(join(outside, 'a.conf'), 'not ours');
    const copy = machine.path('copy');
    fs.writeFileSync(copy, approvedFrame(ours, machine.identity, [fileEntry('etc/motd', 'x')], 3));
    await machine.run('apply', copy);
    expect(fs.readFileSync(join(outside, 'a.conf'), 'utf8')).toBe('not ours');
    fs.rmSync(join(outside, 'a.conf'));
  });

  it('a folder that becomes a link again and again while the agent works', async () => {
    machine.write('etc/sssd/conf.d/own', 'x');
    // What fails, fails: the agent may have made the folder anew meanwhile.
    const swap = `
      const fs = require('node:fs');
      const [folder, outside] = process.argv.slice(1);
      const steps = [
        () => fs.renameSync(folder, folder + '-away'),
        () => fs.symlinkSync(outside, folder),
        () => fs.unlinkSync(folder),
        () => fs.renameSync(folder + '-away', folder),
        () => fs.rmSync(folder + '-away', { recursive: true }),
      ];
      for (let i = 0; ; i++) try { steps[i % 5](); } catch {}`;
    const args = ['-e', swap, machine.path('etc/sssd/conf.d'), outside];
    const swapper = spawn(process.execPath, args, { stdio: 'ignore' });
    const ended = once(swapper, 'exit');
    const many = Array.from({ length: 40 }, (_, i) => i);
    const entries = many.map((i) => fileEntry(`etc/sssd/conf.d/${i}.conf`, `${i}\n`));
    for (const seq of [1, 2, 3, 4]) {
      const verdict = await apply(approvedFrame(ours, machine.identity, entries, seq));
      expect(verdict).toMatch(/^(applied|path_refused|file_\w+)$/);
    }
    swapper.kill('SIGKILL');
    await ended;
  });
});
