import { equalBytes } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import type { Metadata } from '../../bundle/manifest.ts';
import { isTimezone, isWordOf } from '../../bundle/metadata.ts';
import { listIn, readIn } from '../tree/files.ts';
import { inFolder, inFolderOf, nameOf, parentOf } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import { pathsBelow } from '../tree/listing.ts';
import { resolveIn, statOf, targetIn } from '../tree/resolve.ts';
import type { Resolved } from '../tree/resolve.ts';
import { findUnit, installLinks, ownFolder, unitFolders } from './unit-files.ts';
import type { Scope } from './unit-files.ts';

/** Why a link, or what is in the place of one, is no setting of a bundle. */
export type LinkReason =
  | 'a link to nothing'
  | 'a link to what is made anew at every boot'
  | 'a linked unit: its file is where systemd does not look by itself'
  | 'a mask of a single dependency'
  | 'a link that no setting stands for'
  | 'a file where systemd takes links only'
  | 'a copy of no time zone, or of one with several names'
  | 'a link of the image that is not here: no bundle takes it away';

/** What the links of a machine say, as a bundle says it. */
export interface CapturedSettings {
  readonly metadata: Pick<Metadata, 'enable' | 'disable' | 'mask' | 'alias' | 'wants' | 'timezone'>;
  /** What is in a place of settings and stands for none, by path, with the target of a link */
  readonly skipped: readonly {
    readonly path: string;
    readonly reason: LinkReason;
    readonly target?: string;
  }[];
}

const LOCALTIME = 'etc/localtime';
const ZONES = 'usr/share/zoneinfo';
const PULLS_IN = /\.(wants|requires|upholds)$/;
const UNIT_LINK =
  /^etc\/systemd\/(?:system|user)\/(?:[^/]+|[^/]+\.(?:wants|requires|upholds)\/[^/]+)$/;

/** Whether a link at `path` is what this module tells of, and no file. A mask of users' units is an empty file. */
export const isSettingLink = (path: string): boolean => UNIT_LINK.test(path) || path === LOCALTIME;

/** The links of an image, by path: what each says. */
export type ImageLinks = Readonly<Record<string, string>>;

/**
 * Reads the links below a root that are settings: units that are enabled, masked, pulled in or known by
 * another name, and the time zone. Together the settings make the same links again, on an image that has
 * `image`: what that has anyway is no setting, and a unit of which it has a link and this root none is
 * disabled.
 * @throws nothing for one that cannot be read: it is in `skipped`
 */
export function captureSettings(root: Folder, image: ImageLinks = {}): CapturedSettings {
  const skipped: CapturedSettings['skipped'][number][] = [];
  const skip = (path: string, reason: LinkReason): void => {
    const target = targetIn(root, path);
    skipped.push({ path, reason, ...(target !== undefined && { target }) });
  };
  const settings = {
    ...{ enable: [] as string[], disable: [] as string[], mask: [] as string[] },
    ...{ alias: [] as string[], wants: [] as string[] },
  };
  for (const scope of ['system', 'user'] as const) {
    const found = readLinks(root, scope, skip);
    const { disabled, kept } = comparedWith(root, scope, found, image, skip);
    settings.disable.push(...disabled);
    const units = scope === 'system' ? enabledUnits(root, found) : [];
    const made = units.map((unit) => [unit, installLinks(root, unit)!] as const);
    for (const [unit, { wants, aliases }] of made) {
      if ([...wants, ...aliases.keys()].every((link) => kept.has(link))) continue;
      settings.enable.push(unit);
    }
    for (const link of made.flatMap(([, { wants, aliases }]) => [...wants, ...aliases.keys()])) {
      found.wants.delete(link);
      found.aliases.delete(link);
    }
    const own = (link: string): boolean => !kept.has(link);
    const prefix = scope === 'user' ? 'user/' : '';
    settings.mask.push(...found.masks.filter(own));
    settings.wants.push(...[...found.wants].filter(own).map((link) => prefix + link));
    settings.alias.push(
      ...[...found.aliases]
        .filter(([name]) => own(name))
        .map(([name, unit]) => `${prefix}${name}=${unit}`),
    );
  }
  const zone = trying(() => timezoneOf(root, skip));
  const timezone = zone === image[LOCALTIME]?.split(`/zoneinfo/`)[1] ? undefined : zone;
  const metadata = Object.fromEntries(
    Object.entries(settings)
      .filter(([, list]) => list.length > 0)
      .map(([name, list]) => [name, list.sort()]),
  );
  return {
    metadata: { ...metadata, ...(timezone !== undefined && { timezone }) },
    skipped: skipped.sort((a, b) => (a.path < b.path ? -1 : 1)),
  };
}

