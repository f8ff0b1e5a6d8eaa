import { execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listen } from './run.ts';
import type { Run } from './run.ts';

/**
 * A machine of its own with a real systemd as its first process: its own processes, mounts, host
 * name and control groups. Its root is this machine's, and what it writes is gone with it. It has
 * this machine's network.
 */
export interface Booted {
  /** Its root, as seen from here. */
  readonly root: string;
  run(...command: string[]): Promise<Run>;
  write(path: string, text: string, mode?: number): void;
  read(path: string): string;
  /** Everything that the units of {@link loggingUnit} said so far, one line each. */
  log(): string[];
  /** Once it went off, or was stopped. */
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
}

/** Where {@link loggingUnit} writes. */
const LOG = 'run/log';

/** A service that says when it is started, reloaded and stopped. */
export function loggingUnit(name: string, more = ''): string {
  const say = (what: string): string => `/bin/sh -c 'echo ${name} ${what} >> /${LOG}'`;
  return `[Unit]
DefaultDependencies=no
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c 'echo ${name} start >> /${LOG}; systemd-notify --ready; exec sleep infinity'
ExecStop=${say('stop')}
TimeoutStopSec=1
KillMode=mixed
${more.replaceAll('RELOADS', `ExecReload=${say('reload')}`)}
[Install]
WantedBy=test.target
`;
}

/** Makes its root in `$1` over `$2`, and gives the first process of its own to the shell's line `$3`. */
const SETUP = `
set -e
work=$1
mount -t tmpfs tmpfs "$work"
mkdir "$work"/cgroup "$work"/upper "$work"/work "$work"/root
mount -t cgroup2 cgroup2 "$work"/cgroup
group="$work"/cgroup/coatcheck-$$
mkdir "$group"
echo $$ > "$group"/cgroup.procs
mount -t overlay overlay -o lowerdir="$2",upperdir="$work"/upper,workdir="$work"/work "$work"/root
unshare --pid --fork --uts --ipc --cgroup --mount --propagation private sh -ec "$3" sh "$work" "$4" || true
echo $$ > "$work"/cgroup/cgroup.procs
find "$group" -depth -type d -exec rmdir {} +
`;

/** Of this machine: its root, with another Node and none of its units. */
const THIS_MACHINE = `
  cd "$1"/root
  mount -t proc proc proc
  mount --rbind /sys sys
  mount -t tmpfs tmpfs sys/fs/cgroup
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount --rbind /dev dev
  mount -t tmpfs tmpfs run
  rm -rf etc/systemd/system
  mkdir -p etc/systemd/system
  : > etc/machine-id
  rm -f usr/local/bin/node
  : > usr/local/bin/node
  mount --bind "$2" usr/local/bin/node
  # As a container manager does: what a unit is handed is mounted by a child of systemd.
  mount --make-rshared .
  printf "[Unit]\\nDefaultDependencies=no\\n" > etc/systemd/system/test.target
  exec chroot . env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=test SYSTEMD_PROC_CMDLINE=stateless \\
    /lib/systemd/systemd --unit=test.target --log-target=null --show-status=0
`;

/**
 * Of an image: as it boots, with the firmware's UUID `$2`, the command line of where this is started, and
 * no device but those of every container. Its /sys is read-only: who sees that waits for no udev.
 */
const IMAGE = `
  cd "$1"/root
  mount -t proc proc proc
  mount --bind /proc/cmdline proc/cmdline
  mkdir -p "$1"/firmware/class/dmi/id
  echo "$2" > "$1"/firmware/class/dmi/id/product_uuid
  mount -t overlay overlay -o ro,lowerdir="$1"/firmware:/sys sys
  mount -t tmpfs tmpfs sys/fs/cgroup
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount -t tmpfs -o mode=755 tmpfs dev
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  for device in null zero full random urandom tty; do
    : > dev/$device
    mount --bind /dev/$device dev/$device
  done
  mount -t tmpfs tmpfs run
  exec chroot . env -i PATH=/usr/sbin:/usr/bin container=test SYSTEMD_PROC_CMDLINE="$(cat /proc/cmdline)" \\
    /lib/systemd/systemd --log-target=journal --show-status=0
`;

/** A machine like this one, once it is up. */
export async function bootSystemd(): Promise<Booted> {
  const booted = await start([], ['/', THIS_MACHINE, process.execPath]);
  while ((await booted.run('systemctl', 'is-system-running')).stdout !== 'running\n') await soon();
  return booted;
}

/**
 * A machine of an image, whose boot has begun. Its root is gone with it, as that of a machine without a disk.
 * @param inside what stands before a command that is to run at its place in a network
 * @param image the root of the image, which stays as it is
 * @param uuid of its firmware
 */
export const bootImage = (
  inside: readonly string[],
  image: string,
  uuid: string,
): Promise<Booted> => start(inside, [image, IMAGE, uuid]);

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

async function start(inside: readonly string[], given: readonly string[]): Promise<Booted> {
  const work = fs.mkdtempSync(join(tmpdir(), 'systemd-'));
  const [program, ...args] = [
    ...[...inside, 'unshare', '--mount', '--propagation', 'private'],
    ...['sh', '-c', SETUP, 'sh', work, ...given],
  ];
  const outer = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const { said, done } = listen(outer);
  let init = '';
  while (init === '') {
    if (outer.exitCode !== null) throw new Error(`systemd did not start: ${said.stderr}`);
    init = pidOfInit(outer.pid!);
    await soon();
  }
  const run: Booted['run'] = async (...command) => {
    const within = ['--all', '--root', '--wd', `--target=${init}`, ...command];
    return new Promise((resolve) => {
      execFile('nsenter', within, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      });
    });
  };
  const root = `/proc/${init}/root`;
  return {
    root,
    run,
    write(path, text, mode = 0o644) {
      fs.mkdirSync(join(root, path, '..'), { recursive: true });
      fs.writeFileSync(join(root, path), text);
      fs.chmodSync(join(root, path), mode);
    },
    read: (path) => fs.readFileSync(join(root, path), 'utf8'),
    log() {
      const file = join(root, LOG);
      return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
    },
    ended: done,
    async stop() {
      if (outer.exitCode === null) process.kill(Number(init), 'SIGKILL');
      await done;
      fs.rmSync(work, { recursive: true });
    },
  };
}

/** The one that `unshare --fork` started: 1 in there. */
function pidOfInit(outer: number): string {
  const childrenOf = (pid: string): string[] => {
    const file = `/proc/${pid}/task/${pid}/children`;
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split(' ').filter(Boolean) : [];
  };
  for (const unshared of childrenOf(String(outer))) {
    for (const child of childrenOf(unshared)) {
      if (fs.readFileSync(`/proc/${child}/comm`, 'utf8') === 'systemd\n') return child;
    }
  }
  return '';
}
