import type { StoreFlags } from '../../functions/stores/kind.ts';
import { describePlace, openStore, storePlace } from '../../functions/stores/kinds.ts';
import { fail } from '../../protocol/errors.ts';
import { isServerAddress } from '../../protocol/address.ts';
import { hasRoot, NO_ROOT } from '../../net/certificates.ts';
import type { Context } from '../context.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { readSite } from '../site-file.ts';
import { publicEvents } from '../../functions/notify/event.ts';
import { openNotifying } from '../notify.ts';
import type { NotifyFlags } from '../notify.ts';
import { nextInterrupt } from '../interrupt.ts';
import { serviceManager } from '../service-manager.ts';

/** What `coatcheck serve` was told; numbers are text still. */
export interface ServeFlags extends StoreFlags, NotifyFlags {
  readonly host: string;
  readonly port: string;
  readonly publicUrl: readonly string[];
  readonly tokenFile?: string;
}

/**
 * `coatcheck serve`: the server on this machine, until Ctrl-C. Needs `site.json` and the store;
 * never the administrator's key.
 */
export async function serve(context: Context, flags: ServeFlags): Promise<void> {
  const { terminal, home } = context;
  const site = await readSite(home);
  const place = storePlace(flags, home);
  const { publicUrl, tokenFile } = flags;
  if (!publicUrl.every(isServerAddress)) {
    throw fail(
      'usage',
      '--public-url is an address such as https://coatcheck.lan or https://lan.example/coatcheck',
    );
  }
  if (site.ca !== undefined && !hasRoot(site.ca)) terminal.warn(NO_ROOT);
  const notifying = await openNotifying(context, site, flags);
  // No other command needs what an HTTP server is made of: most of what there is to load.
  const { startServer } = await import('../../functions/serve/server.ts');
  const server = await startServer({
    site,
    store: await openStore(place, { ca: site.ca }),
    host: flags.host,
    port: parsePort(flags.port),
    publicUrl,
    ...(tokenFile === undefined ? {} : { token: await readToken(tokenFile) }),
    notice: (text) => {
      terminal.hint(text);
    },
    ...(notifying === undefined
      ? {}
      : {
          states: (states) => {
            notifying.saw(publicEvents(states, site, Math.floor(Date.now() / 1000)));
          },
        }),
    log: ({ method, route, status, milliseconds, code, reason }) => {
      const why = [code, reason].filter((text) => text !== undefined).join(': ');
      // What a store says is escaped in the reason; a method is one that Node's parser knows.
      terminal.hint(`${status} ${method} ${route} ${milliseconds.toFixed(0)} ms ${why}`.trimEnd());
    },
  });
  const stopped = nextInterrupt();
  terminal.document({ url: server.url, port: server.port });
  terminal.print(`serving site ${site.name} on ${server.url}`);
  terminal.hint(`objects are in ${describePlace(place)}; Ctrl-C stops`);
  const manager = serviceManager(context.env);
  await manager.ready(`serving site ${site.name} on ${server.url}`);
  await stopped;
  await manager.stopping();
  await server.close();
  await notifying?.stop();
  terminal.hint('stopped');
}

/** A port as a command line has it. @throws usage */
export function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw fail('usage', '--port is a number from 0 to 65535');
  }
  return Number(text);
}

async function readToken(path: string): Promise<string> {
  // As a node reads its own copy.
  return textIn(await readLocalFile(path, { maxBytes: 256, secret: true }), path).trim();
}
