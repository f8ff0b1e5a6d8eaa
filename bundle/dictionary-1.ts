/**
 * The text of dictionary 1: what the files of a Linux machine usually say, the most usual last,
 * where references to it are cheapest. Pinned by its SHA-256; never to be changed (a dictionary 2
 * may be added beside it).
 */
export const DICTIONARY_1_TEXT = `#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority 0; policy accept;
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		ct state vmap { established : accept, related : accept, invalid : drop }
		ct state invalid drop
		iif "lo" accept
		iifname "eth0" tcp dport { 22, 80, 443 } accept
		ip protocol icmp accept
		ip6 nexthdr icmpv6 accept
		icmpv6 type { nd-neighbor-solicit, nd-router-advert, nd-neighbor-advert } accept
		ip saddr 192.168.0.0/16 udp dport 53 counter accept
		limit rate 10/second log prefix "dropped: " reject with icmpx type admin-prohibited
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
	chain output {
		type filter hook output priority filter; policy accept;
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; oifname "eth0" masquerade
	}
}
/var/log/syslog /var/log/messages /var/log/*.log {
	daily
	weekly
	monthly
	rotate 7
	rotate 4
	compress
	delaycompress
	missingok
	notifempty
	sharedscripts
	create 0640 root adm
	copytruncate
	size 100M
	dateext
	postrotate
		/usr/lib/rsyslog/rsyslog-rotate
		systemctl reload rsyslog.service > /dev/null 2>&1 || true
	endscript
}
network:
  version: 2
  renderer: networkd
  ethernets:
    eth0:
      dhcp4: true
      addresses: [192.168.1.10/24]
      routes:
        - to: default
          via: 192.168.1.1
      nameservers:
        addresses: [1.1.1.1, 8.8.8.8]
[sssd]
services = nss, pam
domains = example.com
[domain/example.com]
id_provider = ldap
auth_provider = krb5
cache_credentials = True
[libdefaults]
	default_realm = EXAMPLE.COM
	dns_lookup_realm = false
	forwardable = true
[realms]
auth	required	pam_env.so
auth	sufficient	pam_unix.so try_first_pass nullok
auth	[success=1 default=ignore]	pam_unix.so nullok
auth	requisite	pam_deny.so
account	required	pam_nologin.so
account	required	pam_permit.so
password	required	pam_unix.so sha512 shadow yescrypt
session	optional	pam_systemd.so
session	required	pam_limits.so
session	optional	pam_motd.so noupdate
@include common-auth
blacklist nouveau
options kvm_intel nested=1
install usb-storage /bin/false
alias net-pf-10 off
# /etc/fstab: static file system information.
# <file system> <mount point>   <type>  <options>       <dump>  <pass>
UUID=01234567-89ab-cdef-0123-456789abcdef / ext4 errors=remount-ro 0 1
LABEL=boot /boot ext4 defaults,noatime 0 2
/dev/mapper/vg0-root / xfs defaults 0 0
proc /proc proc defaults 0 0
tmpfs /tmp tmpfs defaults,nosuid,nodev,noexec,relatime,size=50%,mode=1777 0 0
nfs.example.com:/export/home /home nfs4 rw,hard,intr,noatime,vers=4.2,proto=tcp,sec=sys,_netdev,x-systemd.automount 0 0
/swapfile none swap sw 0 0
*	soft	nofile	65536
*	hard	nofile	65536
*	-	memlock	unlimited
@users	hard	nproc	4096
root	hard	core	0
# <domain> <type> <item> <value>
net.ipv4.ip_forward = 1
net.ipv4.tcp_syncookies = 1
net.ipv4.conf.all.rp_filter = 1
net.ipv4.conf.default.rp_filter = 1
net.ipv4.conf.all.accept_redirects = 0
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.all.accept_source_route = 0
net.ipv4.conf.all.log_martians = 1
net.ipv6.conf.all.accept_redirects = 0
net.ipv6.conf.all.forwarding = 1
net.ipv6.conf.all.disable_ipv6 = 1
net.ipv6.conf.default.accept_ra = 0
net.core.default_qdisc = fq_codel
net.core.rmem_max = 16777216
net.core.wmem_max = 16777216
net.core.somaxconn = 4096
net.bridge.bridge-nf-call-iptables = 1
kernel.sysrq = 0
kernel.panic = 10
kernel.printk = 3 4 1 3
kernel.dmesg_restrict = 1
kernel.kptr_restrict = 2
kernel.unprivileged_bpf_disabled = 1
kernel.yama.ptrace_scope = 1
fs.file-max = 2097152
fs.inotify.max_user_watches = 524288
fs.inotify.max_user_instances = 512
fs.protected_hardlinks = 1
fs.protected_symlinks = 1
vm.swappiness = 10
vm.max_map_count = 262144
vm.overcommit_memory = 1
vm.dirty_ratio = 10
XKBMODEL="pc105"
XKBLAYOUT="us"
XKBVARIANT=""
XKBOPTIONS=""
BACKSPACE="guess"
KEYMAP=us
FONT=eurlatgr
ACTIVE_CONSOLES="/dev/tty[1-6]"
CHARMAP="UTF-8"
CODESET="guess"
FONTFACE="Fixed"
FONTSIZE="8x16"
LANG=en_US.UTF-8
LANGUAGE=en_US:en
LC_ALL=C.UTF-8
LC_TIME=en_GB.UTF-8
LC_MESSAGES=POSIX
LANG="C.UTF-8"
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Fedora Linux"
VERSION_ID="40"
ID=debian
Debian GNU/Linux 12 \\n \\l
\\S
Kernel \\r on an \\m (\\l)
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200n8"
DAEMON_ARGS=""
OPTIONS=""
EXTRA_OPTS=""
ENABLED=1
START=yes
# Additional options that are passed to the daemon.
# Defaults for 
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
MAILTO=root
# m h dom mon dow user	command
17 *	* * *	root	cd / && run-parts --report /etc/cron.hourly
25 6	* * *	root	test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
*/5 * * * *	root	/usr/local/sbin/
Defaults	env_reset
Defaults	mail_badpass
Defaults	use_pty
Defaults	secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Defaults:%sudo timestamp_timeout=5
Defaults	!requiretty
Cmnd_Alias	SERVICES = /usr/bin/systemctl restart 
root	ALL=(ALL:ALL) ALL
%sudo	ALL=(ALL:ALL) ALL
%wheel	ALL=(ALL)	ALL
%admin	ALL=(ALL) NOPASSWD: ALL
 ALL=(root) NOPASSWD: /usr/bin/systemctl restart , /usr/sbin/reboot
@includedir /etc/sudoers.d
module(load="imuxsock") # provides support for local system logging
module(load="imklog")   # provides kernel logging support
module(load="imtcp")
input(type="imudp" port="514")
$FileOwner root
$FileGroup adm
$FileCreateMode 0640
$DirCreateMode 0755
$Umask 0022
$WorkDirectory /var/spool/rsyslog
$IncludeConfig /etc/rsyslog.d/*.conf
auth,authpriv.*			/var/log/auth.log
*.*;auth,authpriv.none		-/var/log/syslog
cron.*				-/var/log/cron.log
kern.*				-/var/log/kern.log
mail.*				-/var/log/mail.log
*.info;mail.none;authpriv.none;cron.none                /var/log/messages
*.emerg				:omusrmsg:*
*.* @@loghost.example.com:514
*.* action(type="omfwd" target="loghost.example.com" port="6514" protocol="tcp"
  queue.type="LinkedList" queue.filename="fwd" queue.size="10000" queue.maxDiskSpace="1g"
  queue.saveOnShutdown="on" action.resumeRetryCount="-1" template="RSYSLOG_SyslogProtocol23Format")
[Journal]
#Storage=auto
#Compress=yes
#Seal=yes
#SplitMode=uid
#SyncIntervalSec=5m
#RateLimitIntervalSec=30s
#RateLimitBurst=10000
#SystemMaxUse=
#SystemKeepFree=
#RuntimeMaxUse=
#MaxRetentionSec=0
#ForwardToSyslog=no
#ForwardToConsole=no
#MaxLevelStore=debug
Storage=persistent
Storage=volatile
SystemMaxUse=200M
RuntimeMaxUse=64M
ForwardToSyslog=yes
RateLimitIntervalSec=30s
RateLimitBurst=1000
[Login]
#NAutoVTs=6
#ReserveVT=6
#KillUserProcesses=no
#KillOnlyUsers=
#InhibitDelayMaxSec=5
#HandlePowerKey=poweroff
#HandleSuspendKey=suspend
#HandleHibernateKey=hibernate
#HandleLidSwitch=suspend
#HandleLidSwitchDocked=ignore
#IdleAction=ignore
#IdleActionSec=30min
#RuntimeDirectorySize=10%
#RemoveIPC=yes
#UserTasksMax=33%
[Manager]
#LogLevel=info
#LogTarget=journal-or-kmsg
#CrashShell=no
#ShowStatus=yes
#DefaultTimeoutStartSec=90s
#DefaultTimeoutStopSec=90s
#DefaultRestartSec=100ms
#DefaultStandardOutput=journal
#DefaultLimitNOFILE=1024:524288
#DefaultTasksMax=15%
#RuntimeWatchdogSec=off
#DefaultEnvironment=
[Resolve]
#DNS=
#FallbackDNS=
#Domains=
#DNSSEC=no
#DNSOverTLS=no
#MulticastDNS=yes
#LLMNR=yes
#Cache=yes
#DNSStubListener=yes
#ReadEtcHosts=yes
[Time]
#NTP=
#FallbackNTP=0.debian.pool.ntp.org 1.debian.pool.ntp.org 2.debian.pool.ntp.org 3.debian.pool.ntp.org
#RootDistanceMaxSec=5
#PollIntervalMinSec=32
#PollIntervalMaxSec=2048
[Coredump]
[Sleep]
[main]
plugins=ifupdown,keyfile
dns=systemd-resolved
[ifupdown]
managed=false
[device]
wifi.scan-rand-mac-address=no
[connection]
id=uplink
uuid=01234567-89ab-4def-8123-456789abcdef
type=ethernet
interface-name=eth0
autoconnect=true
autoconnect-priority=100
permissions=
timestamp=17

[ethernet]
mac-address=52:54:00:

[wifi]
mode=infrastructure
ssid=

[wifi-security]
key-mgmt=wpa-psk
psk=

[ipv4]
method=auto
method=manual
address1=192.168.1.10/24,192.168.1.1
dns=192.168.1.1;
dns-search=example.com;
may-fail=false
never-default=true
route-metric=100

[ipv6]
addr-gen-mode=default
addr-gen-mode=stable-privacy
method=auto
method=disabled
method=ignore

[proxy]
[NetDev]
Name=br0
Kind=bridge
Kind=vlan
Kind=wireguard
[WireGuard]
ListenPort=51820
PrivateKey=
[WireGuardPeer]
PublicKey=
PresharedKey=
AllowedIPs=10.0.0.0/8
Endpoint=
PersistentKeepalive=25
[Match]
Name=en*
Name=eth0
MACAddress=52:54:00:

[Network]
Description=
DHCP=yes
DHCP=ipv4
DHCP=no
Address=10.0.0.10/24
Gateway=10.0.0.1
DNS=10.0.0.1
NTP=
Domains=example.com
Bridge=br0
VLAN=
LinkLocalAddressing=no
LLDP=yes
EmitLLDP=customer-bridge
IPv6AcceptRA=no
IPForward=yes
MulticastDNS=no
ConfigureWithoutCarrier=yes

[Address]
[Route]
Destination=0.0.0.0/0
Metric=100

[DHCPv4]
UseDNS=yes
UseDomains=yes
RouteMetric=100
ClientIdentifier=mac

[Link]
MTUBytes=9000
RequiredForOnline=routable
NamePolicy=keep kernel database onboard slot path
auto lo
iface lo inet loopback
allow-hotplug eth0
iface eth0 inet dhcp
iface eth0 inet static
    address 192.168.1.10/24
    gateway 192.168.1.1
source /etc/network/interfaces.d/*
# Welcome to the chrony configuration file.
confdir /etc/chrony/conf.d
sourcedir /run/chrony-dhcp
sourcedir /etc/chrony/sources.d
pool 2.debian.pool.ntp.org iburst
pool 2.fedora.pool.ntp.org iburst maxsources 4
server ntp.example.com iburst prefer minpoll 4 maxpoll 6
keyfile /etc/chrony/chrony.keys
driftfile /var/lib/chrony/chrony.drift
driftfile /var/lib/chrony/drift
ntsdumpdir /var/lib/chrony
logdir /var/log/chrony
maxupdateskew 100.0
rtcsync
makestep 1 3
makestep 1.0 3
leapsectz right/UTC
allow 192.168.0.0/16
local stratum 10
bindcmdaddress /run/chrony/chronyd.sock
[Unit]
Description=
Documentation=man:systemd.unit(5) https://
Requires=
PartOf=
After=network.target
After=network-online.target
Wants=network-online.target
After=local-fs.target remote-fs.target nss-lookup.target time-sync.target
Before=shutdown.target sysinit.target basic.target
Conflicts=shutdown.target
ConditionPathExists=!/etc/
ConditionVirtualization=!container
DefaultDependencies=no
StartLimitIntervalSec=0

[Mount]
What=tmpfs
Where=/srv
Type=tmpfs
Options=nosuid,nodev,noexec,noatime,size=50%,mode=1777

[Timer]
OnCalendar=daily
OnBootSec=2min
OnBootSec=5min
OnUnitActiveSec=10min
OnUnitActiveSec=1h
RandomizedDelaySec=60
AccuracySec=1min
Persistent=true

[Socket]
ListenStream=/run/
Accept=no
SocketMode=0660

[Path]
PathChanged=/etc/

[Service]
Type=simple
Type=notify
Type=forking
Type=exec
Type=oneshot
RemainAfterExit=yes
PIDFile=/run/
Environment=
EnvironmentFile=-/etc/default/
EnvironmentFile=-/etc/sysconfig/
WorkingDirectory=/var/lib/
RuntimeDirectory=
StateDirectory=
User=root
Group=root
User=nobody
DynamicUser=yes
ExecStartPre=/bin/mkdir -p /run/
ExecStart=/usr/bin/
ExecStart=
ExecStart=-/sbin/agetty --autologin root --noclear %I $TERM
ExecStart=/usr/sbin/
ExecStart=/usr/local/bin/
ExecStart=/usr/local/sbin/
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
TimeoutStartSec=30
TimeoutStopSec=30
Restart=on-failure
Restart=always
RestartSec=5
RestartSec=5s
LimitNOFILE=65536
OOMScoreAdjust=-500
Nice=10
StandardOutput=journal
StandardError=journal
SyslogIdentifier=
NoNewPrivileges=yes
NoNewPrivileges=true
ProtectSystem=full
ProtectSystem=strict
ProtectHome=yes
ProtectHome=true
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
PrivateTmp=yes
PrivateTmp=true
PrivateDevices=yes
ReadWritePaths=/var/lib/
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
AmbientCapabilities=CAP_NET_BIND_SERVICE
SystemCallArchitectures=native

[Install]
Alias=
Also=
WantedBy=sysinit.target
WantedBy=sockets.target
WantedBy=local-fs.target
WantedBy=timers.target
WantedBy=multi-user.target
# This is the sshd server system-wide configuration file. See sshd_config(5).
Include /etc/ssh/sshd_config.d/*.conf
#Port 22
#AddressFamily any
#ListenAddress 0.0.0.0
#ListenAddress ::
#HostKey /etc/ssh/ssh_host_rsa_key
#HostKey /etc/ssh/ssh_host_ecdsa_key
#HostKey /etc/ssh/ssh_host_ed25519_key
#RekeyLimit default none
#SyslogFacility AUTH
#LogLevel INFO
#LoginGraceTime 2m
#PermitRootLogin prohibit-password
#StrictModes yes
#MaxAuthTries 6
#MaxSessions 10
#PubkeyAuthentication yes
#AuthorizedKeysFile	.ssh/authorized_keys .ssh/authorized_keys2
#AuthorizedPrincipalsFile none
#AuthorizedKeysCommand none
#AuthorizedKeysCommandUser nobody
#HostbasedAuthentication no
#IgnoreUserKnownHosts no
#IgnoreRhosts yes
#PasswordAuthentication yes
#PermitEmptyPasswords no
#KerberosAuthentication no
#KerberosOrLocalPasswd yes
#KerberosTicketCleanup yes
#GSSAPIAuthentication no
#GSSAPICleanupCredentials yes
#AllowAgentForwarding yes
#AllowTcpForwarding yes
#GatewayPorts no
#X11DisplayOffset 10
#X11UseLocalhost yes
#PermitTTY yes
#PrintLastLog yes
#TCPKeepAlive yes
#PermitUserEnvironment no
#Compression delayed
#ClientAliveInterval 0
#ClientAliveCountMax 3
#UseDNS no
#PidFile /run/sshd.pid
#MaxStartups 10:30:100
#PermitTunnel no
#ChrootDirectory none
#VersionAddendum none
#Banner none
KbdInteractiveAuthentication no
ChallengeResponseAuthentication no
UsePAM yes
X11Forwarding yes
PrintMotd no
AcceptEnv LANG LC_*
Subsystem	sftp	/usr/lib/openssh/sftp-server
Subsystem	sftp	/usr/libexec/openssh/sftp-server
Subsystem sftp internal-sftp
#Match User anoncvs
Match Group 
	ForceCommand 
Port 22
AddressFamily any
ListenAddress 10.0.0.
HostKey /etc/ssh/ssh_host_rsa_key
HostKey /etc/ssh/ssh_host_ed25519_key
Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com
KexAlgorithms curve25519-sha256
SyslogFacility AUTHPRIV
LogLevel VERBOSE
LoginGraceTime 30
PermitRootLogin yes
PermitRootLogin no
PermitRootLogin prohibit-password
StrictModes yes
MaxAuthTries 3
MaxSessions 20
AllowUsers 
AllowGroups sudo 
PubkeyAuthentication yes
AuthorizedKeysFile .ssh/authorized_keys
PermitEmptyPasswords no
PasswordAuthentication no
GSSAPIAuthentication yes
AllowAgentForwarding no
AllowTcpForwarding no
X11Forwarding no
TCPKeepAlive yes
UseDNS no
ClientAliveInterval 300
ClientAliveCountMax 2
# The following lines are desirable for IPv6 capable hosts
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAAC
-----END OPENSSH PRIVATE KEY-----
ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBB
ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI root@localhost
passwd:         files systemd
group:          files [SUCCESS=merge] systemd
group:          files systemd
shadow:         files systemd
shadow:         files
gshadow:        files

hosts:          files mdns4_minimal [NOTFOUND=return] dns
hosts:          files myhostname resolve [!UNAVAIL=return] dns
hosts:          files dns
networks:       files

protocols:      db files
services:       db files
ethers:         db files
rpc:            db files

netgroup:       nis
automount:  files sss
# This is /run/systemd/resolve/stub-resolv.conf managed by man:systemd-resolved(8).
# Generated by NetworkManager
domain example.com
search example.com
search example.org example.net
nameserver 127.0.0.53
nameserver 1.1.1.1
nameserver 8.8.8.8
nameserver 192.168.1.1
nameserver 10.0.0.
options edns0 trust-ad
options timeout:2 attempts:2 rotate
127.0.0.1	localhost localhost.localdomain localhost4 localhost4.localdomain4
::1         localhost localhost.localdomain localhost6 localhost6.localdomain6
127.0.1.1	host.example.org	host
::1	ip6-localhost ip6-loopback
fe00::0 ip6-localnet
ff00::0 ip6-mcastprefix
127.0.0.1	localhost
10.0.0.1	
::1     localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
root:*:19000:0:99999:7:::
root:!:20000:0:99999:7:::
daemon:*:20000:0:99999:7:::
bin:*:20000:0:99999:7:::
sys:*:20000:0:99999:7:::
sync:*:20000:0:99999:7:::
games:*:20000:0:99999:7:::
man:*:20000:0:99999:7:::
lp:*:20000:0:99999:7:::
mail:*:20000:0:99999:7:::
news:*:20000:0:99999:7:::
uucp:*:20000:0:99999:7:::
proxy:*:20000:0:99999:7:::
www-data:*:20000:0:99999:7:::
backup:*:20000:0:99999:7:::
list:*:20000:0:99999:7:::
irc:*:20000:0:99999:7:::
_apt:*:20000:0:99999:7:::
nobody:*:20000:0:99999:7:::
systemd-network:!*:20000::::::
systemd-timesync:!*:20000::::::
systemd-resolve:!*:20000::::::
messagebus:!:20000::::::
avahi:!:20000::::::
polkitd:!*:20000::::::
sshd:!:20000::::::
_chrony:!:20000::::::
:$6$:20000:0:99999:7:::
:$y$j9T$:20000:0:99999:7:::
root:x:0:root
bin:x:1:
daemon:x:2:
sys:x:3:
adm:x:4:syslog
lp:x:7:
mem:x:8:
kmem:x:9:
wheel:x:10:
cdrom:x:11:
mail:x:12:
man:x:15:
input:x:104:
sgx:x:105:
kvm:x:106:
lock:x:54:
utmp:x:22:
utempter:x:35:
nobody:x:99:
root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
lp:x:7:
mail:x:8:
news:x:9:
uucp:x:10:
man:x:12:
proxy:x:13:
kmem:x:15:
dialout:x:20:
fax:x:21:
voice:x:22:
cdrom:x:24:
floppy:x:25:
tape:x:26:
sudo:x:27:
audio:x:29:
dip:x:30:
www-data:x:33:
backup:x:34:
operator:x:37:
list:x:38:
irc:x:39:
src:x:40:
shadow:x:42:
utmp:x:43:
video:x:44:
sasl:x:45:
plugdev:x:46:
staff:x:50:
games:x:60:
users:x:100:
nogroup:x:65534:
systemd-journal:x:999:
systemd-network:x:998:
systemd-timesync:x:997:
systemd-resolve:x:996:
render:x:103:
crontab:x:101:
messagebus:x:104:
netdev:x:105:
_ssh:x:106:
_chrony:x:108:
ssl-cert:x:109:
docker:x:990:
polkitd:x:994:
root:x:0:0:root:/root:/bin/bash
bin:x:1:1:bin:/bin:/sbin/nologin
daemon:x:2:2:daemon:/sbin:/sbin/nologin
adm:x:3:4:adm:/var/adm:/sbin/nologin
lp:x:4:7:lp:/var/spool/lpd:/sbin/nologin
shutdown:x:6:0:shutdown:/sbin:/sbin/shutdown
halt:x:7:0:halt:/sbin:/sbin/halt
operator:x:11:0:operator:/root:/sbin/nologin
ftp:x:14:50:FTP User:/var/ftp:/sbin/nologin
nobody:x:65534:65534:Kernel Overflow User:/:/sbin/nologin
dbus:x:81:81:System message bus:/:/sbin/nologin
tss:x:59:59:Account used for TPM access:/dev/null:/sbin/nologin
chrony:x:996:994:chrony system user:/var/lib/chrony:/sbin/nologin
sshd:x:74:74:Privilege-separated SSH:/usr/share/empty.sshd:/usr/sbin/nologin
polkitd:x:997:995:User for polkitd:/:/sbin/nologin
rpc:x:32:32:Rpcbind Daemon:/var/lib/rpcbind:/sbin/nologin
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
sys:x:3:3:sys:/dev:/usr/sbin/nologin
sync:x:4:65534:sync:/bin:/bin/sync
games:x:5:60:games:/usr/games:/usr/sbin/nologin
man:x:6:12:man:/var/cache/man:/usr/sbin/nologin
lp:x:7:7:lp:/var/spool/lpd:/usr/sbin/nologin
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
news:x:9:9:news:/var/spool/news:/usr/sbin/nologin
uucp:x:10:10:uucp:/var/spool/uucp:/usr/sbin/nologin
proxy:x:13:13:proxy:/bin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
backup:x:34:34:backup:/var/backups:/usr/sbin/nologin
list:x:38:38:Mailing List Manager:/var/list:/usr/sbin/nologin
irc:x:39:39:ircd:/run/ircd:/usr/sbin/nologin
_apt:x:42:65534::/nonexistent:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
systemd-network:x:998:998:systemd Network Management:/:/usr/sbin/nologin
systemd-timesync:x:997:997:systemd Time Synchronization:/:/usr/sbin/nologin
systemd-resolve:x:996:996:systemd Resolver:/:/usr/sbin/nologin
messagebus:x:100:102::/nonexistent:/usr/sbin/nologin
avahi:x:104:110:Avahi mDNS daemon,,,:/run/avahi-daemon:/usr/sbin/nologin
sshd:x:102:65534::/run/sshd:/usr/sbin/nologin
_chrony:x:103:108:Chrony daemon,,,:/var/lib/chrony:/usr/sbin/nologin
polkitd:x:994:994:User for polkitd:/:/usr/sbin/nologin
user:x:1000:1000:User,,,:/home/user:/bin/bash
etc/NetworkManager/NetworkManager.conf
etc/NetworkManager/system-connections/uplink.nmconnection
etc/apt/sources.list
etc/apt/sources.list.d/
etc/bash.bashrc
etc/chrony.conf
etc/chrony/chrony.conf
etc/chrony/sources.d/local.sources
etc/cron.d/
etc/crontab
etc/default/cron
etc/default/grub
etc/default/keyboard
etc/default/locale
etc/default/ssh
etc/environment
etc/exports
etc/fstab
etc/group
etc/gshadow
etc/hostname
etc/hosts
etc/hosts.allow
etc/issue
etc/issue.net
etc/locale.conf
etc/locale.gen
etc/login.defs
etc/logrotate.conf
etc/logrotate.d/
etc/machine-id
etc/modprobe.d/
etc/modules-load.d/
etc/motd
etc/netplan/01-netcfg.yaml
etc/network/interfaces
etc/networks
etc/nftables.conf
etc/nsswitch.conf
etc/ntp.conf
etc/pam.d/sshd
etc/passwd
etc/profile
etc/profile.d/
etc/resolv.conf
etc/rsyslog.conf
etc/rsyslog.d/50-default.conf
etc/security/limits.conf
etc/security/limits.d/90-
etc/shadow
etc/shells
etc/ssh/authorized_keys.d/root
etc/ssh/ssh_config
etc/ssh/ssh_host_ed25519_key
etc/ssh/ssh_host_ed25519_key.pub
etc/ssh/ssh_known_hosts
etc/ssh/sshd_config
etc/ssh/sshd_config.d/10-
etc/subgid
etc/subuid
etc/sudo.conf
etc/sudoers
etc/sudoers.d/10-
etc/sysconfig/
etc/sysctl.conf
etc/sysctl.d/99-sysctl.conf
etc/systemd/journald.conf
etc/systemd/journald.conf.d/
etc/systemd/logind.conf
etc/systemd/network/10-
.network
etc/systemd/resolved.conf
etc/systemd/system.conf
etc/systemd/system/getty@tty1.service.d/override.conf
etc/systemd/system/
.service
etc/systemd/system/
.timer
etc/systemd/system/
.mount
etc/systemd/timesyncd.conf
etc/systemd/user.conf
etc/timezone
etc/tmpfiles.d/
etc/udev/rules.d/70-persistent-net.rules
etc/vconsole.conf

755 root 0 root 0
640 root 0 shadow 42
600 root 0 root 0
640 root 0 root 0
444 root 0 root 0
440 root 0 root 0
644 root 0 root 0
644 root 0 root 0
644 root 0 root 0
answer:address	
answer:gateway	
answer:hostname	
answer:interface	
answer:keyboard	
answer:nameservers	
answer:timezone	
disable	
enable	ssh.service
hostname	
keySource	file
keySource	image
keySource	tpm
keySource	usb
madeAt	17
madeAt	18
madeBy	coatcheck-agent 0.1.0
mask	ctrl-alt-del.target
restart:etc/chrony/chrony.conf	chrony.service
restart:etc/nftables.conf	nftables.service
restart:etc/rsyslog.conf	rsyslog.service
restart:etc/ssh/sshd_config	ssh.service
swap	none
swap	zram
timezone	UTC
timezone	Europe/Berlin

`;
