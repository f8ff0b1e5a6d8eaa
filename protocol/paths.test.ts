import { describe, expect, it } from 'vitest';
import { ACCOUNT_FILES } from './accounts.ts';
import { BUILT_IN_PATHS, faultOfSitePath, pathList, pathListOf } from './paths.ts';

const { isPlace, traitsOf } = BUILT_IN_PATHS;

describe('traitsOf', () => {
  it.each([
    ...['etc/systemd/system/job.service', 'etc/systemd/system/job.service.d/more.conf'],
    ...['etc/cron.d/job', 'etc/crontab', 'etc/udev/rules.d/10-x.rules', 'etc/sudoers'],
    ...['etc/sudoers.d/ops', 'etc/ld.so.preload', 'etc/pam.d/sshd', 'etc/profile.d/x.sh'],
    ...['root/.ssh/authorized_keys', 'etc/passwd', 'etc/group', 'etc/shadow', 'etc/hosts.allow'],
    ...['etc/coatcheck/ready.d/50-register', 'etc/network/if-up.d/x', 'etc/ssh/sshd_config'],
    // A range with root in it makes an account root.
    ...['etc/subuid', 'etc/subgid', 'etc/modprobe.d/x.conf', 'etc/security/pam_env.conf'],
    // A job by another name: scripts of logrotate, files that tmpfiles makes, maps that are run.
    ...['etc/logrotate.conf', 'etc/tmpfiles.d/x.conf', 'etc/auto.misc', 'etc/auto.master'],
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

  it.each(RUN.trim().split(/\s+/))('nor where a site opens etc/%s', (folder) => {
    const { traitsOf: traitsThere } = pathList([{ pattern: 'etc/**' }]);
    for (const name of ['50-hook', 'hook.sh', 'namespace.init']) {
      expect(traitsThere(`etc/${folder}/${name}`)?.executes).toBe('by place');
    }
  });

  // Of what reads a file by its name: shells, logins, and programs that somebody starts every day.
  it.each([
    ...[
      'bashrc',
      'zshrc',
      'zsh/zshenv',
      'zsh/zlogin',
      'csh.login',
      'csh.cshrc',
      'bash.bash_logout',
    ],
    ...[
      'ssh/sshrc',
      'vim/vimrc',
      'screenrc',
      'inputrc',
      'wgetrc',
      'npmrc',
      'gdb/gdbinit',
      'fish/config.fish',
    ],
    ...['emacs/site-start.el', 'hosts.equiv', 'ssh/shosts.equiv', 'doas.conf', 'sudoers.d/x'],
    ...[
      'apt/apt.conf',
      'apt/apt.conf.d/50x',
      'needrestart/needrestart.conf',
      'needrestart/conf.d/x.conf',
    ],
    ...['dpkg/dpkg.cfg.d/x', 'alternatives/editor', 'periodic/daily/x', 'runit/1', 'service/x/run'],
    ...['systemd/system-preset/50-x.preset', 'systemd/user-preset/x.preset', 'xinetd.d/x'],
    ...['x/module.ko', 'x/module.ko.xz', 'x/lib.so.1', 'rc.local', 'inittab', 'dhcpcd.enter-hook'],
    ...['zabbix/zabbix_agentd.d/x.conf', 'xdg/autostart/x.desktop', 'security/namespace.init'],
  ])('knows that etc/%s runs or lets somebody in, where a site opens it', (path) => {
    const { traitsOf: traitsThere } = pathList([{ pattern: 'etc/**' }]);
    expect(traitsThere(`etc/${path}`)?.executes).toBe('by place');
  });

  it('knows the merged files', () => {
    expect(Object.keys(ACCOUNT_FILES).map((path) => traitsOf(path)?.executes)).toEqual(
      Array(4).fill('by place'),
    );
  });
});

describe("a site's own paths", () => {
  const own = [
    { pattern: 'etc/vdsm/**' },
    { pattern: 'etc/pki/vdsm/keys/*', secret: true },
    { pattern: 'etc/**' },
    { pattern: 'home/*/**' },
    { pattern: 'var/lib/**' },
    { pattern: 'var/spool/**' },
  ];
  const list = pathList(own);

  it.each([
    ['etc/vdsm/vdsm.conf', 'may name', false],
    ['etc/pki/vdsm/keys/vdsmkey.pem', 'may name', true],
    ['home/ada/notes', 'may name', false],
    // Wherever they are.
    ['home/ada/.bashrc', 'by place', false],
    ['home/ada/.ssh/authorized_keys', 'by place', false],
    ['home/ada/.config/systemd/user/x.service', 'by place', false],
    ['home/ada/bin/x', 'by place', false],
    ['var/lib/x/hooks/y', 'by place', false],
    ['var/lib/x/y.so', 'by place', false],
    ['var/spool/cron/root', 'by place', false],
    ['etc/libvirt/hooks/qemu', 'by place', false],
    ['etc/vdsm/y.conf.d/x.conf', 'may name', false],
    ['etc/vdsm/environment.conf', 'may name', false],
    ['etc/vdsm/rules.json', 'may name', false],
    ['etc/vdsm/soap.conf', 'may name', false],
    ['etc/x/event.d/y', 'by place', false],
    // Built-in classes win.
    ['etc/shadow', 'by place', true],
    ['etc/hostname', 'no', false],
    ['etc/sudoers.d/x', 'by place', false],
  ])('%s: %s, secret %s', (path, executes, secret) => {
    expect(list.traitsOf(path)).toEqual({ executes, secret });
  });

  it.each([
    ...['etc/coatcheck/key', 'etc/coatcheck/site.json', 'etc/coatcheck/image-key'],
    ...['etc/localtime', 'etc/systemd/system/a.target.wants/b.service'],
    ...['var/lib/coatcheck/memory.json', 'var/lib/coatcheck/kept/x', 'etc/machine-id'],
    ...['etc/credstore/coatcheck.seed', 'var/lib/systemd/credential.secret'],
    ...['var/lib/dpkg/info/x.postinst', 'etc/vdsm/.coatcheck-0123456789abcdef'],
    ...['usr/bin/env', 'boot/vmlinuz', 'var/log/x', 'etc/vdsm/a\u200bb'],
  ])('never have %s', (path) => {
    // What is built in may change by itself: a site adds nothing to it.
    expect(list.traitsOf(path)).toEqual(BUILT_IN_PATHS.traitsOf(path));
    if (path !== 'etc/machine-id') expect(list.traitsOf(path)).toBeUndefined();
  });

  it.each([
    'etc/vdsm/vdsm.conf',
    'etc/vdsm/*.conf',
    'etc/a*b*c/**',
    'root/.bashrc',
    'home/*/.ssh/config',
    'opt/site/etc/*',
    'srv/x',
    'var/lib/vdsm/**',
    'var/spool/x/y',
    'etc/NetworkManager/Büro 1/*',
  ])('may be %s', (pattern) => {
    expect(faultOfSitePath(pattern)).toBeUndefined();
  });

  it.each([
    ['usr/bin/x', /come with the image/],
    ['usr/lib/systemd/system/x.service', /come with the image/],
    ['lib/modules/x', /come with the image/],
    ['boot/grub/grub.cfg', /come with the image/],
    ['var/log/x', /configuration is below etc, root/],
    ['run/x', /gone with a boot/],
    ['etc', /configuration is below/],
    ['**', /wildcards/],
    ['*/x', /configuration is below/],
    ['et*/x', /configuration is below/],
    ['/etc/x', /relative to the root/],
    ['etc/../usr/x', /relative to the root/],
    ['etc//x', /relative to the root/],
    ['etc/x/', /relative to the root/],
    ['', /relative to the root/],
    ['etc/a\u202eb', /names that a bundle may hold/],
    ['etc/**/x', /wildcards/],
    ['etc/x**', /wildcards/],
    ['etc/[ab]', /wildcards/],
    ['etc/{a,b}', /wildcards/],
    ['etc/?', /wildcards/],
    ['etc/coatcheck/key', /coatcheck's own/],
    ['etc/coatcheck/**', /coatcheck's own/],
    ['etc/coatcheck', /coatcheck's own/],
    ['var/lib/coatcheck/x', /coatcheck's own/],
    ['etc/machine-id', /makes a machine this one/],
    ['etc/credstore/x', /credentials/],
    ['etc/localtime', /a setting/],
    [`etc/${'a'.repeat(125)}`, /128 bytes/],
    [`etc/${'é'.repeat(63)}`, /128 bytes/],
  ])('may not be %s', (pattern, why) => {
    expect(faultOfSitePath(pattern)).toMatch(why);
  });

  it('are known by a digest, and so is what an older image has of them', () => {
    const older = pathList(own.slice(0, 2));
    expect(older.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(older.digest).not.toBe(list.digest);
    expect(pathListOf(own, older.digest)?.traitsOf('home/ada/notes')).toBeUndefined();
    expect(pathListOf(own, older.digest)?.traitsOf('etc/vdsm/x')).toBeDefined();
    expect(pathListOf(own, list.digest)?.traitsOf('home/ada/notes')).toBeDefined();
    expect(pathListOf(own, undefined)).toBe(BUILT_IN_PATHS);
    expect(pathListOf(own.slice(0, 2), list.digest)).toBeUndefined();
    const other = pathList([{ pattern: 'etc/vdsm/**', secret: true }]);
    expect(pathListOf(own, other.digest)).toBeUndefined();
    expect(BUILT_IN_PATHS.digest).toBeUndefined();
  });
});
