import { showPath } from '../../bundle/errors.ts';
import { decodeBytes } from '../../protocol/escape.ts';
import { fail } from '../../protocol/errors.ts';
import { NO_LINK } from './found.ts';
import type { Found, FoundFile, FoundFolder, Room } from './found.ts';

/** Of a header, and what every content is filled up to, bytes. */
const BLOCK = 512;
/** More entries are no configuration: a bundle has at most 1,024 files. */
const MAX_ENTRIES = 4096;

/** What an entry is that a bundle cannot hold, by its type. */
const KINDS: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': `a link, and ${NO_LINK}`,
  '3': 'a device',
  '4': 'a device',
  '6': 'a pipe',
  S: 'a sparse file: make the archive without --sparse',
};

/** What pax records say that is no part of a file. */
const PASSED_OVER = /^(?:[acm]time|comment|LIBARCHIVE\.creationtime|SCHILY\.(?:dev|ino|nlink))$/;
const KNOWN = ['path', 'linkpath', 'size', 'uid', 'gid', 'uname', 'gname'];

/** What is said of the next entry in front of it. */
type Records = ReadonlyMap<string, string>;

/** Whether these bytes begin as a tar of POSIX or GNU does. */
export const isTar = (bytes: Uint8Array): boolean =>
  bytes.length >= BLOCK && /^ustar(?:\0| )/.test(latin1(bytes.subarray(257, 263)));

/**
 * The entries of a tar: POSIX (ustar, pax) or GNU.
 * @throws file_malformed for one that is cut off or damaged, goes on behind its end or has too many entries
 */
export function readTar(bytes: Uint8Array, room: Room): Found {
  const files: FoundFile[] = [];
  const folders: FoundFolder[] = [];
  const refused: string[] = [];
  let records: Records = new Map();
  let at = 0;
  for (let entries = 0; ; entries++) {
    const block = blockAt(at);
    if (block.every((byte) => byte === 0)) break;
    if (entries === MAX_ENTRIES) throw malformed(at, `there are more than ${MAX_ENTRIES} entries`);
    const header = headerIn(block, records, at);
    const start = at + BLOCK;
    const content = bytes.subarray(start, start + header.size);
    if (content.length < header.size) throw malformed(at, 'it is cut off');
    const next = start + Math.ceil(header.size / BLOCK) * BLOCK;
    if ('xgLK'.includes(header.type)) {
      records = recordsOf(header.type, content, records, at);
    } else {
      take(header, content);
      records = new Map();
    }
    at = next;
  }
  if (records.size > 0 || bytes.subarray(at).some((byte) => byte !== 0)) {
    throw malformed(at, 'something follows its end');
  }
  return { files, folders, refused };

  function blockAt(offset: number): Uint8Array {
    const block = bytes.subarray(offset, offset + BLOCK);
    if (block.length < BLOCK) throw malformed(offset, 'it is cut off: it has no end');
    return block;
  }

  function take({ type, name, mode, owned, attributes }: Header, content: Uint8Array): void {
    const path = name.replace(/^(?:\.\/+)+/, '');
    if (type === '5') {
      const folder = path.replace(/\/+$/, '');
      if (folder !== '' && folder !== '.') folders.push({ path: folder, mode, ...owned });
    } else if (type === '0') {
      files.push({ path, mode, ...owned, content: room.hold(content), attributes });
    } else {
      refused.push(`${showPath(path)}: it is ${KINDS[type] ?? 'of a type that is not known'}`);
    }
  }
}

interface Header {
  readonly type: string;
  /** Where it is no UTF-8, with lone surrogates, which no path has */
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly owned: { readonly owner: string; readonly group: string };
  readonly attributes: readonly string[];
}

function headerIn(block: Uint8Array, records: Records, at: number): Header {
  const field = (start: number, length: number): Uint8Array => {
    const bytes = block.subarray(start, start + length);
    const end = bytes.indexOf(0);
    return end < 0 ? bytes : bytes.subarray(0, end);
  };
  const text = (start: number, length: number): string => decodeBytes(field(start, length));
  const number = (start: number, length: number): number =>
    numberIn(block.subarray(start, start + length), at);
  const blanked = new Uint8Array(block).fill(0x20, 148, 156);
  if (!isTar(block) || number(148, 8) !== blanked.reduce((sum, byte) => sum + byte, 0)) {
    throw malformed(at, 'no header of POSIX or GNU stands there');
  }
  const [flag] = latin1(block.subarray(156, 157));
  const type = flag === '\0' ? '0' : flag!;
  const prefix = block[262] === 0 ? text(345, 155) : '';
  const name = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
  const said = 'xgLK'.includes(type) ? new Map<string, string>() : records;
  const size = said.get('size') ?? String(number(124, 12));
  if (!/^\d{1,15}$/.test(size)) throw malformed(at, 'its size is no number');
  const keys = [...said.keys()].filter((key) => !KNOWN.includes(key));
  return {
    type: keys.some((key) => key.startsWith('GNU.sparse')) ? 'S' : type,
    name: said.get('path') ?? name,
    size: Number(size),
    mode: number(100, 8) & 0o7777,
    owned: {
      owner: account(said.get('uid') ?? String(number(108, 8)), said.get('uname') ?? text(265, 32)),
      group: account(said.get('gid') ?? String(number(116, 8)), said.get('gname') ?? text(297, 32)),
    },
    attributes: keys,
  };
}

/** Number 0 is root, whatever it is called; others are named, where they have a name. */
const account = (id: string, name: string): string =>
  id === '0' ? 'root' : name === '' || name === 'root' ? id : name;

/** In octal, or, after a first bit, in base 256. */
function numberIn(bytes: Uint8Array, at: number): number {
  if ((bytes[0]! & 0x80) !== 0) {
    const value = bytes.reduce((sum, byte, n) => sum * 256 + (n === 0 ? byte & 0x7f : byte), 0);
    if (Number.isSafeInteger(value)) return value;
  }
  const [, digits] = /^ *([0-7]*)[ \0]*$/.exec(latin1(bytes)) ?? [];
  if (digits === undefined) throw malformed(at, 'a field of its header is no number');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function recordsOf(type: string, content: Uint8Array, before: Records, at: number): Records {
  if (type === 'L') return new Map([...before, ['path', untilZero(content)]]);
  if (type === 'K') return new Map([...before, ['linkpath', untilZero(content)]]);
  const records = new Map<string, string>();
  for (let start = 0; start < content.length;) {
    const [head, length] =
      /^([1-9]\d{0,6}) /.exec(latin1(content.subarray(start, start + 8))) ?? [];
    const end = start + Number(length);
    const record = content.subarray(start + (head?.length ?? 0), end - 1);
    const equals = record.indexOf(0x3d);
    if (head === undefined || end > content.length || content[end - 1] !== 0x0a || equals < 1) {
      throw malformed(at, 'a pax record is damaged');
    }
    const key = decodeBytes(record.subarray(0, equals));
    if (!PASSED_OVER.test(key)) records.set(key, decodeBytes(record.subarray(equals + 1)));
    start = end;
  }
  if (type === 'x') return new Map([...before, ...records]);
  if (records.size > 0) {
    throw malformed(at, `a pax record says ${[...records.keys()].join(', ')} of all that follows`);
  }
  return before;
}

const untilZero = (bytes: Uint8Array): string => decodeBytes(bytes).replace(/\0.*$/s, '');

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

const malformed = (at: number, why: string): Error =>
  fail('file_malformed', `the tar is damaged at byte ${at}: ${why}`);
