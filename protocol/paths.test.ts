import { describe, expect, it } from 'vitest';
import { classifyPath, MERGED } from './paths.ts';

describe('classifyPath', () => {
  it.each([
    ['etc/hostname', 'plain'],
    ['etc/hosts', 'plain'],
    ['etc/resolv.conf', 'plain'],
    ['etc/systemd/journald.conf', 'plain'],
    ['etc/systemd/journald.conf.d/size.conf', 'plain'],
    ['etc/systemd/network/10-lan.network', 'plain'],
    ['etc/systemd/network/10-lan.network.d/more.conf', 'plain'],
    ['etc/ssh/ssh_host_ed25519_key.pub', 'plain'],
    ['etc/shadow', 'secret'],
    ['etc/ssh/ssh_host_ed25519_key', 'secret'],
    ['etc/krb5.keytab', 'secret'],
    ['etc/systemd/network/wg0.netdev', 'secret'],
    ['etc/ssl/private/host.key', 'secret'],
    ['etc/systemd/system/job.service', 'exec'],
    ['etc/systemd/system/job.service.d/more.conf', 'exec'],
    ['etc/cron.d/job', 'exec'],
    ['etc/crontab', 'exec'],
    ['etc/udev/rules.d/10-x.rules', 'exec'],
    ['etc/sudoers', 'exec'],
    ['etc/sudoers.d/ops', 'exec'],
    ['etc/ld.so.preload', 'exec'],
    ['etc/pam.d/sshd', 'exec'],
    ['etc/profile.d/x.sh', 'exec'],
    ['root/.ssh/authorized_keys', 'exec'],
    ['etc/passwd', 'exec'],
    ['etc/group', 'exec'],
    ['etc/fstab', 'exec'],
    ['etc/hosts.allow', 'exec'],
    ['etc/ssh/ssh_config', 'exec'],
    ['etc/systemd/system.conf', 'exec'],
    ['etc/apt/sources.list.d/x.list', 'exec'],
    ['etc/chrony/chrony.keys', 'secret'],
    ['etc/chrony/chrony.conf', 'plain'],
    ['etc/coatcheck/ready.d/50-register', 'exec'],
    ['etc/coatcheck/ready.json', 'plain'],
    ['etc/coatcheck/engine.json', 'plain'],
    ['etc/coatcheck/engine-credentials.json', 'secret'],
  ])('%s is %s', (path, expected) => {
    expect(classifyPath(path)).toBe(expected);
  });

  it.each([
    '',
    '/',
    '/etc/hosts',
    'etc',
    'etc/',
    'etc//hosts',
    './etc/hosts',
    'etc/./hosts',
    'etc/../etc/hosts',
    'etc/systemd/system/../../shadow',
    'etc/systemd/system/',
    'etc/systemd/system',
    'etc/cron.d/..',
    'ETC/HOSTS',
    'etc/coatcheck/key',
    'etc/coatcheck/site.json',
    'etc/coatcheck/restart.json',
    'etc/hosts\n',
    'etc/hosts\0',
    'etc/cron.d/jöb',
    'etc/cron.d/a b',
    'etc/hostsx',
    'xetc/hosts',
    'etc/ssl/certs/ca-certificates.crt',
    'etc/passwd-',
    'etc/shadow-',
    'usr/bin/env',
    'bin/sh',
    'lib/systemd/system/x.service',
    'home/user/.ssh/authorized_keys',
    'proc/sys/kernel/core_pattern',
    'boot/grub/grub.cfg',
    'etc/cron.d/.coatcheck-0123456789abcdef',
    'etc/sssd/.coatcheck-/sssd.conf',
    'x'.repeat(100_000),
  ])('refuses %j', (path) => {
    expect(classifyPath(path)).toBeUndefined();
  });

  it('knows the merged files, and shows what of them is secret as secret', () => {
    expect(MERGED.map(classifyPath)).toEqual(['exec', 'secret', 'exec']);
  });
});
