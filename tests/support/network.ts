import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listen } from './run.ts';
import type { Run } from './run.ts';

/** A network interface of a machine: a veth whose other end is in the switch. */
export interface Nic {
  readonly name: string;
  readonly mac: string;
  /** Whether the cable is in */
  readonly linked: boolean;
}

/** A machine in a network: namespaces of its own for the network and for mounts. */
export interface NetMachine {
  /** The folder that is its PATH */
  readonly bin: string;
  /** What stands before a command that is to run in it, with this process's environment */
  readonly inside: readonly string[];
  /** Runs a command in it, to its end. */
  run(command: readonly string[], env?: Record<string, string>): Promise<Run>;
  /** Starts a command in it, which ends with the network at the latest; and what it says, so far. */
  start(
    command: readonly string[],
    env?: Record<string, string>,
  ): { child: ChildProcess; said: { stdout: string; stderr: string } };
  /** What its kernel was started with: its /proc/cmdline. */
  setCommandLine(text: string): void;
  /** Its /etc/resolv.conf */
  resolvConf(): string;
  /** Pulls its plugs, and ends all that runs in it. */
  close(): Promise<void>;
}

/** A switch in a namespace, 10.77.0.1/24, fd77::1/64 and fe80::53 on it, and what is plugged into it. */
export interface Network {
  /** A folder that ends with the network */
  readonly folder: string;
  /** What stands before a command that is to run at the switch itself, `ip netns exec ...` */
  readonly inside: readonly string[];
  /** A port of the switch for an emulated machine: the name of its tap device. */
  tap(): Promise<string>;
  /**
   * Puts the switch into a VLAN, whose frames pass its other ports with their tag.
   * @param address of the switch there, `10.78.0.1/24`
   */
  vlan(id: number, address: string): Promise<void>;
  /** @param programs of the image, besides a shell, `ip` and the like: all that its PATH has */
  machine(nics: readonly Nic[], programs: readonly string[]): Promise<NetMachine>;
  /** A real dnsmasq on the switch, with these options, once it answers. */
  dnsmasq(options: readonly string[]): Promise<void>;
  /**
   * Makes a server of this process, or of another machine, reachable at an address of the switch.
   * @param address `10.77.0.2:8420`
   * @param port on the loopback interface of this process
   * @param tls to be spoken there, instead of plain TCP
   */
  publish(address: string, port: number, tls?: { key: string; cert: string }): Promise<void>;
  close(): Promise<void>;
}

const TOOLS =
  'sh busybox ip mount cat mv rm mkdir chmod chown hostname logger sleep sed grep readlink touch date ls ifconfig'.split(
    ' ',
  );
let count = 0;

/**
 * A network of its own on this machine, in namespaces that nothing outside sees. Needs root.
 * @throws with what a program said that failed
 */
