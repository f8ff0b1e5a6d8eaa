import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, inject, it } from 'vitest';
import type { TestContext } from 'vitest';
import { hasRuntimeClient } from './lambda-ric.ts';
import { lackingNpmProgram } from './npm-programs.ts';

/**
 * Parts from outside that some tests need. Where one is missing its tests are skipped and the
 * reason is listed at the end of the run; `COATCHECK_REQUIRE=minio,pynacl` (or `all`) makes its
 * absence a failure instead.
 */
export const COMPONENTS = [
  'minio',
  'versitygw',
  'pynacl',
  'spin',
  'strace',
  'go',
  'systemd',
  'swtpm',
  'disks',
  'network',
  'faketime',
  'terminal',
  'services',
  'shells',
  'small-shells',
  'systemctl',
  'openssl',
  'secureboot',
  'rpm',
  'dpkg',
  'buildah',
  'chromium',
  'promtool',
  'proxies',
  'apache',
  'wrangler',
  'bun',
  'deno',
  'lambda',
  'cfn-lint',
] as const;
export type Component = (typeof COMPONENTS)[number];

const required = (process.env['COATCHECK_REQUIRE'] ?? '').split(',').map((s) => s.trim());

export function isRequired(component: Component): boolean {
  return required.includes('all') || required.includes(component);
}

const NETWORK_PROGRAMS =
  'ip nsenter openssl dnsmasq udhcpc dhclient NetworkManager nmcli networkctl dbus-daemon'.split(
    ' ',
  );

