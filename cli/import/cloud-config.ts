import { fail } from '../../protocol/errors.ts';
import { utf8 } from '../../bundle/index.ts';
import { base64In, belowRoot, joined, noting, ROOTS } from './found.ts';
import type { Found, FoundFile, Room } from './found.ts';
import { isTreeMap, namesBeside, parseYaml } from './tree.ts';
import type { Tree, TreeMap } from './tree.ts';

const COMMANDS =
  'a bundle has no commands: write a unit to /etc/systemd/system, and enable it with --set at coatcheck prepare';
const ACCOUNTS = 'accounts are files: etc/passwd, etc/group, etc/shadow, root/.ssh/authorized_keys';
const IMAGE = 'this comes with the image';

/** What is said in a cloud-config instead of in files, and where it goes. */
const INSTEAD: Readonly<Record<string, string>> = {
  ...{ runcmd: COMMANDS, bootcmd: COMMANDS },
  ...{ users: ACCOUNTS, groups: ACCOUNTS, chpasswd: ACCOUNTS, password: ACCOUNTS },
  ...{ ssh_authorized_keys: ACCOUNTS, user: ACCOUNTS },
  ...{ packages: IMAGE, package_update: IMAGE, package_upgrade: IMAGE, apt: IMAGE },
  hostname: 'it is a setting: --set hostname=NAME at coatcheck prepare',
  timezone: 'it is a setting: --set timezone=ZONE at coatcheck prepare',
  mounts: 'write /etc/fstab',
};

const FIELDS = ['path', 'content', 'encoding', 'owner', 'permissions', 'append', 'defer'];

/** A file as it is written, one after another: a later one may add to it. */
interface Write extends FoundFile {
  readonly appends: boolean;
  readonly isLate: boolean;
}

/**
 * What `write_files` of a cloud-config writes, in the order in which cloud-init does.
 * @throws file_malformed
 */
export function readCloudConfig(text: string, room: Room): Found {
  const tree = parseYaml(text);
  if (!isTreeMap(tree)) throw fail('file_malformed', 'a cloud-config is a map with write_files');
  const refused = namesBeside(tree, ['write_files']).map(
    (name) => `${name}: ${Object.hasOwn(INSTEAD, name) ? INSTEAD[name]! : 'it writes no file'}`,
  );
  const entries: Tree = tree['write_files'] ?? [];
  if (!Array.isArray(entries)) throw fail('file_malformed', 'write_files is no list');
  const writes = entries.flatMap((entry: Tree, n) => {
    const path = isTreeMap(entry) ? entry['path'] : undefined;
    const what = typeof path === 'string' ? path : `write_files ${n + 1}`;
    return noting(refused, what, () => writeIn(entry, room)) ?? [];
  });
  const late = writes.filter(({ isLate }) => isLate);
  const files: Write[] = [];
  for (const write of [...writes.filter(({ isLate }) => !isLate), ...late]) {
    const at = write.appends ? files.findIndex(({ path }) => path === write.path) : -1;
    if (!write.appends) files.push(write);
    else if (at >= 0) {
      const before = files[at]!;
      files[at] = { ...write, content: joined([before.content, write.content]) };
    } else {
      refused.push(
        `/${write.path}: append adds to what the image has, which is not known here: give the whole file`,
      );
    }
  }
  return { files, folders: [], refused };
}

function writeIn(entry: Tree, room: Room): Write {
  if (!isTreeMap(entry)) throw fail('usage', 'it is no map');
  if ('source' in entry) {
    throw fail('usage', 'nothing is fetched (source): give the file itself as content');
  }
  const [unknown] = namesBeside(entry, FIELDS);
  if (unknown !== undefined) throw fail('usage', `${unknown} is nothing that write_files has`);
  const { path } = entry;
  if (typeof path !== 'string') throw fail('usage', 'it has no path');
  const mode = modeIn(entry['permissions']);
  return {
    ...{
      path: belowRoot(path),
      content: room.hold(contentIn(entry, room)),
      ...ownerIn(entry['owner']),
    },
    ...(mode !== undefined && { mode }),
    ...{ appends: flagIn(entry, 'append'), isLate: flagIn(entry, 'defer') },
  };
}

function contentIn({ content = '', encoding = 'text/plain' }: TreeMap, room: Room): Uint8Array {
  const isBytes = content instanceof Uint8Array;
  if (typeof content !== 'string' && !isBytes) {
    throw fail('usage', 'its content is no text: write it in quotes, or behind content: |');
  }
  const bytes = (): Uint8Array => (isBytes ? content : utf8(content));
  const decoded = (): Uint8Array => base64In(isBytes ? Buffer.from(content).toString() : content);
  switch (typeof encoding === 'string' ? encoding.trim().toLowerCase() : undefined) {
    case 'text':
    case 'text/plain':
      return bytes();
    case 'b64':
    case 'base64':
      return decoded();
    case 'gz':
    case 'gzip':
      if (!isBytes) throw fail('usage', 'gzip is no text: use gz+b64, or content: !!binary |');
      return room.gunzip(content);
    case 'gz+b64':
    case 'gz+base64':
    case 'gzip+b64':
    case 'gzip+base64':
      return room.gunzip(decoded());
    default:
      throw fail('usage', 'its encoding is none of text/plain, b64, gzip, gz+b64');
  }
}

/** In octal, as text: of a number, cloud-init takes the decimal value, which 644 is not meant to be. */
function modeIn(permissions: Tree): number | undefined {
  if (permissions === undefined || permissions === null) return undefined;
  if (typeof permissions === 'string' && /^(?:0o?)?[0-7]{1,4}$/.test(permissions)) {
    return Number.parseInt(permissions.replace('o', ''), 8);
  }
  throw fail('usage', "its permissions are no octal text, such as '0644' in quotes");
}

function ownerIn(owner: Tree): { owner: string; group: string } {
  if (owner === undefined || owner === null) return { ...ROOTS };
  const [, user, group] =
    /^([^:]+)(?::([^:]+))?$/.exec(typeof owner === 'string' ? owner : '') ?? [];
  if (user === undefined) throw fail('usage', 'its owner is none, such as root:root');
  return { owner: user.trim(), group: group?.trim() ?? ROOTS.group };
}

function flagIn(entry: TreeMap, name: string): boolean {
  const value = entry[name] ?? false;
  if (typeof value !== 'boolean') throw fail('usage', `${name} is neither true nor false`);
  return value;
}
