import { join } from 'node:path';
import { approvedKey } from '../../protocol/keys.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import type { Row } from '../result.ts';
import { fill } from './fleet.ts';
import type { FleetNode } from './fleet.ts';
import type { Generator, Visitor } from './generator.ts';
import type { Launched } from './launch.ts';
import { apache } from './servers/apache.ts';
import { certificateBoots, startCertificateServer } from './servers/certificate-server.ts';
import type { CertificateProgram } from './servers/certificate-server.ts';
import { startCoatcheck } from './servers/coatcheck.ts';
import { presignedGets, startMinioServer } from './servers/minio.ts';
import { nginx } from './servers/nginx.ts';
import { boots } from './tasks.ts';

export const EMBEDDED = 'coatcheck, embedded store';
export const NGINX = 'nginx, client certificates';
const APACHE = 'Apache WebDAV, client certificates';
export const ON_MINIO = 'coatcheck on MinIO';
export const BARE = 'MinIO alone, signed before';

/** A server that a fleet boots from. */
export interface Contender {
  readonly name: string;
  /** Of all processes that the server consists of. */
  readonly pids: readonly number[];
  /** Made right before each round: signatures are good for minutes. */
  readonly visitors: () => Visitor[] | Promise<Visitor[]>;
  readonly ca?: string;
}

export interface Contenders {
  readonly running: readonly Contender[];
  /** What cannot be run here, and why. */
  readonly missing: readonly Row[];
  readonly stop: () => Promise<void>;
}

/**
 * Starts every server and gives it the fleet's objects.
 *
 * @param options.folder empty; everything is made in here
 * @param options.commands the folder of the built commands
 * @param options.only their names; all of them otherwise
 */
export async function startContenders(options: {
  folder: string;
  commands: string;
  generator: Generator;
  fleet: readonly FleetNode[];
  only?: readonly string[];
}): Promise<Contenders> {
  const { folder, commands, generator, fleet, only } = options;
  const certificates = join(folder, 'certificates');
  const running: Contender[] = [];
  const missing: Row[] = [];
  const servers: Launched[] = [];
  const started = <T extends Launched>(server: T): T => (servers.push(server), server);

  async function embedded(): Promise<void> {
    const home = join(folder, 'embedded');
    const store = await openFilesystemStore(join(home, 'store'), { create: true });
    await fill(store, fleet, ({ id }) => [approvedKey(id)]);
    const server = started(await startCoatcheck(home, { commands }));
    const visitors = (): Visitor[] => boots(server.url, fleet);
    running.push({ name: EMBEDDED, pids: [server.pid], visitors });
  }

  async function withCertificates(name: string, program: CertificateProgram): Promise<void> {
    const place = { folder: join(folder, program.name), certificates, fleet };
    const server = started(await startCertificateServer(program, place));
    const visitors = (): Visitor[] => certificateBoots(server, { certificates, fleet });
    running.push({ name, pids: [server.pid], visitors, ca: join(certificates, 'ca.pem') });
  }

  async function onMinio(): Promise<void> {
    const minio = started(await startMinioServer(folder));
    await fill(minio.store, fleet, ({ id }) => [approvedKey(id)]);
    const store = minio.storeArguments;
    const server = started(await startCoatcheck(join(folder, 'on-minio'), { commands, store }));
    const { pid, signer } = minio;
    const visitors = (): Visitor[] => boots(server.url, fleet);
    running.push({ name: ON_MINIO, pids: [server.pid, pid], visitors });
    running.push({ name: BARE, pids: [pid], visitors: () => presignedGets(signer, fleet) });
  }

  const stop = async (): Promise<void> => {
    for (const server of servers.reverse()) await server.stop();
  };
  const starts: [names: string[], start: () => Promise<void>][] = [
    [[EMBEDDED], embedded],
    [[NGINX], () => withCertificates(NGINX, nginx)],
    [[APACHE], () => withCertificates(APACHE, apache)],
    [[ON_MINIO, BARE], onMinio],
  ];
  const names = fleet.map(({ identity }) => identity.id);
  generator.makeCertificates(certificates, names);
  for (const [wanted, start] of starts) {
    if (only !== undefined && !wanted.some((name) => only.includes(name))) continue;
    try {
      await start();
    } catch (error) {
      const note = error instanceof Error ? error.message : String(error);
      missing.push(...wanted.map((name) => ({ name, note })));
    }
  }
  return { running, missing, stop };
}
