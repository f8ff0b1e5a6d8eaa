import { fromHex, ZERO_DIGEST } from '../bundle/index.ts';
import type { NodeId } from '../bundle/index.ts';
import { cosignedView, readCosigned } from './cosigned.ts';
import { loadFacts } from './facts.ts';
import type { Facts } from './facts.ts';
import { waiting } from './find.ts';
import type { Listed } from './objects.ts';
import type { Session } from './session.ts';
import { statusViews, statusViewsByPieces, wantsNewest, withCosigned } from './views/status.ts';
import type { NodeListing, StatusView } from './views/status.ts';

/** Every node that has anything in the store, as it is known so far. */
export interface Fleet {
  /** By id. Made when it is first called after something was read: what is read later is in the next. */
  readonly views: () => readonly StatusView[];
  /** How many objects are still to be read */
  readonly left: number;
}

/** How a fleet is looked at. */
export interface FleetOptions {
  /** Told once when all is listed, and then of every object that was read. */
  readonly onProgress?: (fleet: Fleet) => void;
  /** Not the reports: for who wants names and decisions only. */
  readonly withoutReports?: boolean;
  /** Waited for between pieces of work of some milliseconds each: for who has others to answer meanwhile. */
  readonly between?: () => Promise<void>;
}

/**
 * Looks at every node, again and again: each time lists what there is, one request for 1,000 objects
 * of each prefix and for 100 proposals, and reads what changed, one request for 100 objects and one GET
 * each, 8 at a time. The record of a node is read where its newest decision does not tell by itself
 * how it stands, and where the store shows less than was seen: that is doubted then
 * ({@link Session.doubts}).
 */
export interface FleetReader {
  /** @throws what the client, the key and the cache throw */
  look(options?: FleetOptions): Promise<readonly StatusView[]>;
}

/** {@link FleetReader}, over the cache of the session. */
export function createFleetReader(session: Session): FleetReader {
  let facts: Facts | undefined;
  return {
    look: async (options = {}) => {
      facts ??= await loadFacts(session);
      return look(session, facts, options);
    },
  };
}

async function look(
  session: Session,
  facts: Facts,
  {
    onProgress = () => undefined,
    withoutReports = false,
    between = () => Promise.resolve(),
  }: FleetOptions,
): Promise<readonly StatusView[]> {
  const cosigned = await nodesCosigned(session);
  const { listings, all } = await listNodes(session, withoutReports, between);
  let made: readonly StatusView[] | undefined;
  const views = (): readonly StatusView[] =>
    (made ??= statusViews(listings, facts, session.client.now()));
  const read = async (objects: readonly Listed[]): Promise<void> => {
    let left = objects.length;
    await facts.read(objects, () => {
      made = undefined;
      onProgress({ views, left: --left });
    });
  };
  const unread = facts.unread(all);
  onProgress({ views, left: unread.length });
  await read(unread);
  const newest = listings.flatMap((listing) =>
    listing.newest !== undefined && wantsNewest(listing, facts) ? [listing.newest] : [],
  );
  await read(facts.unread(newest));
  await doubtLess(session, slotsOf(listings));
  const prefixes = ['pending', 'approved', 'history'] as const;
  await facts.keep([...all, ...newest], withoutReports ? prefixes : [...prefixes, 'reports']);
  made ??= await statusViewsByPieces(listings, facts, session.client.now(), between);
  if (cosigned.size === 0) return made;
  return Promise.all(made.map((view) => cosignedOf(session, view, cosigned)));
}

/** The nodes about which somebody has signed what lacks signatures; none where one signature is enough. */
async function nodesCosigned(session: Session): Promise<ReadonlySet<NodeId>> {
  const nodes = new Set<NodeId>();
  if (session.chain.every(({ keyset }) => keyset.threshold === 1)) return nodes;
  for await (const { parsed } of session.list('cosign')) {
    if (parsed.prefix === 'cosign') nodes.add(parsed.node);
  }
  return nodes;
}

