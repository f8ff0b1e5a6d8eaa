import { describe, expect, it } from 'vitest';
import { ACCOUNT_FILES } from './accounts.ts';
import { isPlace, traitsOf } from './paths.ts';

describe('traitsOf', () => {
  it.each([
    ...['etc/systemd/system/job.service', 'etc/systemd/system/job.service.d/more.conf'],
    ...['etc/cron.d/job', 'etc/crontab', 'etc/udev/rules.d/10-x.rules', 'etc/sudoers'],
    ...['etc/sudoers.d/ops', 'etc/ld.so.preload', 'etc/pam.d/sshd', 'etc/profile.d/x.sh'],
    ...['root/.ssh/authorized_keys', 'etc/passwd', 'etc/group', 'etc/shadow', 'etc/hosts.allow'],
    ...['etc/coatcheck/ready.d/50-register', 'etc/network/if-up.d/x', 'etc/ssh/sshd_config'],
    // A range with root in it makes an account root.
    ...['etc/subuid', 'etc/subgid', 'etc/modprobe.d/x.conf', 'etc/security/pam_env.conf'],
  ])('%s runs or lets somebody in by its place', (path) => {
    expect(traitsOf(path)?.executes).toBe('by place');
  });

  it.each([
    ...[
      'etc/fstab',
      'etc/ssh/ssh_config',
      'etc/systemd/system.conf',
      'etc/apt/sources.list.d/x.list',
    ],
    // A method of idmapd is a library, a callout of statd a program.
    ...['etc/idmapd.conf', 'etc/nfs.conf', 'etc/nfs.conf.d/site.conf', 'etc/login.defs'],
    ...[
      'etc/ceph/ceph.conf',
      'etc/iscsi/iscsid.conf',
      'etc/kdump.conf',
      'etc/tuned/active_profile',
    ],
    ...['etc/collectd.d/network.conf', 'etc/collectd/collectd.conf.d/network.conf'],
    ...['etc/X11/xorg.conf.d/00-keyboard.conf', 'etc/coatcheck/ready.json', 'etc/default/x'],
    ...['etc/coatcheck/engine.json', 'etc/coatcheck/engine-credentials.json'],
    // Its `set!name = command` runs at every daemon-reload.
    'etc/systemd/zram-generator.conf',
    ...['etc/systemd/journald.conf', 'etc/systemd/journald.conf.d/size.conf'],
    ...['etc/systemd/network/10-lan.network', 'etc/systemd/network/10-lan.network.d/more.conf'],
    // A shell reads them with `.`.
    ...[
      'etc/locale.conf',
      'etc/vconsole.conf',
      'etc/machine-info',
      'etc/iscsi/initiatorname.iscsi',
    ],
    ...['etc/wireguard/wg0.conf', 'etc/sssd/sssd.conf', 'etc/chrony/chrony.conf'],
    ...['etc/NetworkManager/system-connections/vpn.nmconnection', 'etc/nftables.conf'],
  ])('%s may name a program', (path) => {
    expect(traitsOf(path)?.executes).toBe('may name');
  });

  it.each(['etc/hostname', 'etc/hosts', 'etc/resolv.conf', 'etc/motd', 'etc/timezone'])(
    '%s is data',
    (path) => expect(traitsOf(path)).toEqual({ executes: 'no', secret: false }),
  );

  it('takes no pattern for data: nobody knows every reader of one', () => {
    for (const name of ['etc/issue.d/x', 'etc/hosts.d/x', 'etc/ssh/ssh_known_hosts2']) {
      expect(traitsOf(name)?.executes).not.toBe('no');
    }
  });

  it.each([
    ...['etc/shadow', 'etc/ssh/ssh_host_ed25519_key', 'etc/krb5.keytab', 'etc/chrony/chrony.keys'],
    ...['etc/systemd/network/wg0.netdev', 'etc/ssl/private/host.key', 'etc/iscsi/iscsid.conf'],
    ...['etc/coatcheck/engine-credentials.json', 'etc/wireguard/wg0.conf', 'etc/sssd/sssd.conf'],
  ])('%s is secret', (path) => expect(traitsOf(path)?.secret).toBe(true));

  it.each(['etc/passwd', 'etc/hosts', 'etc/systemd/network/lan.network', 'etc/ceph/ceph.conf'])(
    '%s is not secret',
    (path) => expect(traitsOf(path)?.secret).toBe(false),
  );

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
    expect(traitsOf(path)).toBeUndefined();
  });

  it('takes a path whose name has spaces and letters', () => {
    const folder = 'etc/NetworkManager/system-connections';
    for (const name of ['Wired connection 1', 'Büro', '有線接続 1']) {
      expect(traitsOf(`${folder}/${name}.nmconnection`)).toEqual({
        ...{ executes: 'may name', secret: true },
      });
    }
    for (const name of [' a', 'a ', 'cafe\u0301', 'a\u200bb', 'a\u00a0b', 'a\u2215b', 'a\udcffb']) {
      expect(traitsOf(`${folder}/${name}`)).toBeUndefined();
      expect(isPlace(`${folder}/${name}`)).toBe(true);
    }
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
      expect(traitsOf(`etc/${folder}/${name}`)?.executes ?? 'by place').toBe('by place');
    }
  });

  it('knows the merged files', () => {
    expect(Object.keys(ACCOUNT_FILES).map((path) => traitsOf(path)?.executes)).toEqual(
      Array(4).fill('by place'),
    );
  });
});
