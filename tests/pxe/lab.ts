import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize, resolve } from 'node:path';
import { argumentsOf, ipxe } from '../../image/boot-files.ts';
import { findMinio } from '../../local-minio/find.ts';
import { startMinioLab } from '../../local-minio/lab.ts';
import type { MinioLab } from '../../local-minio/lab.ts';
import type { Say } from '../../files/run-program.ts';
import { openNetwork, until } from '../support/network.ts';
import type { Network } from '../support/network.ts';
import { qemu, startGuest } from './guest.ts';
import type { Guest, GuestOptions } from './guest.ts';
import { EMULATED, SERVER, testImage } from './image.ts';
import type { TestImage } from './image.ts';
import { makeOverlay } from './overlay.ts';
import type { Files } from './overlay.ts';
import { cli, must, run } from './programs.ts';

/** What a machine is given beside its number. */
export interface Boot {
  /** The kernel's arguments behind `stateless`, instead of the image's */
  readonly append?: string;
  /** All of the kernel's arguments, instead of these */
  readonly commandLine?: string;
  /** What iPXE is to do, instead of what the image's script has it do */
  readonly script?: string;
  /** Over the image's root */
  readonly files?: Files;
  /** More of QEMU's arguments */
  readonly args?: readonly string[];
  /** No network boot: it has what `args` name */
  readonly local?: true;
  /** Its firmware boots over the network by a driver of its own: the card brings no iPXE */
  readonly bare?: true;
  /** No network boot: QEMU itself hands kernel and initramfs to the firmware, which may be UEFI */
  readonly loaded?: true;
  /** MiB */
  readonly memory?: number;
}

/** A machine of the rack. */
export interface Machine extends Guest {
  /** Runs a command in it, as root over SSH, to its end: its output. */
  ssh(command: string): Promise<string>;
}

/** What `coatcheck show` says of a machine, as far as these tests look. */
export interface Shown {
  readonly where: string;
  readonly decision?: { readonly seq: number; readonly statementDigest: string };
  readonly bundle?: {
    readonly digest: string;
    readonly files: readonly { readonly path: string }[];
  };
  readonly report?: { readonly result: string; readonly statementDigest: string };
}

/** What waits, as `coatcheck pending` says it. */
export interface Waiting {
  readonly node: string;
  readonly words: string;
  readonly digest: string;
}

/** One rack: a switch with DHCP, TFTP, DNS; a boot server; coatcheck on its store. */
export interface Rack {
  readonly network: Network;
  /** The administrator's folder, which ends with the rack */
  readonly home: string;
  /** What the boot server has, by path below its root. */
  readonly served: Map<string, Uint8Array | string>;
  /** Runs `coatcheck` as its administrator, and answers with its JSON document. */
  readonly coatcheck: <T>(...args: string[]) => Promise<T>;
  /** Once a proposal waits that is no other than these. */
  readonly proposal: (...but: Waiting[]) => Promise<Waiting>;
  /** Once a machine has reported on the decision that is in force. */
  readonly report: (node: string) => Promise<Shown>;
  /**
   * Switches a machine on, and off what is on.
   * @param number 1 to 99: its MAC and UUID follow from it
   */
  readonly boot: (number: number, boot?: Boot) => Promise<Machine>;
  /**
   * The same with this terminal as its serial line, until it is switched off.
   */
  readonly attend: (number: number, boot: Boot) => Promise<void>;
  readonly server: {
    start(): Promise<void>;
    stop(signal?: NodeJS.Signals): Promise<void>;
  };
  close(): Promise<void>;
}

/**
 * Sees a machine through to its first configuration, approving it where nobody has yet, and switches it off.
 * @param node which one it is, of an earlier boot
 * @returns which one it is
 */
export async function configured(rack: Rack, machine: Machine, node?: string): Promise<string> {
  let own = node;
  if (own === undefined) {
    ({ node: own } = await rack.proposal());
    await rack.coatcheck('approve', own, '--yes');
  }
  await machine.line(/applied decision 1/);
  await rack.report(own);
  await machine.stop();
  return own;
}

/** Where serial lines are kept; those of a run before are removed by who runs the same tests. */
const LOGS = join('test-results', 'pxe');

/**
 * Puts a rack together, with an image on its boot server.
 * @param name of what is tested: serial lines are kept under it
 * @param options.image {@link testImage}, or another
 * @param options.store a real MinIO, or a folder
 * @param options.dnsmasq its options, instead of the boot server's file; without any there is no DHCP, no DNS
 * @param options.serve where coatcheck listens, and by which names
 * @param options.site more of `coatcheck init`, for another site than the image's
 * @param options.bootServer what its dnsmasq reads, instead of `image/boot-server/dnsmasq.conf`
 */
