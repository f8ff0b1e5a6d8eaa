import { createHash } from 'node:crypto';
import { utf8 } from '../../bundle/index.ts';
import { fail } from '../../protocol/errors.ts';
import { base64In, belowRoot, joined, NO_LINK, noting, ROOTS } from './found.ts';
import type { Found, FoundFile, FoundFolder, Room } from './found.ts';
import { isEmpty, isTreeMap, namesBeside, parseJson } from './tree.ts';
import type { Tree, TreeMap } from './tree.ts';

/** What an Ignition config says instead of in files, and where it goes. */
const INSTEAD: Readonly<Record<string, string>> = {
  'systemd.units':
    'write its contents to /etc/systemd/system in storage.files, and enable it with --set enable=UNIT at coatcheck prepare',
  'passwd.users': 'accounts are files: etc/passwd, etc/shadow, root/.ssh/authorized_keys',
  'passwd.groups': 'accounts are files: etc/group, etc/gshadow',
  'storage.links': NO_LINK,
  'ignition.config': 'nothing is fetched or merged: import each config into a folder of its own',
};

/** Modes in which somebody took decimal digits for octal ones, besides those that no file has. */
const DIGITS_OF_OCTAL = [400, 440, 444, 500];

/**
 * What `storage.files` of an Ignition config writes; of all else, each list or setting that says something is refused.
 * @throws file_malformed
 */
export function readIgnition(text: string, room: Room): Found {
  const tree = parseJson(text);
  const ignition = isTreeMap(tree) ? tree['ignition'] : undefined;
  if (!isTreeMap(tree) || !isTreeMap(ignition) || typeof ignition['version'] !== 'string') {
    throw fail('file_malformed', 'it is JSON, and no Ignition config: it has no ignition.version');
  }
  if (!/^3\.\d+\.\d+$/.test(ignition['version'])) {
    throw fail(
      'file_malformed',
      `Ignition configs of spec 3 are taken, and this has ${JSON.stringify(ignition['version'])}: convert it first`,
    );
  }
  const refused: string[] = [];
  const storage = tree['storage'] ?? {};
  for (const [top, part] of Object.entries(tree)) {
    if (isEmpty(part)) continue;
    if (!isTreeMap(part)) refused.push(`${top}: it writes no file`);
    else for (const [name, value] of Object.entries(part)) refuseOther(top, name, value);
  }
  const entries = (name: string): readonly Tree[] => {
    const list = isTreeMap(storage) ? (storage[name] ?? []) : [];
    if (!Array.isArray(list)) throw fail('file_malformed', `storage.${name} is no list`);
    return list;
  };
  return {
    files: all('files', (entry) => fileIn(entry, room)),
    folders: all('directories', folderIn),
    refused,
  };

  function refuseOther(top: string, name: string, value: Tree): void {
    const what = `${top}.${name}`;
    if (['ignition.version', 'storage.files', 'storage.directories'].includes(what)) return;
    if (isEmpty(value)) return;
    const why = Object.hasOwn(INSTEAD, what) ? INSTEAD[what]! : 'it writes no file';
    if (Array.isArray(value))
      for (const one of value) refused.push(`${what} ${nameOf(one)}: ${why}`);
    else refused.push(`${what}: ${why}`);
  }
  function all<T>(name: string, read: (entry: Tree) => T): T[] {
    return entries(name).flatMap(
      (entry, n) =>
        noting(refused, isTreeMap(entry) ? nameOf(entry) : `${name} ${n + 1}`, () => read(entry)) ??
        [],
    );
  }
}

/** How a thing of a list is called there. */
function nameOf(entry: Tree): string {
  if (!isTreeMap(entry)) return JSON.stringify(entry);
  const name = entry['path'] ?? entry['name'] ?? entry['device'];
  return typeof name === 'string' ? name : JSON.stringify(entry);
}

function fileIn(entry: Tree, room: Room): FoundFile {
  const known = fieldsOf(entry, [
    ...['path', 'overwrite', 'user', 'group', 'mode', 'contents', 'append'],
  ]);
  const { contents, append = [] } = known;
  if (!Array.isArray(append)) throw fail('usage', 'append is no list');
  if (!isTreeMap(contents) || isEmpty(contents['source'])) {
    throw fail(
      'usage',
      'without contents.source it is what the image has, which is not known here: give the whole file, an empty one as "data:,"',
    );
  }
  const content = joined([contents, ...(append as Tree[])].map((part) => resourceIn(part, room)));
  return { path: pathIn(known), content, ...ownedIn(known) };
}

