import { fail } from './errors.ts';

/** `/a/b`: unreserved characters (RFC 3986) alone, which no proxy writes in two ways. */
const BASE_PATH = /^(?:\/[A-Za-z0-9._~-]+)*$/;

/**
 * Whether `text` can be the path below which a server answers: empty, or parts of letters, digits
 * and `.`, `_`, `~`, `-`, each after a slash, none of them `.` or `..`; no slash at the end.
 */
export function isBasePath(text: string): boolean {
  return BASE_PATH.test(text) && !/\/\.{1,2}(?:\/|$)/.test(text);
}

/**
 * Whether `text` is the address of a server: `http://` or `https://` with a host and perhaps a port,
 * as `URL` writes them, and perhaps the path below which it answers ({@link isBasePath}).
 */
export function isServerAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const path = basePathOf(url);
  return /^https?:$/.test(url.protocol) && isBasePath(path) && `${url.origin}${path}` === text;
}

/** The path below which a server answers: that of its address, without a slash at the end. */
export function basePathOf({ pathname }: Pick<URL, 'pathname'>): string {
  return pathname.replace(/\/$/, '');
}

/** `*.` before a name: a bucket of that host, and nothing that an address is. */
const ANY_BUCKET = /^(https?:\/\/)\*\.(?=[^/:]*[A-Za-z])/;

/**
 * Whether `text` names a store as a site does: an origin as `URL` writes it, such as
 * `https://store.example:9000`, or with `*.` before its name for those with a bucket's name there.
 */
export function isStoreOrigin(text: string): boolean {
  const plain = text.replace(ANY_BUCKET, '$1');
  return !plain.includes('*') && isServerAddress(plain) && new URL(plain).origin === plain;
}

/** Whose word a URL is, and where that may lead. */
export interface UrlBounds {
  /** Address of the server that named it */
  readonly server: string;
  /** What the site names, as {@link isStoreOrigin} has it; undefined: it names none, and any host may be */
  readonly stores: readonly string[] | undefined;
}

/**
 * Demands of a URL from a server's answer that it is one of http or https, without a password, and
 * leads to that server or to a store that the site names, if it names any.
 * @throws answer_refused
 */
export function assertWithin(text: string, { server, stores }: UrlBounds): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    `${url.username}${url.password}` !== ''
  ) {
    throw fail(
      'answer_refused',
      `the answer of ${server} names something that is no URL of a store`,
    );
  }
  if (stores === undefined) return;
  const origins = [new URL(server).origin, ...stores];
  if (origins.some((origin) => isOf(url.origin, origin))) return;
  const said = `the answer of ${server} leads to ${url.origin}, which is neither that server nor one of the site's stores`;
  throw fail('answer_refused', `${said}: it is not asked`);
}

function isOf(origin: string, named: string): boolean {
  const [, scheme] = ANY_BUCKET.exec(named) ?? [];
  if (scheme === undefined) return origin === named;
  return origin.startsWith(scheme) && origin.endsWith(named.slice(scheme.length + 1));
}

/**
 * The addresses among a site's stores, as `URL` writes them, without brackets: named by the site, they
 * may be any. A name is none, whatever it resolves to.
 */
export function addressesIn(stores: readonly string[] = []): string[] {
  return stores.flatMap((named) => {
    const host = URL.canParse(named) ? new URL(named).hostname : '';
    if (host === 'localhost') return ['127.0.0.1', '::1'];
    return /^(\d+\.){3}\d+$|^\[/.test(host) ? [host.replace(/^\[|\]$/g, '')] : [];
  });
}
