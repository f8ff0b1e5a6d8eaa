import sax from 'sax';

/** What a collection says of one thing in it. */
export interface WebdavEntry {
  /** The path of its URL, as the server has it: encoded, with or without a slash at its end */
  readonly href: string;
  readonly isFolder: boolean;
  /** bytes */
  readonly size: number;
  readonly modified: Date;
  /** As the server has it: quoted, perhaps weak; undefined where it has none */
  readonly etag?: string;
}

/** What is asked about each. */
export const PROPERTIES = Buffer.from(
  '<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/><getetag/></prop></propfind>',
);

const DAV = 'DAV:';
/** `multistatus`, `response`, `propstat`, `prop`, a property, and what is in that */
const MAX_DEPTH = 8;
/** Of a property or a path that is of use: no path is longer, and an ETag far shorter */
const MAX_TEXT = 8192;

interface Found {
  href: string;
  folder: boolean;
  size: string;
  modified: string;
  etag: string;
}

/**
 * The entries of a multistatus (RFC 4918, 13), in its order. It is somebody's word: no document type is
 * taken, so no entity is declared, nothing is deeper than a listing is, and half of one is none.
 * @throws Error where it is none
 */
export function parseEntries(body: Uint8Array): WebdavEntry[] {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  const parser = sax.parser(true, { xmlns: true, position: false });
  const entries: WebdavEntry[] = [];
  const path: string[] = [];
  let found: Found | undefined;
  let here: Omit<Found, 'href'> | undefined;
  let value: string | undefined;

  parser.onerror = (error) => {
    throw error;
  };
  parser.ondoctype = () => {
    throw new Error('it has a document type');
  };
  parser.onopentag = (tag) => {
    const { local, uri } = tag as sax.QualifiedTag;
    const at = `${path.at(-1) ?? ''}/${uri === DAV ? local : ''}`;
    path.push(at);
    if (path.length > MAX_DEPTH) throw new Error('it is too deep');
    if (path[0] !== '/multistatus') throw new Error('it is no listing of WebDAV');
    if (at === '/multistatus/response') found = { ...NOTHING, href: '' };
    else if (at === '/multistatus/response/propstat') here = { ...NOTHING };
    else if (at === '/multistatus/response/propstat/prop/resourcetype/collection' && here)
      here.folder = true;
    value = '';
  };
  const take = (said: string): void => {
    value = value === undefined ? undefined : value + said;
    if (value !== undefined && value.length > MAX_TEXT) throw new Error('a text in it is too long');
  };
  parser.ontext = take;
  parser.oncdata = take;
  parser.onclosetag = () => {
    const at = path.pop()!;
    const text = value?.trim() ?? '';
    if (at === '/multistatus/response/href' && found) found.href = text;
    else if (at === '/multistatus/response/propstat/status' && /^HTTP\/\S+ 200\b/.test(text)) {
      // Only then what it tells is so: another `propstat` names what it does not know.
      if (found && here) Object.assign(found, here);
    } else if (at in PLACES && here) {
      here[PLACES[at]!] = text;
    } else if (at === '/multistatus/response' && found) entries.push(entryOf(found));
    value = undefined;
  };
  parser.write(text).close();
  if (path.length > 0) throw new Error('it was cut');
  return entries;
}

const NOTHING = { folder: false, size: '', modified: '', etag: '' };
const PLACES: Readonly<Record<string, 'etag' | 'modified' | 'size'>> = {
  '/multistatus/response/propstat/prop/getcontentlength': 'size',
  '/multistatus/response/propstat/prop/getlastmodified': 'modified',
  '/multistatus/response/propstat/prop/getetag': 'etag',
};

function entryOf({ href, folder, size, modified, etag }: Found): WebdavEntry {
  const at = Date.parse(modified);
  if (href === '' || (!folder && !/^\d{1,15}$/.test(size))) {
    throw new Error('it names something without its place or length');
  }
  return {
    ...{ href, isFolder: folder, size: Number(size) || 0 },
    modified: new Date(Number.isNaN(at) ? 0 : at),
    ...(etag === '' ? {} : { etag }),
  };
}
