import { CoatcheckError } from '../bundle/errors.ts';
import type { NodeId } from '../bundle/identity.ts';
import type { StatementType } from '../bundle/statement.ts';
import { nodeWords } from '../bundle/words.ts';
import { codeOf } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { MAX_ENTRY_BYTES, verifyEntry } from '../protocol/history.ts';
import { digestHex, parseKey } from '../protocol/keys.ts';
import type { DigestHex } from '../protocol/keys.ts';
import type { Site } from '../protocol/site.ts';
import type { ObjectInfo, ObjectStore } from '../store/port.ts';
import { unixSeconds } from './routes/time.ts';

/** What is in force for a node, as far as nothing of it is sealed. */
interface Shown {
  readonly type: StatementType;
  readonly seq: number;
  /** unix seconds */
  readonly issued: number;
  /** unix seconds; absent for never */
  readonly expires?: number;
  /** of the statement */
  readonly statement: DigestHex;
  /** of the bundle; zeros where there is none */
  readonly bundle: DigestHex;
}

/** How a node stands, as far as a server can know: nothing of it was ever sealed. */
export interface PublicState {
  readonly node: NodeId;
  /** eight, as the console of the node shows them */
  readonly words: string;
  readonly waiting: readonly {
    readonly digest: DigestHex;
    /** unix seconds by the store */
    readonly since: number;
  }[];
  readonly shown?: Shown;
  /** when its last report was stored, unix seconds */
  readonly reported?: number;
  /** why what the node is shown cannot be read or does not verify */
  readonly problem?: ErrorCode;
}

/** Some nodes in the order of their ids, and after which one the next follow; absent at the end. */
export interface StatesPage {
  readonly states: readonly PublicState[];
  readonly next?: NodeId;
}

/** Reads how nodes stand, and changes nothing. */
export interface StatesReader {
  /**
   * At most {@link STATES_PAGE} nodes: a LIST of each of three prefixes, and a GET of each `approved/` that
   * this reader has not seen in this version, 8 at a time.
   * @throws any code of the store
   */
  page(after?: NodeId): Promise<StatesPage>;
}

/** Nodes of a page. */
export const STATES_PAGE = 1000;
const READS_AT_ONCE = 8;
/** Of what was read: some megabytes. */
const MAX_KEPT = 20_000;

type Read = { readonly shown: Shown } | { readonly problem: ErrorCode };

/** {@link StatesReader} over a store, with the rights of the admin credential. */
export function createStatesReader(
  store: Pick<ObjectStore, 'list' | 'get'>,
  site: Site,
): StatesReader {
  /** By key; the oldest goes first. */
  const kept = new Map<string, { readonly version: string; readonly read: Read }>();

  async function readShown(node: NodeId, { key, version }: ObjectInfo): Promise<Read | undefined> {
    const before = kept.get(key);
    if (before !== undefined && before.version === version) return before.read;
    const read = await readNow(node, key);
    if (version === undefined || read === undefined) return read;
    kept.delete(key);
    kept.set(key, { version, read });
    if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
    return read;
  }

  /** Undefined for what is not there any more. */
  async function readNow(node: NodeId, key: ObjectInfo['key']): Promise<Read | undefined> {
    try {
      const object = await store.get(key, { maxBytes: MAX_ENTRY_BYTES });
      if (object === undefined) return undefined;
      const { statement, statementDigest } = verifyEntry(object.body, site, node);
      const { type, seq, issued, expires, digest } = statement;
      return {
        shown: {
          ...{ type, seq, issued, statement: digestHex(statementDigest) },
          ...(expires === undefined ? {} : { expires }),
          bundle: digestHex(digest),
        },
      };
    } catch (error) {
      if (!(error instanceof CoatcheckError) || codeOf(error).startsWith('store_')) throw error;
      return { problem: codeOf(error) };
    }
  }

  async function stateOf(node: NodeId, found: Found): Promise<PublicState | undefined> {
    const read = found.approved && (await readShown(node, found.approved));
    const shown = read !== undefined && 'shown' in read ? read.shown : undefined;
    // What is in force waits no more, and may not be removed yet.
    const waiting = found.pending.filter(({ digest }) => digest !== shown?.bundle);
    if (waiting.length === 0 && read === undefined) return undefined;
    return {
      ...{ node, words: nodeWords(node), waiting, ...read },
      ...(found.reported === undefined ? {} : { reported: found.reported }),
    };
  }

  return {
    page: async (after) => {
      const { nodes, next } = await listNodes(store, after);
      const states: PublicState[] = [];
      for (let i = 0; i < nodes.length; i += READS_AT_ONCE) {
        const some = nodes.slice(i, i + READS_AT_ONCE);
        const read = await Promise.all(some.map(([node, found]) => stateOf(node, found)));
        states.push(...read.filter((state) => state !== undefined));
      }
      return { states, ...(next === undefined ? {} : { next }) };
    },
  };
}

/** Every page. @throws any code of the store */
export async function allStates(reader: StatesReader): Promise<PublicState[]> {
  const all: PublicState[] = [];
  let after: NodeId | undefined;
  do {
    const { states, next } = await reader.page(after);
    all.push(...states);
    after = next;
  } while (after !== undefined);
  return all;
}

interface Found {
  pending: PublicState['waiting'];
  approved?: ObjectInfo;
  reported?: number;
}

/** What is listed of nodes after one, as far as it is listed whole. */
async function listNodes(
  store: Pick<ObjectStore, 'list'>,
  after: NodeId | undefined,
): Promise<{ readonly nodes: readonly (readonly [NodeId, Found])[]; readonly next?: NodeId }> {
  const found = new Map<NodeId, Found>();
  // What is decided in between is then in force, not nowhere.
  const ends = [await list('pending'), ...(await Promise.all([list('approved'), list('reports')]))];
  const cut = ends.filter((end) => end !== undefined).sort();
  const all = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  const whole = cut[0] === undefined ? all : all.filter(([node]) => node <= cut[0]!);
  const nodes = whole.slice(0, STATES_PAGE);
  const last = nodes.at(-1)?.[0] ?? cut[0];
  const isLast = cut.length === 0 && nodes.length === all.length;
  return { nodes, ...(isLast || last === undefined ? {} : { next: last }) };

  /** The last node of which all is there, where there is more. */
  async function list(prefix: 'pending' | 'approved' | 'reports'): Promise<NodeId | undefined> {
    const { objects, next } = await store.list(`${prefix}/`, {
      limit: STATES_PAGE,
      // What follows a node's id in a key sorts before this.
      ...(after === undefined
        ? {}
        : { after: `${prefix}/${after}${prefix === 'pending' ? '/~' : ''}` }),
    });
    let [last, before]: (NodeId | undefined)[] = [];
    for (const object of objects) {
      const parsed = parseKey(object.key);
      if (parsed?.prefix !== prefix || !('node' in parsed)) continue;
      const { node } = parsed;
      if (node !== last) [before, last] = [last, node];
      const known = found.get(node) ?? { pending: [] };
      found.set(node, known);
      if (parsed.prefix === 'approved') known.approved = object;
      else if (parsed.prefix === 'reports') known.reported = unixSeconds(object.modified);
      else if ('digest' in parsed) {
        const one = { digest: parsed.digest, since: unixSeconds(object.modified) };
        known.pending = [...known.pending, one];
      }
    }
    if (next === undefined) return undefined;
    return (prefix === 'pending' ? before : undefined) ?? last;
  }
}
