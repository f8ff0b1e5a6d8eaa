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
    ['etc/chrony/sources.d/site.sources', 'plain'],
    // A method of idmapd is a library, a callout of statd a program.
    ['etc/idmapd.conf', 'exec'],
    ['etc/nfs.conf', 'exec'],
    ['etc/nfs.conf.d/site.conf', 'exec'],
    ['etc/login.defs', 'exec'],
    ['etc/ceph/ceph.conf', 'exec'],
    ['etc/iscsi/initiatorname.iscsi', 'plain'],
    ['etc/iscsi/iscsid.conf', 'secret'],
    ['etc/kdump.conf', 'exec'],
    ['etc/collectd.d/network.conf', 'exec'],
    ['etc/collectd/collectd.conf.d/network.conf', 'exec'],
    ['etc/tuned/active_profile', 'exec'],
    ['etc/X11/xorg.conf.d/00-keyboard.conf', 'exec'],
    ['etc/coatcheck/ready.d/50-register', 'exec'],
    ['etc/coatcheck/ready.json', 'exec'],
    ['etc/coatcheck/engine.json', 'exec'],
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
    'etc/chrony/x.so',
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

  // Of Debian and Fedora: where programs run what they find, whatever its name and mode.
  const RUN = `
    acpi apcupsd apm/event.d avahi bash_completion.d ca-certificates/update.d console-setup
    coatcheck/ready.d cron.d cron.daily cron.hourly cron.monthly cron.weekly cron.yearly
    dhcp/dhclient-enter-hooks.d dhcp/dhclient-exit-hooks.d dhcp/dhclient.d grub.d init.d
    initramfs-tools/hooks initramfs-tools/scripts/init-top kdump/post.d kdump/pre.d
    kernel/install.d kernel/postinst.d kernel/postrm.d kernel/preinst.d
    letsencrypt/renewal-hooks/post libvirt/hooks logrotate.d munin/plugins needrestart/hook.d
    network/if-down.d network/if-post-down.d network/if-pre-up.d network/if-up.d
    networkd-dispatcher/routable.d NetworkManager/dispatcher.d NetworkManager/dispatcher.d/pre-up.d
    openvpn pm/sleep.d ppp ppp/ip-down.d ppp/ip-up.d profile.d qemu/fsfreeze-hook.d
    rc.d/init.d rc0.d rc3.d rcS.d resolvconf/update.d security smartmontools/run.d sv/ssh
    sysconfig/network-scripts systemd/system-environment-generators systemd/system-generators
    systemd/system-shutdown systemd/system-sleep systemd/user-environment-generators
    systemd/user-generators udev udhcpc update-motd.d X11 X11/Xsession.d xen/scripts`;
  it.each(RUN.trim().split(/\s+/))('takes nothing that runs in etc/%s for less', (folder) => {
    for (const name of ['50-hook', 'hook.sh', 'namespace.init']) {
      expect(classifyPath(`etc/${folder}/${name}`) ?? 'exec').toBe('exec');
    }
  });

  it('knows the merged files, and shows what of them is secret as secret', () => {
    expect(MERGED.map(classifyPath)).toEqual(['exec', 'secret', 'exec']);
  });
});
