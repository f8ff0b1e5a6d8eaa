import { createHash } from 'node:crypto';
import {
  parseMode,
  parseOwner,
  versionsOf,
  withFile,
  withoutFile,
  withSetting,
} from '../admin/alter.ts';
import type { Change, FileVersion } from '../admin/alter.ts';
import { planChanges, readCurrent } from '../admin/change.ts';
import type { Current } from '../admin/change.ts';
import { diffView } from '../admin/diff-view.ts';
import type { FileView } from '../admin/diff-view.ts';
import type { Planned } from '../admin/groups.ts';
import type { ManyPlans } from '../admin/many.ts';
import { pathsRefused } from '../admin/propose.ts';
import { pathsOf } from '../admin/review.ts';
import type { Session } from '../admin/session.ts';
import { showPath } from '../bundle/errors.ts';
import type { NodeId } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { decodeBytes, escapeText } from '../protocol/escape.ts';
import { pathList } from '../protocol/paths.ts';
import { parseSetting } from '../words/setting.ts';
import { parseExpiry } from '../words/time.ts';

/** What a person wrote to change what is in force, as it was written: it is read anew each time it is looked at. */
export interface Draft {
  readonly nodes: readonly NodeId[];
  readonly change: DraftChange;
  /** As `parseExpiry` takes it; empty: the end that each has stays. */
  readonly expires: string;
}

/** What is to be other than it is. */
export type DraftChange =
  | {
      readonly kind: 'file';
      /** checked */
      readonly path: string;
      readonly content: Uint8Array;
      /** Of the content that was opened, as {@link digestOf} has it; absent: whatever is there gives way. */
      readonly opened?: string;
      /** as `parseMode` takes it, or empty */
      readonly mode: string;
      /** as `parseOwner` takes it, or empty */
      readonly owner: string;
    }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'set'; readonly setting: string };

/** A content in a form that nobody can read it from: 64 hex digits, or `none` for no file. */
export const digestOf = (content: Uint8Array | undefined): string =>
  content === undefined ? 'none' : createHash('sha256').update(content).digest('hex');

/**
 * Plans a draft against what is in force now. A node whose file is not as it was opened is left out.
 * @throws usage for what is written wrongly; path_refused, and as `readCurrent`
 */
export async function planDraft(
  session: Session,
  { nodes, change, expires }: Draft,
  showSecrets: readonly string[],
): Promise<ManyPlans<Planned>> {
  const alter = changeOf(session, change, nodes.length);
  const until =
    expires === '' ? undefined : parseExpiry(expires, session.client.now(), '"Good until"');
  const current = await readThese(session, nodes);
  const plans = await planChanges(session, current.planned, alter, {
    ...{ reason: '', showSecrets, stat: false },
    ...(until !== undefined && { expires: until }),
  });
  return { ...plans, leftOut: [...current.leftOut, ...plans.leftOut] };
}

/** What is in force for these now. @throws as `readCurrent` */
export function readThese(session: Session, nodes: readonly NodeId[]): Promise<ManyPlans<Current>> {
  const targets = nodes.map((node) => ({ node, named: true }));
  return readCurrent(session, targets, { looksOnly: true });
}

function changeOf(session: Session, change: DraftChange, nodes: number): Change {
  switch (change.kind) {
    case 'remove':
      return withoutFile(change.path);
    case 'set': {
      const changes = parseSetting(change.setting);
      if (changes.get('hostname') && nodes > 1)
        throw fail('usage', `a host name is of one machine, and ${nodes} are meant`);
      return withSetting(changes);
    }
    case 'file': {
      const { path, content, opened, mode, owner } = change;
      const traits = pathList(session.site.paths).traitsOf(path);
      if (traits === undefined) throw pathsRefused({ paths: [path], unknown: false });
      const wish = {
        content,
        ...(mode !== '' && { mode: parseMode(mode) }),
        ...(owner !== '' && parseOwner(owner)),
      };
      const put = withFile(path, wish, traits.secret);
      return (now) => {
        const before = now.files.find((file) => file.path === path)?.content;
        if (opened === undefined || opened === digestOf(before)) return put(now);
        throw fail(
          'head_moved',
          `${showPath(path)} is not as it was when it was opened here, and what you wrote would undo that: nothing was done`,
        );
      };
    }
  }
}

/** A file of one node or many, as it can be opened in a page. */
export interface OpenedFile {
  /** absent: they have it not, or not one */
  readonly content?: Uint8Array;
  /** The different contents, where there are several. */
  readonly versions: readonly FileVersion<Current>[];
  /** What a review marks it with, and masks of it. */
  readonly view?: FileView;
  /** Why nobody can write in it in a page; absent: one can. */
  readonly problem?: string;
}

/** What is in force under a path for all of these. */
export function openFile(session: Session, nodes: readonly Current[], path: string): OpenedFile {
  const versions = versionsOf(nodes, path);
  if (versions.length > 1) return { versions };
  const file = versions[0]?.file;
  if (file === undefined) return { versions: [] };
  const { content } = file;
  const [{ manifest }] = nodes as [Current];
  const { files } = diffView(
    undefined,
    { ...manifest, files: [file] },
    { ...{ showSecrets: false, stat: false }, ...pathsOf(session) },
  );
  const text = decodeBytes(content);
  return {
    ...{ content, versions: [], view: files[0]! },
    // A form turns line ends into its own, and drops or shows otherwise what is not plain text.
    ...(escapeText(text) !== text && {
      problem: 'It holds what is no plain text: a page would change it without being asked.',
    }),
  };
}

/** Whether something of a file is only shown to somebody who asks for it. */
export const isHiding = ({ hidden, maskedValues }: FileView): boolean =>
  hidden !== undefined || maskedValues > 0;
