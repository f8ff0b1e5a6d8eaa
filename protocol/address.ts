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