function folderIn(entry: Tree): FoundFolder {
  const known = fieldsOf(entry, ['path', 'overwrite', 'user', 'group', 'mode']);
  return { path: pathIn(known), ...ownedIn(known) };
}

function fieldsOf(entry: Tree, names: readonly string[]): TreeMap {
  if (!isTreeMap(entry)) throw fail('usage', 'it is no object');
  const [unknown] = namesBeside(entry, names).filter((name) => !isEmpty(entry[name]));
  if (unknown !== undefined) throw fail('usage', `${unknown} is not known here`);
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null));
}

function pathIn({ path }: TreeMap): string {
  if (typeof path !== 'string') throw fail('usage', 'it has no path');
  return belowRoot(path);
}

function ownedIn({ user, group, mode }: TreeMap): Omit<FoundFolder, 'path'> {
  const owned = { owner: accountIn(user, 'user'), group: accountIn(group, 'group') };
  if (mode === undefined) return owned;
  if (typeof mode !== 'number' || !Number.isInteger(mode) || mode < 0 || mode > 0o7777) {
    throw fail('usage', 'its mode is no number from 0 to 4095');
  }
  const digits = String(mode);
  if (/^[0-7]{3}$/.test(digits) && (mode > 0o777 || DIGITS_OF_OCTAL.includes(mode))) {
    throw fail(
      'usage',
      `a mode is a decimal number, and ${digits} is 0${mode.toString(8)}: write ${Number.parseInt(digits, 8)} if 0${digits} is meant`,
    );
  }
  return { ...owned, mode };
}

function accountIn(account: Tree, kind: string): string {
  if (isEmpty(account)) return ROOTS.owner;
  const { id, name } = fieldsOf(account, ['id', 'name']);
  if (typeof name === 'string' && id === undefined) return name;
  if (typeof id === 'number' && name === undefined) return id === 0 ? ROOTS.owner : String(id);
  throw fail('usage', `its ${kind} has neither an id nor a name, or both`);
}

function resourceIn(resource: Tree, room: Room): Uint8Array {
  const {
    source,
    compression = '',
    verification,
  } = fieldsOf(resource, [...['source', 'compression', 'verification']]);
  if (typeof source !== 'string') throw fail('usage', 'a part of it has no source');
  const written = dataIn(source);
  if (compression !== '' && compression !== 'gzip') {
    throw fail('usage', 'its compression is not gzip');
  }
  const content = compression === 'gzip' ? room.gunzip(written) : written;
  if (!isEmpty(verification)) verify(content, fieldsOf(verification, ['hash'])['hash']);
  return room.hold(content);
}

/** RFC 2397. @throws usage for any other URL */
function dataIn(url: string): Uint8Array {
  const [, type, data] = /^data:([^,]*),(.*)$/is.exec(url) ?? [];
  if (type === undefined || data === undefined) {
    const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? 'this';
    throw fail(
      'usage',
      scheme.toLowerCase() === 'data:'
        ? 'its data: URL has no comma'
        : `nothing is fetched (${scheme} in source): give the file itself as a data: URL`,
    );
  }
  const bytes = percentDecoded(data);
  return /;\s*base64\s*$/i.test(type) ? base64In(Buffer.from(bytes).toString('latin1')) : bytes;
}

function percentDecoded(text: string): Uint8Array {
  const parts = text.split(/(%[0-9a-f]{2})/i);
  if (parts.some((part, n) => n % 2 === 0 && part.includes('%'))) {
    throw fail('usage', 'its data: URL has a % that is no byte: a % itself is %25');
  }
  return joined(
    parts.map((part, n) => (n % 2 === 0 ? utf8(part) : Buffer.from(part.slice(1), 'hex'))),
  );
}

/** As Ignition does: of what is decompressed. */
function verify(content: Uint8Array, hash: Tree): void {
  const [, name, hex] =
    /^(sha256|sha512)-([0-9a-f]+)$/.exec(typeof hash === 'string' ? hash : '') ?? [];
  if (name === undefined) throw fail('usage', 'its verification.hash is no sha256- or sha512-');
  if (createHash(name).update(content).digest('hex') !== hex) {
    throw fail('usage', 'its content is not that of its verification.hash');
  }
}