const probes: Record<Component, () => string | undefined> = {
  minio: () => {
    const minio = inject('minio');
    return 'missing' in minio ? minio.missing : undefined;
  },
  versitygw: () => {
    const versitygw = inject('versitygw');
    return 'missing' in versitygw ? versitygw.missing : undefined;
  },
  pynacl: () => {
    try {
      execFileSync('python3', ['-c', 'import nacl'], { stdio: 'ignore' });
      return undefined;
    } catch {
      return 'python3 with PyNaCl is not installed (pip install pynacl)';
    }
  },
  spin: () => {
    try {
      execFileSync('spin', ['-V'], { stdio: 'ignore' });
      execFileSync('gcc', ['--version'], { stdio: 'ignore' });
      return undefined;
    } catch {
      return 'spin and gcc are not installed';
    }
  },
  strace: () => {
    try {
      execFileSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' });
      execFileSync('gcc', ['--version'], { stdio: 'ignore' });
      return undefined;
    } catch {
      return 'strace and gcc are not installed, or this user may not trace';
    }
  },
  swtpm: () =>
    lacking('swtpm swtpm_setup tpm2_createprimary tpm2_hmac tpm2_nvwrite python3') ?? lackingTcti(),
  disks: () => lacking('losetup partx sfdisk blkid mkfs.ext4 chattr mount') ?? notRoot(),
  go: () => {
    try {
      execFileSync('go', ['version'], { stdio: 'ignore' });
      return undefined;
    } catch {
      return 'go is not installed (https://go.dev/dl)';
    }
  },
  systemd: () => {
    try {
      execFileSync('systemd-analyze', ['--version'], { stdio: 'ignore' });
      const mount = 'mount -t cgroup2 cgroup2 /mnt && command -v nsenter mkswap swapon';
      execFileSync('unshare', ['--mount', '--pid', '--fork', 'sh', '-c', mount], {
        stdio: 'ignore',
      });
      return undefined;
    } catch {
      return 'systemd and util-linux are not installed, or this user may not make namespaces';
    }
  },
  network: () => {
    try {
      for (const program of NETWORK_PROGRAMS) {
        execFileSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin; command -v ${program}`], {
          stdio: 'ignore',
        });
      }
      execFileSync('unshare', ['--net', '--mount', 'true'], { stdio: 'ignore' });
      return undefined;
    } catch {
      return 'dnsmasq, udhcpc, dhclient, NetworkManager, systemd, dbus, iproute2 or openssl is not installed, or this user may not make namespaces';
    }
  },
  faketime: () => {
    try {
      execFileSync('faketime', ['@0', 'true'], { stdio: 'ignore' });
      return undefined;
    } catch {
      return 'faketime is not installed';
    }
  },
  shells: () => lacking('zsh fish mandoc'),
  'small-shells': () => lacking('dash busybox curl'),
  systemctl: () => lacking('systemctl'),
  openssl: () => lacking('openssl'),
  secureboot: () =>
    lacking(
      'openssl cert-to-efi-sig-list sign-efi-sig-list sbsign sbverify objcopy mformat mmd mcopy xorriso',
    ) ?? lackingStub(),
  rpm: () => lacking('rpm rpmbuild') ?? notRoot(),
  dpkg: () => lacking('dpkg-deb'),
  buildah: () => lacking('buildah dpkg-deb nsenter unshare ldd') ?? notRoot(),
  chromium: () => lacking('chromium'),
  lambda: () =>
    hasRuntimeClient() ? notRoot() : "AWS's runtime client is not there: `npm run lambda-ric`",
  'cfn-lint': () =>
    lacking('cfn-lint') === undefined ? undefined : 'not installed (pip install cfn-lint)',
  promtool: () => lacking('promtool'),
  proxies: () => lacking('nginx haproxy caddy openssl'),
  apache: () => lacking('apache2 openssl'),
  wrangler: () => lackingNpmProgram('wrangler'),
  bun: () => lackingNpmProgram('bun'),
  deno: () => lackingNpmProgram('deno'),
  terminal: () => lacking('tmux openssl mkpasswd perl python3'),
  services: () =>
    lacking(
      'systemctl sshd ssh-keygen openssl chronyd rsyslogd logrotate pwck grpck unshare collectd kdump-config makedumpfile tuned-adm iscsid nfsidmap rpc.idmapd modprobe gcc',
    ),
};

/** Which of these programs is not installed. */
function lacking(programs: string): string | undefined {
  const gone = programs.split(' ').filter((program) => {
    try {
      execFileSync('which', [program], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
  return gone.length === 0 ? undefined : `${gone.join(', ')} not installed`;
}

/** The library by which tpm2-tools reach a swtpm is a package of its own. */
function lackingTcti(): string | undefined {
  const said = spawnSync('tpm2_getcap', ['-T', 'swtpm:path=/nonexistent', '-l'], {
    encoding: 'utf8',
  }).stderr;
  return said.includes('tcti-swtpm') ? undefined : 'libtss2-tcti-swtpm0 is not installed';
}

const lackingStub = (): string | undefined =>
  existsSync('/usr/lib/systemd/boot/efi/linuxx64.efi.stub')
    ? undefined
    : 'systemd-boot-efi is not installed';

const notRoot = (): string | undefined =>
  process.getuid?.() === 0
    ? undefined
    : 'only root makes disks of files and namespaces, and installs packages';

/** Another server of a kind that the quick tests have one of, a browser, a cloud, and what takes seconds for each template. */
const LONG: readonly Component[] = [
  'versitygw',
  'buildah',
  'chromium',
  'wrangler',
  'bun',
  'deno',
  'lambda',
  'cfn-lint',
];
const tagged = (component: Component): { tags: string[] } => ({
  tags: LONG.includes(component) ? ['long'] : [],
});

const found = new Map<Component, string | undefined>();

/** Why a component cannot be used here; undefined if it can. */
export function missing(component: Component): string | undefined {
  if (!found.has(component)) found.set(component, probes[component]());
  return found.get(component);
}

/** A suite that needs a component: skipped with the reason, or failed where it is required. */
export function describeWith(component: Component, title: string, body: () => void): void {
  const reason = missing(component);
  if (reason === undefined) describe(title, tagged(component), body);
  else withoutComponent(component, title, reason);
}

/** One test that needs a component. */
export function itWith(
  component: Component,
  title: string,
  body: (context: TestContext) => Promise<void> | void,
): void {
  const reason = missing(component);
  if (reason === undefined) it(title, tagged(component), body);
  else withoutComponent(component, title, reason);
}

function withoutComponent(component: Component, title: string, reason: string): void {
  it(title, tagged(component), (context) => {
    if (isRequired(component)) throw new Error(`${component} is required but missing: ${reason}`);
    context.skip(`${component}: ${reason}`);
  });
}