async function cosignedOf(
  session: Session,
  view: StatusView,
  nodes: ReadonlySet<NodeId>,
): Promise<StatusView> {
  if (!nodes.has(view.node)) return view;
  const [head] = [view.rejected, view.decision]
    .filter((one) => one !== undefined)
    .sort((a, b) => b.seq - a.seq);
  const digest = head === undefined ? ZERO_DIGEST : fromHex(head.statementDigest);
  const follows = { head: digest, end: view.decision?.expires };
  const all = await readCosigned(session, view.node, follows);
  return withCosigned(
    view,
    all.map((one) => cosignedView(session, one)),
  );
}

/** What waits is listed first: what is decided in between is then in the history, not nowhere. */
async function listNodes(
  session: Session,
  withoutReports: boolean,
  between: () => Promise<void>,
): Promise<{ readonly listings: readonly NodeListing[]; readonly all: readonly Listed[] }> {
  const nodes = new Map<NodeId, { -readonly [K in keyof NodeListing]: NodeListing[K] }>();
  const all: Listed[] = [];
  const of = (node: NodeId) => {
    const known = nodes.get(node) ?? { node, pending: [] };
    nodes.set(node, known);
    return known;
  };
  for (const proposal of await waiting(session)) {
    all.push(proposal);
    const known = of(proposal.node);
    known.pending = [...known.pending, proposal];
  }
  const list = async (prefix: 'approved' | 'history' | 'reports'): Promise<void> => {
    for await (const page of session.pages(prefix)) {
      await between();
      for (const listed of page) {
        const { parsed } = listed;
        if (!('node' in parsed)) continue;
        const known = of(parsed.node);
        if (parsed.prefix === 'approved') known.approved = listed;
        if (parsed.prefix === 'reports') known.report = listed;
        if (parsed.prefix === 'history') known.newest = newer(known.newest, listed);
        if (parsed.prefix !== 'history') all.push(listed);
      }
    }
  };
  await Promise.all([
    list('history'),
    list('approved'),
    ...(withoutReports ? [] : [list('reports')]),
  ]);
  const listings = [...nodes.values()]
    // A report alone is of no node that anybody decided about.
    .filter((one) => one.pending.length > 0 || one.approved !== undefined || one.newest)
    .sort((a, b) => (a.node < b.node ? -1 : 1));
  return { listings, all };
}

function newer(known: Listed | undefined, listed: Listed): Listed {
  const slotOf = ({ parsed }: Listed): number => ('slot' in parsed ? parsed.slot : 0);
  return known === undefined || slotOf(listed) > slotOf(known) ? listed : known;
}

const slotsOf = (listings: readonly NodeListing[]): ReadonlyMap<NodeId, number> =>
  new Map(
    listings.map(({ node, newest }) => {
      const parsed = newest?.parsed;
      return [node, parsed !== undefined && 'slot' in parsed ? parsed.slot : 0] as const;
    }),
  );

/** The highest slot of each node's history, as the store lists it now. */
export async function newestSlots(session: Session): Promise<ReadonlyMap<NodeId, number>> {
  const slots = new Map<NodeId, number>();
  for await (const { parsed } of session.list('history')) {
    if (parsed.prefix !== 'history') continue;
    slots.set(parsed.node, Math.max(parsed.slot, slots.get(parsed.node) ?? 0));
  }
  return slots;
}

/**
 * Has it doubted where the store lists less of a node's history than this program has seen: that
 * record is read.
 * @param slots the highest of each node that is listed
 */
export async function doubtLess(
  session: Session,
  slots: ReadonlyMap<NodeId, number>,
): Promise<void> {
  for (const [node, { slot }] of session.remembered) {
    const isDoubted = session.doubts.some((doubt) => 'node' in doubt && doubt.node === node);
    if ((slots.get(node) ?? 0) < slot && !isDoubted) await session.history(node);
  }
}
