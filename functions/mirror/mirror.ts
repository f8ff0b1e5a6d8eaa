import { join } from 'node:path';
import { sha256 } from '#platform';
import { equalBytes, toHex, utf8 } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import type { VerifiedFrame } from '../../bundle/frame.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { withLockBeside } from '../../files/lock.ts';
import { codeOf, fail } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES, verifyEntry } from '../../protocol/history.ts';
import { parseKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import { inParallel } from '../copy/in-parallel.ts';
import { createMirrorFolder } from './folder.ts';
import type { MirrorFolder } from './folder.ts';
import { readState, stateBytes, STATE } from './state.ts';
import type { Copied, MirrorState } from './state.ts';

/** What a mirror says of itself to whoever can reach it: nothing that is signed, and for people only. */
export const SUMMARY = 'mirror.json';

/** What a run left in the folder. */
export interface MirrorOutcome {
  /** Unix seconds: nothing that was decided before is missing */
  readonly asOf: number;
  readonly machines: number;
  /** Written in this run. */
  readonly written: number;
  /** Taken away in this run, since the store has them no more. */
  readonly removed: number;
  /** Configurations without an end: a machine that remembers nothing takes an old copy of one for ever. */
  readonly endless: number;
  /** Unix seconds: after this no copy of the others is taken any more */
  readonly lastEnd?: number;
  /** What is in the store and does not verify: it was not copied, what the mirror had stays. */
  readonly junk: readonly { readonly key: string; readonly code: ErrorCode }[];
  /** Machines of which the mirror has a newer decision than the store: it stays. */
  readonly newer: readonly NodeId[];
  /** Machines that only the mirror has: they stay unless `prune` was given. */
  readonly gone: readonly NodeId[];
}

/**
 * Makes a folder hold what is approved, each object a file `approved/<node>`, for a web server that knows
 * nothing of it. Each is replaced in one step and never by an older decision; what did not change, by the store's
 * versions and the SHA-256 of what lies there, is not fetched again. A run that was cut short anywhere leaves a good mirror, and is
 * finished by the next.
 *
 * @param options.now unix seconds, by the clock of this machine
 * @param options.prune takes away what the store has no more: a server never deletes anything of `approved/`
 * @throws in_use while another run works there; already_exists for a folder whose `approved/` is none of ours, or another
 *   site's; disk_full and what files throw; the codes of a store
 */
export async function mirrorStore(
  from: Pick<ObjectStore, 'list' | 'get'>,
  path: string,
  site: Site,
  { now, prune = false }: { now: () => number; prune?: boolean },
): Promise<MirrorOutcome> {
  const folder = await createMirrorFolder(path);
  return withLockBeside(join(path, STATE), async () => {
    const before = await openState(folder, site);
    await folder.sweep();
    const asOf = now();
    const seen: Record<string, Copied> = {};
    const junk: { key: string; code: ErrorCode }[] = [];
    const newer: NodeId[] = [];
    let written = 0;

    async function copy(node: NodeId, key: ObjectKey, version: string | undefined): Promise<void> {
      const there = await folder.read(node);
      const known = before.seen[node];
      const isAsLeft = there !== undefined && known?.sha256 === toHex(sha256(there));
      if (isAsLeft && version !== undefined && known.version === version) {
        seen[node] = known;
        return;
      }
      const object = await from.get(key, { maxBytes: MAX_ENTRY_BYTES });
      // Gone since it was listed: the next run sees it.
      if (object === undefined) return;
      const frame = verifyEntry(object.body, site, node);
      if (there === undefined || !equalBytes(there, object.body)) {
        const mine = there && frameOf(there, site, node);
        if (mine !== undefined && mine.statement.seq > frame.statement.seq) {
          newer.push(node);
          return;
        }
        await folder.write(node, object.body);
        written++;
      }
      seen[node] = {
        ...(version !== undefined && { version }),
        sha256: toHex(sha256(object.body)),
        ends: frame.bundle === undefined ? 'nothing' : (frame.statement.expires ?? 'never'),
      };
    }

    const objects = [];
    for await (const { key, version } of listAll(from, 'approved/')) {
      const parsed = parseKey(key);
      if (parsed?.prefix === 'approved') objects.push({ node: parsed.node, key, version });
    }
    const listed = new Set(objects.map(({ node }) => node));
    const gone = (await folder.nodes()).filter((node) => !listed.has(node));
    // First: the disk may be full of them.
    if (prune) for (const node of gone) await folder.remove(node);
    await inParallel(
      objects,
      ({ key }) => key,
      async ({ node, key, version }) => {
        try {
          await copy(node, key, version);
        } catch (error) {
          if (!(error instanceof CoatcheckError) || !isOfTheBytes(codeOf(error))) throw error;
          junk.push({ key, code: codeOf(error) });
        }
      },
    );
    await folder.settle();
    const machines = (await folder.nodes()).length;
    await folder.writeOwn(STATE, stateBytes({ ...before, seen }), 0o600);
    const summary = { coatcheck: 'mirror/1', site: before.site, asOf, machines };
    await folder.writeOwn(SUMMARY, utf8(`${JSON.stringify(summary)}\n`), 0o644);
    const ends = Object.values(seen).map((copied) => copied.ends);
    const dated = ends.filter((end) => typeof end === 'number');
    return {
      ...{ asOf, machines, written, removed: prune ? gone.length : 0 },
      endless: ends.filter((end) => end === 'never').length,
      ...(dated.length > 0 && { lastEnd: dated.reduce((a, b) => Math.max(a, b)) }),
      junk: junk.sort((a, b) => (a.key < b.key ? -1 : 1)),
      ...{ newer: newer.sort(), gone: prune ? [] : gone },
    };
  });
}

/** Whether an object is at fault, and not the store or a disk. */
const isOfTheBytes = (code: ErrorCode): boolean => {
  const local = ['disk_full', 'file_denied', 'file_missing', 'file_malformed', 'in_use'];
  return !/^store_|^no_such_bucket$/.test(code) && !local.includes(code);
};

function frameOf(bytes: Uint8Array, site: Site, node: NodeId): VerifiedFrame | undefined {
  try {
    return verifyEntry(bytes, site, node);
  } catch (error) {
    if (error instanceof CoatcheckError) return undefined;
    throw error;
  }
}

/** Says in a new folder that it is a mirror of this site. @throws already_exists */
async function openState(folder: MirrorFolder, site: Site): Promise<MirrorState> {
  const id = toHex(site.id);
  const state = await readState(folder);
  if (state === undefined) {
    if ((await folder.nodes()).length > 0) {
      throw fail(
        'already_exists',
        `${folder.path} holds files in approved/ that coatcheck mirror has not put there: name another folder, or move them away`,
      );
    }
    const fresh = { site: id, seen: {} };
    await folder.writeOwn(STATE, stateBytes(fresh), 0o600);
    return fresh;
  }
  if (state.site === id) return state;
  throw fail('already_exists', `${folder.path} is a mirror of another site, ${state.site}`);
}
