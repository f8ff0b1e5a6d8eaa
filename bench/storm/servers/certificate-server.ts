import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '../../../bundle/bytes.ts';
import { sha256 } from '../../../bundle/platform/node.ts';
import { freePort } from '../../../local-minio/server-process.ts';
import type { FleetNode } from '../fleet.ts';
import type { Visitor } from '../generator.ts';
import { launch } from '../launch.ts';
import type { Launched } from '../launch.ts';

/** nginx or Apache: how it is started, and what it is told. */
export interface CertificateProgram {
  readonly name: string;
  readonly command: (configuration: string) => readonly [string, ...string[]];
  readonly configuration: (site: CertificateSite) => string;
}

export interface CertificateSite {
  /** The server's alone. Its workers may be another user, who can read all of it. */
  readonly folder: string;
  readonly port: number;
  /** Holds each node's object as `served/<node>`. */
  readonly root: string;
  /** Holds `ca.pem`, `server.pem` and `<node>.pem`. */
  readonly certificates: string;
  readonly nodes: readonly string[];
}

/** A web server that gives each node its file by the name in the node's certificate. */
export interface CertificateServer extends Launched {
  /** e.g. `https://127.0.0.1:40123/served/<node>` */
  readonly urlOf: (node: string) => string;
}

export async function startCertificateServer(
  { command, configuration }: CertificateProgram,
  place: { folder: string; certificates: string; fleet: readonly FleetNode[] },
): Promise<CertificateServer> {
  const { folder, certificates, fleet } = place;
  const root = join(folder, 'www');
  mkdirSync(join(root, 'served'), { recursive: true });
  for (const path of [folder, root, join(root, 'served')]) chmodSync(path, 0o755);
  for (const { identity, entry } of fleet) {
    writeFileSync(join(root, 'served', identity.id), entry, { mode: 0o644 });
  }
  const port = await freePort();
  const nodes = fleet.map(({ identity }) => identity.id);
  const file = join(folder, 'configuration');
  writeFileSync(file, configuration({ folder, port, root, certificates, nodes }));
  const server = await launch(command(file), { port, log: join(folder, 'log') });
  return { ...server, urlOf: (node) => `https://127.0.0.1:${port}/served/${node}` };
}

/** A boot without coatcheck: one GET with the node's certificate. */
export function certificateBoots(
  { urlOf }: CertificateServer,
  { certificates, fleet }: { certificates: string; fleet: readonly FleetNode[] },
): Visitor[] {
  return fleet.map(({ identity, entry }) => ({
    certificate: join(certificates, `${identity.id}.pem`),
    requests: [
      { method: 'GET', url: urlOf(identity.id), status: 200, sha256: toHex(sha256(entry)) },
    ],
  }));
}
