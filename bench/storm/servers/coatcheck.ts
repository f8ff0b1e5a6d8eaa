import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../../local-minio/server-process.ts';
import { formatSite } from '../../../protocol/site.ts';
import { SITE } from '../fleet.ts';
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
