import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withTemporaryFolder } from '../tests/support/temporary-folder.ts';
import { argumentsOf, grub, sealedArguments } from './boot-files.ts';
import { readOptions } from './options.ts';

const NOW = Date.UTC(2026, 10, 29) / 1000;

const failing = (code: string, says: string): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(says) as string });

describe('the command line of npm run image', () => {
  let folder: string;
  let given: string[];
  withTemporaryFolder('image', (made) => {
    folder = made;
    for (const name of ['site.json', 'agent.mjs']) writeFileSync(join(folder, name), '');
    given = ['--site', join(folder, 'site.json'), '--agent', join(folder, 'agent.mjs')];
  });

  it('gives an image the date of its build, or that of the environment, and a version by it', () => {
    expect(readOptions(given, {}, NOW)).toMatchObject({ date: NOW, version: '20261129' });
    const env = { SOURCE_DATE_EPOCH: '86400' };
    expect(readOptions(given, env, NOW)).toMatchObject({ date: 86_400, version: '19700102' });
    const named = readOptions([...given, '--version', '7.1-rc_2'], env, NOW);
    expect(named).toMatchObject({ date: 86_400, version: '7.1-rc_2' });
  });

  it('has machines get their key from the TPM, or from the key that is put in', () => {
    expect(readOptions(given, {}, NOW)!.append).toBe(
      'ip=dhcp coatcheck.key=tpm coatcheck.memory=tpm',
    );
    const keyed = [...given, '--image-key', join(folder, 'site.json')];
    expect(readOptions(keyed, {}, NOW)!.append).toBe('ip=dhcp coatcheck.key=image');
    expect(readOptions([...keyed, '--append', 'ip=dhcp'], {}, NOW)!.append).toBe('ip=dhcp');
  });

  it.each<[why: string, args: string[], env?: Record<string, string>]>([
    ['--nonsense', ['--nonsense']],
    ['--drivers', ['--drivers', 'none']],
    ['--flavour is systemd or busybox', ['--flavour', 'alpine']],
    ['--package is for --flavour systemd', ['--flavour', 'busybox', '--package', 'dropbear']],
    ['--package', ['--package', 'nodejs; reboot']],
    ['--kernel', ['--kernel', '-o=x']],
    ['--version', ['--version', 'a b']],
    ['--append', ['--append', 'a\nb']],
    ['--append', ['--append', '"a']],
    ['--mirror', ['--mirror', 'file:///srv']],
    ['--no-iso: with --uki', ['--uki', '--no-iso']],
    [
      'takes no credentials from outside',
      ['--uki', '--append', 'ip=dhcp coatcheck.key=credential'],
    ],
    ['takes no credentials', ['--uki', '--append', 'systemd.import_credentials=yes']],
    ['--stub is for --uki', ['--stub', '/dev/null']],
    ['takes 2047 characters', ['--uki', '--append', 'x'.repeat(2000)]],
    ['SOURCE_DATE_EPOCH', [], { SOURCE_DATE_EPOCH: 'yesterday' }],
  ])('refuses a value that no image can have: %s', (why, args, env = {}) => {
    expect(() => readOptions([...given, ...args], env, NOW)).toThrow(failing('usage', why));
  });

  it('takes for an image in one file what another takes, and makes no ISO of it', () => {
    expect(readOptions([...given, '--uki'], {}, NOW)).toMatchObject({ uki: true, iso: false });
    expect(readOptions(given, {}, NOW)).toMatchObject({ uki: false, iso: true });
    const keyed = ['--append', 'ip=dhcp coatcheck.key=usb'];
    expect(readOptions([...given, '--uki', ...keyed], {}, NOW)!.append).toBe(keyed[1]);
  });

  it('takes a stub of systemd for an image in one file, and no other program', () => {
    const stub = join(folder, 'stub');
    writeFileSync(stub, 'MZ #### LoaderInfo: systemd-stub 252.39-1 ####');
    const keyed = [...given, '--uki', '--stub', stub];
    expect(readOptions(keyed, {}, NOW)!.stub).toBe(stub);
    writeFileSync(stub, 'MZ #### LoaderInfo: systemd-boot 252.39-1 ####');
    const why = failing('file_malformed', `--stub: ${stub} is no stub of systemd`);
    expect(() => readOptions(keyed, {}, NOW)).toThrow(why);
  });

  it('says what is wrong in one line, as it is printed', () => {
    const wrong = (): unknown => readOptions([...given, '--nonsense'], {}, NOW);
    expect(wrong).toThrow(/^[^\n]*--nonsense[^\n]*npm run image -- --help[^\n]*$/);
  });

  it('names the file that is missing, and how to come by it', () => {
    expect(() => readOptions(['--site', join(folder, 'none')], {}, NOW)).toThrow(
      failing(
        'file_missing',
        `there is no file ${join(folder, 'none')}: make a site with coatcheck init`,
      ),
    );
    mkdirSync(join(folder, 'files'));
    const files = [...given, '--files', join(folder, 'files')];
    expect(readOptions(files, {}, NOW)!.files).toBe(join(folder, 'files'));
    expect(() => readOptions([...given, '--files', join(folder, 'x')], {}, NOW)).toThrow(
      failing('file_missing', 'there is no folder'),
    );
  });

  it('wants a hook that can be run', () => {
    const hook = join(folder, 'hook');
    writeFileSync(hook, '#!/bin/sh\n', { mode: 0o644 });
    expect(() => readOptions([...given, '--hook', hook], {}, NOW)).toThrow(
      failing('usage', `chmod +x ${hook}`),
    );
    chmodSync(hook, 0o755);
    expect(readOptions([...given, '--hook', hook], {}, NOW)!.hook).toBe(hook);
  });
});

describe('the arguments of the kernel', () => {
  it('say that the machine has no disk, and open both consoles', () => {
    expect(argumentsOf('ip=dhcp coatcheck.key=tpm')).toBe(
      'stateless panic=30 ip=dhcp coatcheck.key=tpm systemd.machine_id=firmware console=tty0 console=ttyS0,115200',
    );
    expect(argumentsOf('')).toMatch(/^stateless panic=30 systemd/);
  });

  it('have no credentials taken that nobody signed, where they are signed', () => {
    expect(sealedArguments('ip=dhcp')).toBe(
      `${argumentsOf('ip=dhcp')} systemd.import_credentials=no`,
    );
  });

  it('start a machine again whose kernel panics, unless they say otherwise: of several the last one counts', () => {
    expect(argumentsOf('panic=0').match(/panic=\d+/g)).toEqual(['panic=30', 'panic=0']);
  });

  it('are those of GRUB too, whose script has variables, operators and comments', () => {
    const menu = grub('rootpw=$6$salt$hash hostname=a;b #c');
    expect(menu).toContain(" 'rootpw=$6$salt$hash' 'hostname=a;b' '#c' ");
  });
});