/** The links of one scope, by what they mean; paths below its folder. */
interface FoundLinks {
  readonly wants: Set<string>;
  readonly aliases: Map<string, string>;
  readonly masks: string[];
}
type Skip = (path: string, reason: LinkReason) => void;

function readLinks(root: Folder, scope: Scope, skip: Skip): FoundLinks {
  const found: FoundLinks = { wants: new Set(), aliases: new Map(), masks: [] };
  const folder = ownFolder(scope);
  for (const name of namesIn(root, folder)) {
    const path = `${folder}/${name}`;
    const stat = trying(() => statOf(root, path));
    if (stat?.isDirectory() === true && PULLS_IN.test(name)) {
      for (const unit of namesIn(root, path)) {
        const reason = trying(() => addWants(root, scope, `${name}/${unit}`, found));
        if (reason !== undefined) skip(`${path}/${unit}`, reason);
      }
    } else if (stat?.isSymbolicLink() === true) {
      const reason = trying(() => addName(root, scope, name, found));
      if (reason !== undefined) skip(path, reason);
    }
  }
  return found;
}

/**
 * What an image has of the links of a scope: those that it has too, and the units that it enables and
 * this machine does not. A link that only the image has, of a unit that has others here, is told.
 */
function comparedWith(
  root: Folder,
  scope: Scope,
  found: FoundLinks,
  image: ImageLinks,
  skip: Skip,
): { readonly kept: ReadonlySet<string>; readonly disabled: readonly string[] } {
  const folder = `${ownFolder(scope)}/`;
  const { wants, aliases, masks } = found;
  const used = new Set([...[...wants].map(nameOf), ...aliases.values(), ...masks]);
  const kept = new Set<string>();
  const disabled = new Set<string>();
  for (const [path, target] of Object.entries(image)) {
    if (!path.startsWith(folder)) continue;
    const link = path.slice(folder.length);
    const isMask = /(^|\/)dev\/null$/.test(target);
    const unit = link.includes('/') ? nameOf(link) : nameOf(target);
    const isHere = isMask ? masks.includes(link) : wants.has(link) || aliases.get(link) === unit;
    if (isHere) kept.add(link);
    else if (aliases.has(link) || (isMask && used.has(link))) continue;
    else if (statOf(root, path) !== undefined) continue;
    else if (isMask || scope === 'user' || used.has(unit) || !isWordOf('disable', unit)) {
      skip(path, 'a link of the image that is not here: no bundle takes it away');
    } else disabled.add(unit);
  }
  // With a unit those are disabled that go along with it: what of them is enabled here is said anew.
  for (const unit of disabled) {
    const made = installLinks(root, unit);
    for (const link of [...(made?.wants ?? []), ...(made?.aliases.keys() ?? [])]) kept.delete(link);
  }
  return { kept, disabled: [...disabled] };
}

/** Of a link that pulls a unit in only its name counts, unless it leads to nothing that is one. */
function addWants(
  root: Folder,
  scope: Scope,
  link: string,
  { wants }: FoundLinks,
): LinkReason | undefined {
  const path = `${ownFolder(scope)}/${link}`;
  if (targetIn(root, path) === undefined) return 'a file where systemd takes links only';
  const to = resolveIn(root, path)?.path;
  if (to === 'dev/null') return 'a mask of a single dependency';
  if (!isWordOf('wants', link)) return 'a link that no setting stands for';
  const unit = findUnit(root, scope, nameOf(link));
  if (unit === undefined) return isOfThisBoot(to) ? THIS_BOOT : 'a link to nothing';
  const reason = whyNoUnit(scope, unit.real);
  if (reason !== undefined && unit.real?.path !== 'dev/null') return reason;
  wants.add(link);
  return undefined;
}

function addName(
  root: Folder,
  scope: Scope,
  name: string,
  { aliases, masks }: FoundLinks,
): LinkReason | undefined {
  const path = `${ownFolder(scope)}/${name}`;
  const real = resolveIn(root, path);
  if (real?.path === 'dev/null') {
    // Of users' units it is taken as the empty file that means the same.
    if (scope === 'user') return undefined;
    if (!isWordOf('mask', name)) return 'a link that no setting stands for';
    masks.push(name);
    return undefined;
  }
  const unit = nameOf(firstHop(root, path) ?? '');
  const reason = whyNoUnit(scope, real);
  if (reason !== undefined) return reason;
  if (!isWordOf('alias', `${name}=${unit}`)) return 'a link that no setting stands for';
  aliases.set(name, unit);
  return undefined;
}

