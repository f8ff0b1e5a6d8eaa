import type { StoreFlags } from '../../functions/stores/kind.ts';
import { describePlace, openStore, storePlace } from '../../functions/stores/kinds.ts';
import { fail } from '../../protocol/errors.ts';
import { isServerAddress } from '../../protocol/address.ts';
import { hasRoot, NO_ROOT } from '../../net/certificates.ts';
import { readServerCertificate } from '../../functions/serve/tls-files.ts';
import type { ServerCertificate } from '../../functions/serve/tls-files.ts';
import type { Context } from '../context.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { readSite } from '../site-file.ts';
import type { RequestLog } from '../../functions/app.ts';
import { escapeJson } from '../../protocol/escape.ts';
import type { Terminal } from '../terminal.ts';
import { publicEvents } from '../../functions/notify/event.ts';
import { openNotifying } from '../notify.ts';
import type { NotifyFlags } from '../notify.ts';
import { nextInterrupt } from '../interrupt.ts';
import { handedSocket, serviceManager } from '../service-manager.ts';

/** What `coatcheck serve` was told; numbers are text still. */
export interface ServeFlags extends StoreFlags, NotifyFlags {
  readonly host: string;
  readonly port: string;
  readonly publicUrl: readonly string[];
  readonly tokenFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly metrics?: string;
  readonly log: string;
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
  const log = logOf(terminal, flags.log);
  const metricsAt = flags.metrics === undefined ? undefined : parseListener(flags.metrics);
  const tls = tlsFiles(flags);
  const certificate = tls && (await certificateOf(tls));
  const socket = handedSocket(context.env);
  const notifying = await openNotifying(context, site, flags);
  // No other command needs what an HTTP server is made of: most of what there is to load.
  const { startServer } = await import('../../functions/serve/server.ts');
  const { createMetrics } = await import('../../functions/serve/metrics.ts');
  const counts = metricsAt && createMetrics();
  const store = await openStore(place, { ca: site.ca, observe: counts?.store });
  const server = await startServer({
    site,
    store,
    host: flags.host,
    port: parsePort(flags.port),
    ...(socket === undefined ? {} : { socket }),
    publicUrl,
    ...(tokenFile === undefined ? {} : { token: await readToken(tokenFile) }),
    notice: log.notice,
    ...(certificate === undefined ? {} : { certificate }),
    ...(counts && { metrics: { counts, ...metricsAt } }),
    ...(notifying === undefined
      ? {}
      : {
          states: (states) => {
            notifying.saw(publicEvents(states, site, Math.floor(Date.now() / 1000)));
          },
        }),
    log: log.request,
  });
  const stopped = nextInterrupt();
  const { url, port, metricsUrl } = server;
  terminal.document({ url, port, ...(metricsUrl === undefined ? {} : { metrics: metricsUrl }) });
  terminal.print(`serving site ${site.name} on ${url}`);
  if (socket !== undefined)
    log.notice('systemd handed the socket over: --host and --port are not used');
  if (metricsUrl !== undefined) log.notice(`metrics are on ${metricsUrl}`);
  if (publicUrl.length === 0 && isLoopback(new URL(url).hostname)) {
    log.notice(
      `only this machine reaches ${url}: for others give --host ADDRESS, or behind a proxy say by --public-url how they do`,
    );
  }
  log.notice(`objects are in ${describePlace(place)}; Ctrl-C stops`);
  const stopRenewing = tls && server.show && showAnew(tls, server.show, log.notice);
  const manager = serviceManager(context.env);
  await manager.ready(`serving site ${site.name} on ${url}`);
  await stopped;
  await manager.stopping();
  stopRenewing?.();
  await server.close();
  await notifying?.stop();
  log.notice('stopped');
}

/** Certificate and key, by their names. */
type TlsFiles = Parameters<typeof readServerCertificate>[0];

/** The two files of TLS. @throws usage for one without the other */
function tlsFiles({ tlsCert, tlsKey }: ServeFlags): TlsFiles | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: tlsCert, key: tlsKey };
  throw fail('usage', '--tls-cert and --tls-key are given together: a certificate and its key');
}

const certificateOf = (files: TlsFiles): Promise<ServerCertificate> =>
  readServerCertificate(files, Math.floor(Date.now() / 1000));

/** At each SIGHUP shows what is in the files then, if it is good. @returns what ends that */
function showAnew(
  files: TlsFiles,
  show: (certificate: ServerCertificate) => void,
  notice: (text: string) => void,
): () => void {
  const onHangUp = (): void => {
    void certificateOf(files).then(
      (other) => {
        show(other);
        notice(`the certificate was read again from ${files.cert}`);
      },
      (error: unknown) => {
        notice(`the certificate of before is kept: ${(error as Error).message}`);
      },
    );
  };
  process.on('SIGHUP', onHangUp);
  return () => {
    process.off('SIGHUP', onHangUp);
  };
}

/** What goes to stderr while the server runs. */
interface ServeLog {
  readonly request: (entry: RequestLog) => void;
  /** What is about no request. */
  readonly notice: (text: string) => void;
}

/** @throws usage */
function logOf(terminal: Terminal, form: string): ServeLog {
  if (form === 'json') {
    const line = (facts: object): void => {
      terminal.log(escapeJson({ time: new Date().toISOString(), ...facts }, 0).trimEnd());
    };
    return { request: line, notice: (notice) => line({ notice }) };
  }
  if (form !== 'text') throw fail('usage', '--log is text or json');
  return {
    request: ({ id, method, route, status, milliseconds, code, reason }) => {
      const why = [code, reason].filter((text) => text !== undefined).join(': ');
      // Whoever was told no more than that it failed has this number.
      const which = status >= 500 && id !== undefined ? ` (request ${id})` : '';
      // What a store says is escaped in the reason; a method is one that Node's parser knows.
      const line = `${status} ${method} ${route} ${milliseconds.toFixed(0)} ms ${why}`;
      terminal.hint(`${line.trimEnd()}${which}`);
    },
    notice: (text) => {
      terminal.hint(text);
    },
  };
}

/** `PORT` of this machine alone, or `HOST:PORT`. @throws usage */
function parseListener(text: string): { readonly host: string; readonly port: number } {
  const [, inBrackets, plain, port = ''] =
    /^(?:(?:\[([^\]]+)\]|([^[\]:]+)):)?(\d+)$/.exec(text) ?? [];
  if (!isPort(port)) {
    throw fail('usage', '--metrics is a port, or HOST:PORT such as 10.0.0.2:9420 or [::1]:9420');
  }
  return { host: inBrackets ?? plain ?? '127.0.0.1', port: Number(port) };
}

const isLoopback = (host: string): boolean => /^(127(\.\d+){3}|\[::1\]|localhost)$/.test(host);

const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) <= 65_535;

/** A port as a command line has it. @throws usage */
export function parsePort(text: string): number {
  if (!isPort(text)) throw fail('usage', '--port is a number from 0 to 65535');
  return Number(text);
}

async function readToken(path: string): Promise<string> {
  // As a node reads its own copy.
  return textIn(await readLocalFile(path, { maxBytes: 256, secret: true }), path).trim();
}