export async function openRack(
  name: string,
  options: {
    image?: (say: Say) => Promise<TestImage>;
    store?: 'minio' | 'folder';
    dnsmasq?: readonly string[];
    serve?: readonly string[];
    site?: readonly string[];
    bootServer?: string;
  } = {},
): Promise<Rack> {
  const image = await (options.image ?? testImage)((line) => process.stderr.write(`${line}\n`));
  const logs = join(LOGS, name);
  fs.rmSync(logs, { recursive: true, force: true });
  fs.mkdirSync(logs, { recursive: true });
  const network = await openNetwork();
  const { inside } = network;
  const at = (file: string): string => join(network.folder, file);
  const home = at('home');
  if (options.site === undefined) fs.cpSync(image.home, home, { recursive: true });
  else {
    const init = ['--home', home, '--server', SERVER, 'init', '--no-passphrase'];
    await cli('coatcheck', [...init, ...options.site]);
  }
  const ownSite: Files =
    options.site === undefined
      ? {}
      : { 'etc/coatcheck/site.json': fs.readFileSync(join(home, 'site.json'), 'utf8') };
  const guests: Guest[] = [];
  let minio: MinioLab | undefined;
  if (options.store !== 'folder') {
    const found = await findMinio();
    if (found === undefined) throw new Error('there is no MinIO: npm run minio -- --install');
    minio = await startMinioLab(found, at('minio'), () => undefined);
    await network.publish('10.77.0.1:9000', Number(new URL(minio.minio.endpoint).port));
  }
  const served = new Map<string, Uint8Array | string>();
  const files = await serveFiles(image.folder, served);
  await network.publish('10.77.0.1:8080', files.port);
  const tftp = ['--enable-tftp', `--tftp-root=${resolve(image.folder)}`];
  const { bootServer = 'image/boot-server/dnsmasq.conf' } = options;
  const { dnsmasq = [`--conf-file=${bootServer}`, ...tftp] } = options;
  if (dnsmasq.length > 0) await network.dnsmasq(dnsmasq);

  let serving: ChildProcess | undefined;
  let requests = '';
  /** Waits for a request that a machine made, and that nobody waited for yet. */
  const asked = async (what: string): Promise<void> => {
    const line = new RegExp(`^20\\d POST /v1/nodes/\\S+/${what}`, 'm');
    await until(() => line.test(requests) || failIfOff(guests));
    const { index, 0: found } = line.exec(requests)!;
    requests = requests.slice(index + found.length);
  };
  const server = {
    start: async (): Promise<void> => {
      const store =
        minio === undefined
          ? []
          : ['--store', `s3://${minio.bucket}`, '--endpoint', 'http://10.77.0.1:9000'].concat(
              '--credentials',
              minio.credentialsFile,
            );
      const [program, ...rest] = [
        ...[...inside, process.execPath, join('dist', 'coatcheck.mjs'), '--home', home],
        ...['serve', ...(options.serve ?? ['--host', '10.77.0.1']), ...store],
      ];
      const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
      serving = child;
      child.stderr.setEncoding('utf8').on('data', (text: string) => (requests += text));
      const ended = once(child, 'close').then(() => {
        throw new Error(`coatcheck serve ended: ${requests}`);
      });
      await Promise.race([once(child.stdout, 'data'), ended]);
      ended.catch(() => undefined);
    },
    stop: async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
      const ended = once(serving!, 'exit');
      serving!.kill(signal);
      await ended;
    },
  };
  await server.start();

  const coatcheck = async <T>(...args: string[]): Promise<T> =>
    JSON.parse(await cli('coatcheck', ['--home', home, '--json', ...args], inside)) as T;

  /** Makes its boot script and its port of the switch. */
  async function plug(number: number, given: Boot): Promise<Omit<GuestOptions, 'log'>> {
    const { append, commandLine, args = [], local, loaded, bare } = given;
    const overlay = { ...ownSite, ...given.files };
    const hasOverlay = Object.keys(overlay).length > 0;
    served.set('more.img', '');
    if (hasOverlay) {
      await makeOverlay(overlay, at('more.img'));
      served.set('more.img', fs.readFileSync(at('more.img')));
    }
    const own =
      append === undefined
        ? fs.readFileSync(join(image.folder, 'boot.ipxe'), 'utf8')
        : ipxe(append);
    const script = own
      .replace(/(?<=^kernel vmlinuz initrd=initrd\.img ).*/m, (all) => {
        return `${commandLine ?? all} ${EMULATED}`;
      })
      .replace(/^initrd initrd\.img$/m, `$&${hasOverlay ? '\ninitrd more.img' : ''}`);
    served.set('boot.ipxe', given.script ?? script);
    const two = twoDigits(number);
    const tap = await network.tap();
    const mac = macOf(number);
    const isNetworkBoot = local === undefined && loaded === undefined;
    // Without a ROM BIOS boots nothing from it.
    const rom = isNetworkBoot && bare === undefined ? '' : ',romfile=';
    const index = isNetworkBoot ? ',bootindex=1' : '';
    const nic = `virtio-net-pci,netdev=n0,mac=${mac}${index}${rom}`;
    return {
      inside,
      ...(given.memory !== undefined && { memory: given.memory }),
      args: [
        ...['-netdev', `tap,id=n0,ifname=${tap},script=no,downscript=no`, '-device', nic],
        ...(loaded ? await handedOver(append ?? '', hasOverlay) : []),
        ...args,
      ],
      uuid: `6f0d0c1e-5a3b-4c2d-8e1f-0000000000${two}`,
    };
  }

  /** A processor that can do little: the kernel loads, and tests, less for it. */
  async function handedOver(append: string, hasOverlay: boolean): Promise<string[]> {
    let initrd = join(image.folder, 'initrd.img');
    if (hasOverlay) {
      const padded = 'cat "$1" > "$0" && truncate --size=%4 "$0" && cat "$2" >> "$0"';
      await must(['sh', '-c', padded, at('both.img'), initrd, at('more.img')]);
      initrd = at('both.img');
    }
    return [
      ...['-cpu', 'qemu64,+rdrand', '-kernel', join(image.folder, 'vmlinuz'), '-initrd', initrd],
      ...['-append', argumentsOf(`${append} ${EMULATED}`)],
    ];
  }

  const login = (number: number, address: string): string[] => [
    ...[...inside, 'ssh', '-i', image.sshKey, '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR'],
    ...['-o', `UserKnownHostsFile=${at('known-hosts')}`, '-o', 'StrictHostKeyChecking=accept-new'],
    // Whatever its address: it is known by its keys, from the first time on.
    ...['-o', `HostKeyAlias=machine-${number}`, '-o', 'ConnectTimeout=10', `root@${address}`],
  ];

  /** Until sshd listens, at the address that the machine has by then: its firmware had another one. */
  async function runInside(number: number, command: string): Promise<string> {
    for (;;) {
      const address = addressOf(fs.readFileSync(at('dnsmasq.log'), 'utf8'), macOf(number));
      const { code, stdout, stderr } = await run([...login(number, address), command]);
      if (code === 0) return stdout;
      if (code !== 255) throw new Error(`${command} ended with ${code}: ${stderr}${stdout}`);
      failIfOff(guests);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  async function boot(number: number, given: Boot = {}): Promise<Machine> {
    const two = twoDigits(number);
    const log = join(logs, `${two}-${guests.length}.log`);
    for (const other of guests) await other.stop();
    const guest = startGuest({ ...(await plug(number, given)), log });
    guests.push(guest);
    const ssh = (command: string): Promise<string> => runInside(number, command);
    return { ...guest, ssh };
  }

  return {
    ...{ network, home, served, coatcheck, boot, server },
    attend: async (number, given) => {
      const [program, ...rest] = [...qemu(await plug(number, given)), '-serial', 'mon:stdio'];
      await once(spawn(program, rest, { stdio: 'inherit' }), 'exit');
    },
    proposal: async (...but) => {
      let found: Waiting | undefined;
      const isOther = ({ digest }: Waiting): boolean => !but.some((one) => one.digest === digest);
      await asked('proposals');
      // It asked where to put it, and puts it there.
      await until(async () => {
        const { pending } = await coatcheck<{ pending: Waiting[] }>('pending');
        found = pending.find(isOther);
        return found !== undefined;
      });
      return found!;
    },
    report: async (node) => {
      let shown: Shown | undefined;
      await asked('reports');
      await until(async () => {
        shown = await coatcheck<Shown>('show', node);
        const { report, decision } = shown;
        return report !== undefined && report.statementDigest === decision?.statementDigest;
      });
      return shown!;
    },
    close: async () => {
      for (const guest of guests) await guest.stop();
      await network.close();
      files.close();
      await minio?.stop();
    },
  };
}

const twoDigits = (number: number): string => String(number).padStart(2, '0');
const macOf = (number: number): string => `52:54:00:77:00:${twoDigits(number)}`;

function failIfOff(guests: readonly Guest[]): false {
  const last = guests.at(-1);
  if (last?.isOff() === true) {
    throw new Error(
      `the machine is off; it said last:\n${last.said().split('\n').slice(-25).join('\n')}`,
    );
  }
  return false;
}

/** Of what dnsmasq logged: the address that a card was given last. */
function addressOf(log: string, mac: string): string {
  const given = [...log.matchAll(/DHCPACK\(\S+\) (\S+) (\S+)/g)].filter(([, , to]) => to === mac);
  return given.at(-1)?.[1] ?? '10.77.0.255';
}

/** Serves a folder by HTTP on the loopback interface, and over it what `more` has. */
async function serveFiles(
  folder: string,
  more: ReadonlyMap<string, Uint8Array | string>,
): Promise<{ port: number; close: () => void }> {
  const server = createServer((request, response) => {
    const name = normalize(`/${request.url ?? ''}`).slice(1);
    const own = more.get(name);
    if (own !== undefined) {
      // UEFI asks for the length first, and stands still without.
      response.writeHead(200, { 'content-length': Buffer.byteLength(own) }).end(own);
      return;
    }
    const path = join(folder, name);
    if (!fs.existsSync(path)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-length': fs.statSync(path).size });
    fs.createReadStream(path).pipe(response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