const THIS_BOOT = 'a link to what is made anew at every boot';
/** Whether a path is of what is gone with this boot. */
export const isOfThisBoot = (path: string | undefined): boolean =>
  path !== undefined && /^(run|var\/run|proc|sys|dev|tmp)(\/|$)/.test(path);

/** Why a path is no unit that an image has by name. */
function whyNoUnit(scope: Scope, real: Resolved | undefined): LinkReason | undefined {
  if (isOfThisBoot(real?.path)) return THIS_BOOT;
  if (real?.stat === undefined) return 'a link to nothing';
  return unitFolders(scope).includes(parentOf(real.path))
    ? undefined
    : 'a linked unit: its file is where systemd does not look by itself';
}

/** What a link names itself: its folders resolved, and not what it may be another link to. */
function firstHop(root: Folder, path: string): string | undefined {
  const target = targetIn(root, path)!;
  const whole = target.startsWith('/') ? target : `${parentOf(path)}/${target}`;
  const parent = resolveIn(root, parentOf(whole));
  return parent && `${parent.path}/${nameOf(whole)}`;
}

/** Those that `systemctl enable` gives links that are all there. */
function enabledUnits(root: Folder, { wants, aliases }: FoundLinks): string[] {
  const candidates = new Set([...[...wants].map(nameOf), ...aliases.values()]);
  return [...candidates].filter((unit) => {
    const made = installLinks(root, unit);
    return (
      made !== undefined &&
      made.wants.size + made.aliases.size > 0 &&
      // Of two targets that say so of themselves only one can be meant.
      !made.aliases.has('default.target') &&
      [...made.wants].every((link) => wants.has(link)) &&
      [...made.aliases].every(([name, of]) => aliases.get(name) === of)
    );
  });
}

function timezoneOf(root: Folder, skip: Skip): string | undefined {
  const stat = statOf(root, LOCALTIME);
  if (stat === undefined) return undefined;
  const zone = stat.isSymbolicLink() ? linkedZone(root) : copiedZone(root);
  if (zone !== undefined) return zone;
  const isGone = resolveIn(root, LOCALTIME)?.stat === undefined;
  if (!stat.isSymbolicLink())
    skip(LOCALTIME, 'a copy of no time zone, or of one with several names');
  else skip(LOCALTIME, isGone ? 'a link to nothing' : 'a link that no setting stands for');
  return undefined;
}

/** One time zone may be a link to another: the first of them is what was asked for. */
function linkedZone(root: Folder): string | undefined {
  const paths = [firstHop(root, LOCALTIME), resolveIn(root, LOCALTIME)?.path];
  return paths
    .filter((path) => path?.startsWith(`${ZONES}/`))
    .map((path) => path!.slice(ZONES.length + 1))
    .find((zone) => isTimezone(zone) && isZone(root, zone));
}

const isZone = (root: Folder, zone: string): boolean =>
  resolveIn(root, `${ZONES}/${zone}`)?.stat?.isFile() === true;

/** The zone that `etc/timezone` names, if the copy is one of it; else the only one that it is a copy of. */
function copiedZone(root: Folder): string | undefined {
  const copy = contentOf(root, LOCALTIME);
  if (copy === undefined) return undefined;
  const isCopyOf = (zone: string): boolean => {
    const content = contentOf(root, `${ZONES}/${zone}`);
    return content !== undefined && equalBytes(content, copy);
  };
  const named = Buffer.from(contentOf(root, 'etc/timezone') ?? [])
    .toString('latin1')
    .trim();
  if (isTimezone(named) && isCopyOf(named)) return named;
  const zones = [...pathsBelow(root, ZONES, (path) => /\/(posix|right)$/.test(path))]
    .map(({ path }) => path.slice(ZONES.length + 1))
    .filter((zone) => isTimezone(zone) && isCopyOf(zone));
  return zones.length === 1 ? zones[0] : undefined;
}

const MAX_ZONE_BYTES = 64 * 1024;

function contentOf(root: Folder, path: string): Uint8Array | undefined {
  return trying(() => {
    const real = resolveIn(root, path);
    if (real?.stat?.isFile() !== true) return undefined;
    return inFolderOf(root, real.path, (folder, name) => readIn(folder, name, MAX_ZONE_BYTES))
      ?.content;
  });
}

const namesIn = (root: Folder, path: string): readonly string[] =>
  trying(() => inFolder(root, path, listIn)) ?? [];

/** What cannot be read is told with the files: undefined. */
function trying<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof CoatcheckError) return undefined;
    throw error;
  }
}
