import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { RootPair } from '../../local-minio/minio.ts';
import { randomRootPair } from '../../local-minio/start.ts';
import { formatSite } from '../../protocol/site.ts';
import { openNetwork, until } from '../support/network.ts';
import type { NetMachine } from '../support/network.ts';
import { BUCKET, DOMAIN, REPLICAS, SITE, STORE } from './site.ts';

/** A program on a machine of its own. */
export interface Member {
  /** As it is started at first, and again after {@link Member.kill} */
  start(): Promise<void>;
  /** SIGKILL: nothing is written any more, and its connections are reset. */
  kill(): Promise<void>;
  /** Pulls the plug: nobody is told. */
  cutOff(): Promise<void>;
  plugIn(): Promise<void>;
}

/** A store of four machines, three servers before it, and a machine for all who ask. */
export interface Cluster {
  readonly root: RootPair;
  readonly folder: string;
  readonly stores: readonly Member[];
  readonly replicas: readonly Member[];
  /** Where clients are: what stands before a command */
  readonly clients: readonly string[];
  /** The file of `--credentials`, which somebody has to write before a server is started */
  readonly credentials: string;
  /** Runs `coatcheck` where a server runs. */
  coatcheck(...args: string[]): ReturnType<NetMachine['run']>;
  close(): Promise<void>;
}

const STORE_ADDRESSES = [11, 12, 13, 14].map((last) => `10.77.0.${last}`);
const REPLICA_ADDRESSES = [21, 22, 23].map((last) => `10.77.0.${last}`);
const CLIENTS = '10.77.0.31';

/**
 * Everything in namespaces on one bridge. Names are DNS's: `store.lan` has four addresses, and SRV records
 * name the servers.
 * @param minio the program
 * @param coatcheck the program
 */
export async function openCluster(minio: string, coatcheck: string): Promise<Cluster> {
  const network = await openNetwork();
  try {
    const { folder } = network;
    const root = randomRootPair();
    const credentials = join(folder, 's3.json');
    await network.dnsmasq([
      ...STORE_ADDRESSES.map((address) => `--host-record=store.${DOMAIN},${address}`),
      ...REPLICAS.flatMap((url, i) => {
        const { hostname, port } = new URL(url);
        return [
          `--host-record=${hostname},${REPLICA_ADDRESSES[i]!}`,
          `--srv-host=_coatcheck._tcp.${DOMAIN},${hostname},${port}`,
        ];
      }),
    ]);
    const plugged = async (address: string): Promise<NetMachine> => {
      const last = address.split('.').at(-1)!;
      const nic = { name: 'eth0', mac: `52:54:00:77:00:${last}`, linked: true };
      const machine = await network.machine([nic], []);
      const line = `ip addr add ${address}/24 dev eth0 && ip link set eth0 up && echo nameserver 10.77.0.1 > /etc/resolv.conf`;
      const { code, stderr } = await machine.run(['sh', '-c', line]);
      if (code !== 0) throw new Error(stderr);
      return machine;
    };
    const drives = STORE_ADDRESSES.map((address, i) => {
      const drive = join(folder, `drive${i + 1}`);
      fs.mkdirSync(drive);
      return `http://${address}:9000${drive}`;
    });
    const stores: Member[] = [];
    for (const address of STORE_ADDRESSES) {
      const command = [minio, 'server', '--address', `${address}:9000`, ...drives];
      stores.push(
        member(await plugged(address), command, () => true, {
          ...{ MINIO_ROOT_USER: root.rootUser, MINIO_ROOT_PASSWORD: root.rootPassword },
          // Takes drives that are folders of one disk.
          ...{ MINIO_CI_CD: '1', MINIO_BROWSER: 'off', MINIO_UPDATE: 'off', HOME: folder },
        }),
      );
    }
    const replicas: Member[] = [];
    let first: NetMachine | undefined;
    for (const [i, address] of REPLICA_ADDRESSES.entries()) {
      const machine = await plugged(address);
      first ??= machine;
      const home = join(folder, `replica${i + 1}`);
      fs.mkdirSync(home);
      fs.writeFileSync(join(home, 'site.json'), formatSite(SITE));
      const command = [
        ...[process.execPath, coatcheck, '--home', home, 'serve', '--host', address],
        ...['--store', `s3://${BUCKET}`, '--endpoint', STORE, '--credentials', credentials],
      ];
      replicas.push(member(machine, command, (said) => said.includes('serving')));
    }
    const clients = await plugged(CLIENTS);
    return {
      ...{ root, folder, stores, replicas, credentials, clients: clients.inside },
      coatcheck: (...args) =>
        first!.run([process.execPath, coatcheck, '--home', join(folder, 'replica1'), ...args]),
      close: () => network.close(),
    };
  } catch (error) {
    await network.close();
    throw error;
  }
}

/** @param isUp by what it has said on stdout */
function member(
  machine: NetMachine,
  command: readonly string[],
  isUp: (said: string) => boolean,
  env?: Record<string, string>,
): Member {
  let child: ChildProcess | undefined;
  const link = async (state: 'up' | 'down'): Promise<void> => {
    const { code, stderr } = await machine.run(['ip', 'link', 'set', 'eth0', state]);
    if (code !== 0) throw new Error(stderr);
  };
  return {
    async start() {
      const started = machine.start(command, env);
      child = started.child;
      await until(() => {
        if (started.child.exitCode !== null) throw new Error(JSON.stringify(started.said));
        return isUp(started.said.stdout);
      });
    },
    async kill() {
      const ended = once(child!, 'close');
      child!.kill('SIGKILL');
      await ended;
    },
    cutOff: () => link('down'),
    plugIn: () => link('up'),
  };
}
