import type { Metadata } from '../../bundle/manifest.ts';
import { fail } from '../../protocol/errors.ts';
import type { Folder } from '../tree/folder.ts';
import { nameOf } from '../tree/folder.ts';
import { linkAt, putLink } from '../tree/link.ts';
import { resolveIn } from '../tree/resolve.ts';
import { changeActivationRecord, readActivationRecord } from './activation-record.ts';
import { trying } from './failure.ts';
import type { Failure } from './failure.ts';
import { findUnit, installLinks, ownFolder } from './unit-files.ts';
import type { Scope } from './unit-files.ts';

/** A link that stands for a setting. */
interface UnitLink {
  /** Below the root */
  readonly path: string;
  readonly scope: Scope;
  /** The unit that it leads to */
  readonly unit: string;
}

/** What was done to links, and what could not be. */
export interface LinksDone {
  readonly isChanged: boolean;
  readonly failed: readonly Failure[];
}

/**
 * Makes the links that a bundle's `wants` and `alias` name, and gives back what earlier bundles named and
 * this one does not. Other names that a unit to be enabled gives itself are among them, since `systemctl
 * enable` makes none that is another unit's. A unit that this image does not have is a failure, and
 * so is a file in the place of a link.
 */
export async function setUnitLinks(root: Folder, metadata: Metadata): Promise<LinksDone> {
  const links = wantedLinks(root, metadata);
  const failed: Failure[] = [];
  let isChanged = false;
  const put = async (path: string, target: () => string | null): Promise<void> => {
    await trying(failed, path, () => {
      const to = target();
      if (linkAt(root, path) === to) return;
      putLink(root, path, to);
      isChanged = true;
    });
  };
  for (const [path, before] of Object.entries(readActivationRecord(root).links ?? {})) {
    if (links.some((link) => link.path === path)) continue;
    await put(path, () => before);
    changeActivationRecord(root, (record) => withLinks(record, without(record.links, path)));
  }
  for (const link of links) {
    const { path } = link;
    await put(path, () => {
      const before = linkAt(root, path);
      const to = targetOf(root, link, before);
      // Before anything is changed: an agent that is killed in between must not take its own for theirs.
      changeActivationRecord(root, (record) =>
        withLinks(record, { [path]: before, ...record.links }),
      );
      return to;
    });
  }
  return { isChanged, failed };
}

type Record = ReturnType<typeof readActivationRecord>;
type Links = NonNullable<Record['links']>;

function withLinks({ links: _, ...record }: Record, links: Links): Record {
  return Object.keys(links).length === 0 ? record : { ...record, links };
}

const without = (links: Links = {}, path: string): Links =>
  Object.fromEntries(Object.entries(links).filter(([name]) => name !== path));

function wantedLinks(root: Folder, metadata: Metadata): UnitLink[] {
  const { enable = [], mask = [], alias = [], wants = [] } = metadata;
  const links = [
    ...wants.map((word) => unitLink(word, nameOf(word))),
    ...alias.map((word) => {
      const [name = '', unit = ''] = word.split('=');
      return unitLink(name, unit);
    }),
  ];
  const names = enable.flatMap((unit) => [...(installLinks(root, unit)?.aliases ?? [])]);
  // What a bundle says itself counts more, and to mask a unit more than any name of it.
  const known = new Set([
    ...links.map(({ path }) => path),
    ...mask.map((unit) => unitLink(unit, unit).path),
  ]);
  const own = names.map(([name, unit]) => unitLink(name, unit));
  return [...links, ...own.filter(({ path }) => !known.has(path))].filter(
    ({ path }) => !mask.some((unit) => unitLink(unit, unit).path === path),
  );
}

function unitLink(word: string, unit: string): UnitLink {
  const scope = word.startsWith('user/') ? 'user' : 'system';
  return { path: `${ownFolder(scope)}/${word.replace(/^user\//, '')}`, scope, unit };
}

/** The link that is there, if it leads to the unit already; otherwise to where the unit's file is. */
function targetOf(root: Folder, { path, scope, unit }: UnitLink, before: string | null): string {
  const file = findUnit(root, scope, unit, path);
  if (file === undefined) throw fail('not_found', `this image has no unit ${unit}`);
  const there = before === null ? undefined : resolveIn(root, path)?.path;
  return there !== undefined && there === file.real?.path ? before! : `/${file.path}`;
}
