import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../../bundle/platform/node.ts';
import { toHex } from '../../../bundle/bytes.ts';
import { freePort } from '../../../local-minio/server-process.ts';
import { signRequest } from '../../../protocol/request-signature.ts';
import { formatSite } from '../../../protocol/site.ts';
import { SITE } from '../fleet.ts';
import type { FleetNode } from '../fleet.ts';
import type { Visitor } from '../generator.ts';
import { launch } from '../launch.ts';
import type { Launched } from '../launch.ts';

/** `coatcheck serve` as users run it. */
export interface Coatcheck extends Launched {
  readonly url: string;
}

/**
 * @param home made if it is missing
 * @param options.commands the folder of the built commands
 * @param options.store the arguments that name the store; its own folder in `home` otherwise
 */
export async function startCoatcheck(
  home: string,
  options: { commands: string; store?: readonly string[] },
): Promise<Coatcheck> {
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'site.json'), formatSite(SITE));
  const port = await freePort();
  const server = await launch(
    [
      ...([process.execPath, join(options.commands, 'coatcheck.mjs')] as const),
      ...['--home', home, 'serve', '--port', String(port), ...(options.store ?? [])],
    ],
    { port, log: join(home, 'log') },
  );
  return { ...server, url: `http://127.0.0.1:${port}` };
}

/** A boot as the agent does it: its signed request, and the GET that it is given. */
export function boots(server: string, fleet: readonly FleetNode[]): Visitor[] {
  const created = Math.floor(Date.now() / 1000);
  return fleet.map(({ identity, entry }) => {
    const url = new URL(`/v1/nodes/${identity.id}/config`, server);
    const headers = signRequest({ method: 'GET', url, site: SITE.id, identity, created });
    return {
      requests: [
        { method: 'GET', url: url.href, headers, status: 200 },
        { method: 'GET', presigned: true, status: 200, sha256: toHex(sha256(entry)) },
      ],
    };
  });
}