export async function openNetwork(): Promise<Network> {
  const name = `cc${process.pid}x${count++}`;
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-network-'));
  const namespaces = new Set<string>();
  const servers: Server[] = [];
  let veths = 0;
  let machines = 0;

  const add = async (suffix: string): Promise<string> => {
    const namespace = `${name}${suffix}`;
    await must('ip', 'netns', 'add', namespace);
    namespaces.add(namespace);
    await must('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
    return namespace;
  };
  const hub = await add('s');
  const inHub = (...args: string[]): string[] => ['ip', 'netns', 'exec', hub, ...args];
  await must('ip', '-n', hub, 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0');
  await must('ip', '-n', hub, 'addr', 'add', '10.77.0.1/24', 'dev', 'br0');
  await must('ip', '-n', hub, 'link', 'set', 'br0', 'up');
  for (const address of ['fd77::1/64', 'fe80::53/64']) {
    await must('ip', '-n', hub, 'addr', 'add', address, 'dev', 'br0', 'nodad');
  }

  async function plug(namespace: string, { name: nic, mac, linked }: Nic): Promise<void> {
    const port = `p${veths++}`;
    const inside = ['name', nic, 'address', mac, 'netns', namespace];
    await must('ip', '-n', hub, 'link', 'add', port, 'type', 'veth', 'peer', ...inside);
    await must('ip', '-n', hub, 'link', 'set', port, 'master', 'br0');
    if (linked) await must('ip', '-n', hub, 'link', 'set', port, 'up');
  }

  async function tap(): Promise<string> {
    const port = `p${veths++}`;
    await must('ip', '-n', hub, 'tuntap', 'add', 'dev', port, 'mode', 'tap');
    await must('ip', '-n', hub, 'link', 'set', port, 'master', 'br0', 'up');
    return port;
  }

  async function vlan(id: number, address: string): Promise<void> {
    const [trunk, access] = [`t${id}`, `v${id}`];
    const port = spawn(
      'ip',
      inHub('python3', 'tests/support/vlan-port.py', trunk, access, String(id)).slice(1),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(port.stdout, 'data');
    await must('ip', '-n', hub, 'link', 'set', trunk, 'master', 'br0', 'up');
    await must('ip', '-n', hub, 'addr', 'add', address, 'dev', access);
    await must('ip', '-n', hub, 'link', 'set', access, 'up');
  }

  async function machine(nics: readonly Nic[], programs: readonly string[]): Promise<NetMachine> {
    const namespace = await add(`m${machines++}`);
    for (const nic of nics) await plug(namespace, nic);
    const at = fs.mkdtempSync(join(folder, 'machine-'));
    const bin = join(at, 'bin');
    fs.mkdirSync(bin);
    for (const program of [...TOOLS, ...programs]) {
      const found = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/lib/systemd']
        .map((place) => join(place, program))
        .find((path) => fs.existsSync(path));
      if (found !== undefined) fs.symlinkSync(found, join(bin, program));
    }
    fs.writeFileSync(join(at, 'cmdline'), 'stateless\n');
    fs.writeFileSync(join(at, 'resolv.conf'), '');
    // Its own /run, /dev/shm, resolv.conf and command line. Where /sys is read-only nobody waits for udev.
    // What a killed program leaves in /dev/shm under its process id goes with the machine.
    const setUp = `
      mount -o remount,bind,ro /sys && mount -t tmpfs -o mode=755 tmpfs /run
      mount -t tmpfs -o mode=1777 tmpfs /dev/shm
      mount --bind ${at}/cmdline /proc/cmdline && mount --bind ${at}/resolv.conf /etc/resolv.conf
      echo ready && exec sleep infinity`;
    const holder = spawn(
      'ip',
      [
        'netns',
        'exec',
        namespace,
        'unshare',
        '--mount',
        '--propagation',
        'private',
        'sh',
        '-c',
        setUp,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(holder.stdout, 'data');
    const inside = ['nsenter', '--target', String(holder.pid), '--mount', '--net', '--'];
    const begin = (command: readonly string[], env: Record<string, string> = {}) => {
      const all = Object.entries({ PATH: bin, TZ: 'UTC', ...env });
      const settings = all.map(([key, value]) => `${key}=${value}`);
      const [program, ...args] = [...inside, '/usr/bin/env', '-i', ...settings, ...command];
      return spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    };
    return {
      ...{ bin, inside },
      run: (command, env) => listen(begin(command, env)).done,
      start(command, env) {
        const child = begin(command, env);
        return { child, said: listen(child).said };
      },
      setCommandLine: (text) => fs.writeFileSync(join(at, 'cmdline'), `${text}\n`),
      resolvConf: () => fs.readFileSync(join(at, 'resolv.conf'), 'utf8'),
      close: () => remove(namespace),
    };
  }

  async function dnsmasq(options: readonly string[]): Promise<void> {
    const log = join(folder, 'dnsmasq.log');
    spawn(
      'ip',
      [
        ...['netns', 'exec', hub, 'dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null'],
        ...['--no-resolv', '--no-hosts', '--user=root', '--bind-interfaces', '--interface=br0'],
        ...['--except-interface=lo', '--pid-file=', `--dhcp-leasefile=${join(folder, 'leases')}`],
        ...['--dhcp-authoritative', '--no-ping', `--log-facility=${log}`, ...options],
      ],
      { stdio: 'ignore' },
    );
    await until(() => fs.existsSync(log) && fs.readFileSync(log, 'utf8').includes('started'));
  }

  async function publish(
    address: string,
    port: number,
    tls?: { key: string; cert: string },
  ): Promise<void> {
    const [host, outer] = address.split(':');
    if (host !== '10.77.0.1') {
      await must('ip', '-n', hub, 'addr', 'replace', `${host!}/24`, 'dev', 'br0');
    }
    // The file system is the one thing that both namespaces share.
    const socket = join(folder, `${address}.sock`);
    const relay = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      near.on('error', () => far.destroy()).pipe(far);
      far.on('error', () => near.destroy()).pipe(near);
    });
    await once(relay.listen(socket), 'listening');
    servers.push(relay);
    const outside = spawn(
      'ip',
      inHub(
        process.execPath,
        '-e',
        RELAY,
        JSON.stringify({ host, port: outer, socket, tls }),
      ).slice(1),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(outside.stdout, 'data');
  }

  async function remove(namespace: string): Promise<void> {
    const { stdout } = await exec('ip', ['netns', 'pids', namespace]);
    for (const pid of stdout.split('\n').filter(Boolean)) kill(Number(pid));
    await must('ip', 'netns', 'del', namespace);
    namespaces.delete(namespace);
  }

  async function close(): Promise<void> {
    for (const namespace of [...namespaces]) await remove(namespace);
    for (const server of servers) server.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }

  return { folder, inside: inHub(), tap, vlan, machine, dnsmasq, publish, close };
}

const RELAY = `
  const { host, port, socket, tls } = JSON.parse(process.argv[1]);
  const { connect, createServer } = require('node:net');
  const pass = (near) => {
    const far = connect(socket);
    near.on('error', () => far.destroy()).pipe(far);
    far.on('error', () => near.destroy()).pipe(near);
  };
  const server = tls ? require('node:tls').createServer(tls, pass) : createServer(pass);
  server.on('tlsClientError', () => undefined).listen(port, host, () => console.log('ready'));
`;

/** Waits for a condition; the test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

const exec = (program: string, args: readonly string[]): Promise<Run> =>
  listen(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })).done;

async function must(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await exec(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
