import { fromUtf8 } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { isWordOf } from '../../bundle/metadata.ts';
import { listIn, readIn } from '../tree/files.ts';
import { inFolder, inFolderOf, nameOf } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import { resolveIn, statOf } from '../tree/resolve.ts';
import type { Resolved } from '../tree/resolve.ts';

/** Whose units: the machine's, or those of everybody who logs in. */
export type Scope = 'system' | 'user';

/** Where the machine's own units are, and the links to others. */
export const ownFolder = (scope: Scope): string => `etc/systemd/${scope}`;

/** Where the image has units that outlive a boot, in the order in which systemd looks (systemd.unit(5)). */
const IMAGE_FOLDERS: Readonly<Record<Scope, readonly string[]>> = {
  system: ['usr/local/lib/systemd/system', 'usr/lib/systemd/system', 'lib/systemd/system'],
  user: [
    ...['usr/local/share/systemd/user', 'usr/share/systemd/user'],
    ...['usr/local/lib/systemd/user', 'usr/lib/systemd/user'],
  ],
};

/** Every folder of units that outlive a boot. */
export const unitFolders = (scope: Scope): readonly string[] => [
  ownFolder(scope),
  ...IMAGE_FOLDERS[scope],
];

/** A unit as it was found. */
export interface UnitFile {
  /** Where it was found; perhaps a link */
  readonly path: string;
  /** What is there; undefined for a link that goes round in circles */
  readonly real: Resolved | undefined;
}

/**
 * Finds the file of a unit; of an instance that has none, that of its template.
 * @param except a path that is not looked at
 * @throws file_denied
 */
export function findUnit(
  root: Folder,
  scope: Scope,
  unit: string,
  except?: string,
): UnitFile | undefined {
  for (const name of namesOf(unit)) {
    for (const folder of unitFolders(scope)) {
      // `lib` may be a link to `usr/lib`.
      const parent = resolveIn(root, folder)?.path ?? folder;
      const path = `${parent}/${name}`;
      if (path !== except && statOf(root, path) !== undefined) {
        return { path, real: resolveIn(root, path) };
      }
    }
  }
  return undefined;
}

/** The names under which a unit's file may be: its own, and that of its template. */
const namesOf = (unit: string): readonly string[] =>
  unit.includes('@') && templateOf(unit) !== unit ? [unit, templateOf(unit)] : [unit];

const templateOf = (unit: string): string => unit.replace(/@.*(\.[a-z]+)$/, '@$1');

const MAX_UNIT_BYTES = 1024 * 1024;

/** What enabling a unit makes: its links below `etc/systemd/system`, and those of units that go along. */
export interface InstallLinks {
  /** In a folder of what pulls the unit in: `multi-user.target.wants/ssh.service` */
  readonly wants: ReadonlySet<string>;
  /** Other names: `sshd.service`, each with the unit that it is a name of */
  readonly aliases: ReadonlyMap<string, string>;
}

/**
 * The links that `systemctl enable` makes for a unit of the machine, as the `[Install]` of its file says.
 * @returns undefined where that is not known for sure: a drop-in has a say in it, it names what only
 *   a manager knows, or there is no such unit
 */
export function installLinks(root: Folder, unit: string): InstallLinks | undefined {
  const links = { wants: new Set<string>(), aliases: new Map<string, string>() };
  try {
    return collect(root, unit, new Set(), links) ? links : undefined;
  } catch (error) {
    if (error instanceof CoatcheckError) return undefined;
    throw error;
  }
}

function collect(
  root: Folder,
  unit: string,
  seen: Set<string>,
  links: { wants: Set<string>; aliases: Map<string, string> },
): boolean {
  if (seen.has(unit)) return true;
  seen.add(unit);
  const { path, stat } = findUnit(root, 'system', unit)?.real ?? {};
  const isOwn = path !== undefined && namesOf(unit).includes(nameOf(path));
  const isTemplate = /@\.[a-z]+$/.test(unit);
  if (!isOwn || stat?.isFile() !== true || isTemplate || hasInstallDropIn(root, unit)) return false;
  const text = inFolderOf(root, path, (folder, name) => readIn(folder, name, MAX_UNIT_BYTES));
  const install = readInstall(fromUtf8(text!.content));
  const words = (key: string): string[] =>
    (install.get(key) ?? []).map((word) => expand(word, unit));
  for (const [key, folder] of [
    ['WantedBy', 'wants'],
    ['RequiredBy', 'requires'],
    ['UpheldBy', 'upholds'],
  ] as const) {
    for (const by of words(key)) {
      const link = `${by}.${folder}/${unit}`;
      if (!isWordOf('wants', link)) return false;
      links.wants.add(link);
    }
  }
  for (const alias of words('Alias')) {
    const name = alias.replace(/@(\.[a-z]+)$/, `@${instanceOf(unit)}$1`);
    if (!isWordOf('alias', `${name}=${unit}`)) return false;
    links.aliases.set(name, unit);
  }
  return words('Also').every((also) => collect(root, also, seen, links));
}

const instanceOf = (unit: string): string => /@(.*)\.[a-z]+$/.exec(unit)?.[1] ?? '';

/** What is in a drop-in's `[Install]` counts too: rare, and not worth guessing. */
function hasInstallDropIn(root: Folder, unit: string): boolean {
  return unitFolders('system').some((folder) =>
    namesOf(unit).some((name) => {
      const real = resolveIn(root, `${folder}/${name}.d`);
      if (real?.stat?.isDirectory() !== true) return false;
      return inFolder(root, real.path, (dropIns) =>
        listIn(dropIns).some((file) => {
          const { path, stat } = resolveIn(root, `${real.path}/${file}`) ?? {};
          if (path === undefined || stat?.isFile() !== true) return false;
          const text = inFolderOf(root, path, (at, base) => readIn(at, base, MAX_UNIT_BYTES));
          return /^\s*\[Install\]/m.test(fromUtf8(text!.content));
        }),
      )!;
    }),
  );
}

/** The words of each key of `[Install]` (systemd.syntax(7)): an empty value takes back what was before. */
function readInstall(text: string): Map<string, string[]> {
  const words = new Map<string, string[]>();
  let section = '';
  const lines = text.split('\n').filter((line) => !/^\s*[#;]/.test(line));
  for (const line of lines.join('\n').replaceAll('\\\n', ' ').split('\n')) {
    const head = /^\s*\[(.*)\]\s*$/.exec(line);
    if (head) section = head[1]!;
    const [, key, value] = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (section !== 'Install' || key === undefined) continue;
    const before = value === '' ? [] : (words.get(key) ?? []);
    words.set(key, [...before, ...value!.split(/\s+/).filter((word) => word !== '')]);
  }
  return words;
}

/** The specifiers that a unit's name answers; any other stays, and makes no name of a unit. */
function expand(word: string, unit: string): string {
  const prefix = unit.replace(/(@.*)?\.[a-z]+$/, '');
  const values: Record<string, string> = {
    ...{ '%n': unit, '%N': unit.replace(/\.[a-z]+$/, ''), '%p': prefix, '%i': instanceOf(unit) },
    '%%': '%',
  };
  return word.replace(/%./g, (specifier) => values[specifier] ?? specifier);
}
