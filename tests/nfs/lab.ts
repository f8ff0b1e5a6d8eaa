import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { startGuest } from '../pxe/guest.ts';
import type { Guest } from '../pxe/guest.ts';
import { EMULATED } from '../pxe/image.ts';
import { openNetwork, until } from '../support/network.ts';
import type { Commands } from './client.ts';
import { makeBoot } from './initramfs.ts';

/** A machine with the kernel's client of NFS. */
export interface Client {
  /** Does a command of `client.ts` in it. @throws Refused where that throws */
  call<Name extends keyof Commands>(
    command: Name,
    ...args: Parameters<Commands[Name]>
  ): Promise<Awaited<ReturnType<Commands[Name]>>>;
  /** The power goes. */
  stop(): Promise<void>;
}

/** What was thrown in a machine. */
export class Refused extends Error {
  readonly code: string;
  constructor({ code, message }: { code: string; message: string }) {
    super(message);
    this.code = code;
  }
}

/** A server of NFS, nfs-ganesha, and machines that mount what it exports. */
export interface Lab {
  /** What is exported, as this machine sees it */
  readonly exported: string;
  /** Switches a machine on. @param number 11 to 99, the end of its address */
  boot(number: number): Promise<Client>;
  server: {
    start(): Promise<void>;
    /** As a power cut does: at once. */
    kill(): Promise<void>;
  };
  /**
   * A way to the server, at port 2050, that loses what the server answers, from the first call on which has these
   * texts in it, until it is mended: the calls arrive.
   */
  losing(...texts: string[]): Promise<{
    /** Once the call is on its way */
    lost(): Promise<void>;
    /** Cuts what is open, and loses nothing more. */
    mend(): Promise<void>;
    close(): Promise<void>;
  }>;
  close(): Promise<void>;
}

const LOGS = join('test-results', 'nfs');

/** @param name serial lines are kept under it */
export async function openLab(name: string): Promise<Lab> {
  const logs = join(LOGS, name);
  fs.rmSync(logs, { recursive: true, force: true });
  fs.mkdirSync(logs, { recursive: true });
  const network = await openNetwork();
  const { inside } = network;
  const at = (file: string): string => join(network.folder, file);
  const boot = await makeBoot(network.folder);
  const exported = at('exported');
  for (const folder of [exported, at('recovery')]) fs.mkdirSync(folder);
  fs.writeFileSync(at('ganesha.conf'), ganeshaOf(exported, at('recovery')));
  const guests: Guest[] = [];
  let ganesha: ChildProcess | undefined;

  const start = (command: readonly string[], stdio: 'ignore' | 'pipe'): ChildProcess => {
    const [program, ...args] = [...inside, ...command];
    return spawn(program!, args, { stdio: [stdio, stdio, 'inherit'] });
  };

  const server = {
    async start() {
      const log = join(logs, 'ganesha.log');
      fs.rmSync(log, { force: true });
      const [conf, pid] = [at('ganesha.conf'), at('ganesha.pid')];
      ganesha = start(['ganesha.nfsd', '-F', '-f', conf, '-L', log, '-p', pid], 'ignore');
      await until(
        () => fs.existsSync(log) && fs.readFileSync(log, 'utf8').includes('NFS SERVER INITIALIZED'),
      );
    },
    async kill() {
      const ended = once(ganesha!, 'exit');
      ganesha!.kill('SIGKILL');
      await ended;
    },
  };

  async function losing(...texts: string[]): ReturnType<Lab['losing']> {
    const proxy = start([process.execPath, '-e', LOSING, ...texts], 'pipe');
    let said = '';
    proxy.stdout!.setEncoding('utf8').on('data', (more: string) => (said += more));
    await until(() => said.includes('ready'));
    return {
      lost: () => until(() => said.includes('lost')),
      async mend() {
        proxy.stdin!.write('mend\n');
        await until(() => said.includes('mended'));
      },
      async close() {
        const ended = once(proxy, 'exit');
        proxy.kill();
        await ended;
      },
    };
  }

  async function bootClient(number: number): Promise<Client> {
    const tap = await network.tap();
    const guest = startGuest({
      inside: ['nice', '-n', '10', ...inside],
      memory: 640,
      uuid: `6f0d0c1e-5a3b-4c2d-8e1f-0000000000${number}`,
      log: join(logs, `client-${number}-${guests.length}.log`),
      args: [
        ...['-netdev', `tap,id=n0,ifname=${tap},script=no,downscript=no`],
        ...['-device', `virtio-net-pci,netdev=n0,mac=52:54:00:77:00:${number},romfile=`],
        ...['-kernel', boot.kernel, '-initrd', boot.initramfs],
        ...['-append', `console=ttyS0 loglevel=1 machine=${number} ${EMULATED}`],
      ],
    });
    guests.push(guest);
    await guest.line(/^#"ready"$/);
    return {
      async call(command, ...[args = {}]) {
        guest.type(`${JSON.stringify({ command, args })}\n`);
        const [, answer] = await guest.line(/^#(\{.*\})$/);
        const { gives, code, message } = JSON.parse(answer!) as {
          gives: never;
          code?: string;
          message: string;
        };
        if (code !== undefined) throw new Refused({ code, message });
        return gives;
      },
      stop: () => guest.stop(),
    };
  }

  await server.start();
  return {
    ...{ exported, boot: bootClient, server, losing },
    async close() {
      for (const guest of guests) await guest.stop();
      await network.close();
    },
  };
}

/** Nobody maps names of users here. Leases are short, so that a server that has started again waits for its clients no longer than that. */
const ganeshaOf = (exported: string, recovery: string): string => `
NFS_CORE_PARAM { Protocols = 4; Bind_addr = 10.77.0.1; Enable_NLM = false; Enable_RQUOTA = false; }
NFSv4 { Minor_Versions = 1, 2; Delegations = false; Only_Numeric_Owners = true; RecoveryBackend = fs; RecoveryRoot = ${recovery};
  Grace_Period = 10; Lease_Lifetime = 5; }
EXPORT { Export_Id = 1; Path = ${exported}; Pseudo = /store; Access_Type = RW; Squash = No_Root_Squash; SecType = sys;
  FSAL { Name = VFS; } }
`;

const LOSING = `
  const { connect, createServer } = require('node:net');
  const texts = process.argv.slice(1);
  let losing = false, mended = false;
  const pairs = new Set();
  const server = createServer((near) => {
    const far = connect(2049, '10.77.0.1');
    pairs.add(near).add(far);
    const end = () => { near.destroy(); far.destroy(); };
    near.on('error', end).on('close', end);
    far.on('error', end).on('close', end);
    near.on('data', (data) => {
      if (!mended && !losing && texts.every((text) => data.includes(text))) { losing = true; console.log('lost'); }
      far.write(data);
    });
    far.on('data', (data) => { if (!losing) near.write(data); });
  });
  process.stdin.on('data', () => {
    losing = false; mended = true;
    for (const socket of pairs) socket.destroy();
    console.log('mended');
  });
  server.listen(2050, '10.77.0.1', () => console.log('ready'));
`;
