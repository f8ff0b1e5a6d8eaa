import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, mkdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { findMinio } from '../../local-minio/find.ts';
import { startMinioLab } from '../../local-minio/lab.ts';
import type { Say } from '../../packaging/run.ts';
import { openNetwork } from '../support/network.ts';
import { startGuest } from './guest.ts';
import type { Guest } from './guest.ts';
import { testImage } from './image.ts';
import type { TestImage } from './image.ts';
import { cli } from './programs.ts';

/** One rack: a switch with DHCP, TFTP, DNS; a boot server; coatcheck on a MinIO. */
export interface Rack {
  /** Runs `coatcheck` as its administrator, and answers with its JSON document. */
  coatcheck<T>(...args: string[]): Promise<T>;
  /**
   * Switches a machine on.
   * @param number 1 to 99: its MAC and UUID follow from it
   * @param more of QEMU's arguments
   */
  boot(number: number, more?: readonly string[]): Promise<Guest>;
  close(): Promise<void>;
}

/** Where serial lines are kept. */
const LOGS = join('test-results', 'pxe');

/** Puts a rack together, with an image on its boot server. */
export async function openRack(image: (say: Say) => Promise<TestImage> = testImage): Promise<Rack> {
  const { home, folder } = await image((line) => process.stderr.write(`${line}\n`));
  mkdirSync(LOGS, { recursive: true });
  const network = await openNetwork();
  const found = await findMinio();
  if (found === undefined) throw new Error('there is no MinIO: npm run minio -- --install');
  const minio = await startMinioLab(found, join(network.folder, 'minio'), () => undefined);
  const files = await serveFiles(folder);
  await network.publish('10.77.0.1:9000', Number(new URL(minio.minio.endpoint).port));
  await network.publish('10.77.0.1:8080', files.port);
  await network.dnsmasq(['--conf-file=image/boot-server/dnsmasq.conf']);
  const [program, ...rest] = [
    ...[...network.inside, process.execPath, join('dist', 'coatcheck.mjs'), '--home', home],
    ...['serve', '--host', '10.77.0.1', '--store', `s3://${minio.bucket}`],
    ...['--endpoint', 'http://10.77.0.1:9000', '--credentials', minio.credentialsFile],
  ];
  const server = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(server.stdout, 'data');
  const guests: Guest[] = [];
  return {
    coatcheck: async <T>(...args: string[]) =>
      JSON.parse(await cli('coatcheck', ['--home', home, '--json', ...args], network.inside)) as T,
    boot: async (number, more = []) => {
      const two = String(number).padStart(2, '0');
      const tap = await network.tap();
      const nic = `virtio-net-pci,netdev=n0,mac=52:54:00:77:00:${two},bootindex=1`;
      const guest = startGuest({
        inside: network.inside,
        args: [
          ...['-netdev', `tap,id=n0,ifname=${tap},script=no,downscript=no`, '-device', nic],
          ...more,
        ],
        uuid: `6f0d0c1e-5a3b-4c2d-8e1f-0000000000${two}`,
        log: join(LOGS, `${two}-${guests.length}.log`),
      });
      guests.push(guest);
      return guest;
    },
    close: async () => {
      for (const guest of guests) await guest.stop();
      await network.close();
      files.close();
      await minio.stop();
    },
  };
}

/** Serves a folder by HTTP on the loopback interface. */
async function serveFiles(folder: string): Promise<{ port: number; close: () => void }> {
  const server = createServer((request, response) => {
    const path = join(folder, normalize(`/${request.url ?? ''}`));
    if (!existsSync(path)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-length': statSync(path).size });
    createReadStream(path).pipe(response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
