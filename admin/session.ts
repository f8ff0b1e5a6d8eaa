import {
  decodeChain,
  decodeSignedKeyset,
  equalBytes,
  fromBase64Url,
  fromHex,
  MAX_KEYSET_BYTES,
  toHex,
  verifyChain,
  verifyLink,
} from '../bundle/index.ts';
import type { Keyset, NodeId, SignedKeyset } from '../bundle/index.ts';
import { createClient } from '../protocol/client.ts';
import type { Client } from '../protocol/client.ts';
import { fail } from '../protocol/errors.ts';
import type { History } from '../protocol/history.ts';
import { keysetKey } from '../protocol/keys.ts';
import type { Fetch } from '../protocol/objects.ts';
import { keysetsOf } from '../protocol/site.ts';
import type { Site } from '../protocol/site.ts';
import { memoryCache } from './cache.ts';
import type { CachePort } from './cache.ts';
import { doubt } from './doubt.ts';
import type { Doubt } from './doubt.ts';
import type { KeyPorts } from './key.ts';
import type { Memory, MemoryPort, Seen } from './memory.ts';
import { createObjects } from './objects.ts';
import type { Objects } from './objects.ts';
import { headOf, readRecord, recordWarnings } from './record.ts';
import type { NodeRecord } from './record.ts';
import { createRemembering } from './remembering.ts';
import type { Remembering } from './remembering.ts';

/** What takes a while, as it begins and ends. */
export type Step =
  { readonly code: 'asking_server' } | { readonly code: 'reading_history'; readonly node: NodeId };

/** What a session works with: public things, and ports for everything else. */
export interface SessionOptions {
  readonly site: Site;
  /** Origin of the server. */
  readonly server: string;
  /** The administrator's key: {@link localKey}, or one that is elsewhere. */
  readonly key: KeyPorts;
  readonly memory: MemoryPort;
  /** Absent: what was read is kept as long as the session. */
  readonly cache?: CachePort;
  /** Name and version of the program, which bundles made here say they were made by. */
  readonly program: string;
  /** For requests to server and store; absent: that of the platform. */
  readonly fetch?: Fetch;
  /** Whether the store is asked for a newer keyset than the server shows, which is a minute behind. */
  readonly looksInStore?: boolean;
  /** Unix time, seconds; absent: the clock of the platform. */
  readonly now?: () => number;
  /** Told at once of each doubt; they are in {@link Session.doubts} as well. */
  readonly onDoubt?: (doubt: Doubt) => void;
  /** Runs the work of each step: for who shows that something is under way. */
  readonly during?: <T>(step: Step, work: () => Promise<T>) => Promise<T>;
}

/** An administrator at work: the server answers, the keysets are checked, the key is in the newest. */
export interface Session extends Objects, Remembering {
  readonly site: Site;
  readonly key: KeyPorts;
  readonly client: Client;
  readonly program: string;
  readonly cache: CachePort;
  /** to the newest, through the pinned one, verified */
  readonly chain: readonly SignedKeyset[];
  /** the newest */
  readonly keyset: Keyset;
  /** the position of this administrator's key in `keyset` */
  readonly keyIndex: number;
  /**
   * The verified record of a node, read now: one listing, and one batched read for 100 slots. It has
   * the bundle in force; `keeps` tells of which other slots it shall have it, the rest is let go.
   * What it shows is remembered, or doubted if it shows less than is remembered.
   * @throws what the client throws; store_unavailable, since an entry that is not read is no junk
   */
  history(node: NodeId, keeps?: (slot: number) => boolean): Promise<NodeRecord>;
  /**
   * A record that was read with many others, as {@link Session.history} gives it: what it shows is
   * remembered, or doubted.
   */
  accept(node: NodeId, record: History): Promise<NodeRecord>;
  /** Where the store contradicted what this program remembers, so far. */
  readonly doubts: readonly Doubt[];
  /** Keysets that this program has seen after the newest that the store has: a restore lost them. */
  readonly lost: readonly SignedKeyset[];
  /** Has it remembered that this keyset is the newest, for the sessions that come. */
  rememberKeyset(signed: SignedKeyset): Promise<void>;
}

/**
 * Asks the server for its keysets, and checks them against the pinned and the remembered ones.
 * @throws wrong_site, not_an_admin, bad_chain (another keyset than was seen), any code of the format,
 *   and what the client and the ports throw
 */
export async function createSession(options: SessionOptions): Promise<Session> {
  const { site, key, program, fetch, now, during = justDo } = options;
  const client = createClient({
    ...{ server: options.server, site: site.id, stores: site.stores, waits: true },
    sign: (request) => key.sign.request(request),
    ...(fetch === undefined ? {} : { fetch }),
    ...(now === undefined ? {} : { now }),
  });
  const memory = await options.memory.load();
  const objects = createObjects(client);
  const chain = await during({ code: 'asking_server' }, async () => {
    const shown = await shownChain(client, site);
    // A server shows a keyset a minute after it was made. Whoever knows of it looks in the store.
    const isBehind = newest(shown).keyset.version < newest(memory.chain).keyset.version;
    const isIn = newest(shown).keyset.keys.some(({ signKey }) => equalBytes(signKey, key.signKey));
    const isAsked = options.looksInStore === true && isIn;
    return isBehind || isAsked ? followed(objects, shown) : shown;
  });
  const { keyset } = newest(chain);
  const doubts: Doubt[] = [];
  const doubted = (said: Doubt): void => {
    doubts.push(said);
    options.onDoubt?.(said);
  };
  checkChainAgainst(memory, chain, doubted);
  const keyIndex = keyset.keys.findIndex(({ signKey }) => equalBytes(signKey, key.signKey));
  if (keyIndex < 0) {
    throw fail('not_an_admin', notAmong(key, chain));
  }
  const remembering = createRemembering(options.memory, memory, chain);

  async function history(
    node: NodeId,
    keeps: (slot: number) => boolean = () => false,
  ): Promise<NodeRecord> {
    const record = await during({ code: 'reading_history', node }, () =>
      readRecord(objects, site, node, keeps),
    );
    return accept(node, record);
  }

  async function accept(node: NodeId, record: History): Promise<NodeRecord> {
    const head = headOf(record);
    const said = doubt(remembering.seen(node), head);
    if (said !== undefined) doubted({ ...said, node });
    else if (head !== undefined) await remembering.remember(node, head);
    return { ...record, warnings: recordWarnings(record, site) };
  }

  return {
    cache: options.cache ?? memoryCache(),
    ...{ site, key, client, program, chain, keyset, keyIndex, doubts },
    ...{ ...objects, ...remembering, history, accept },
    lost: memory.chain.filter((link) => link.keyset.version > keyset.version),
    rememberKeyset: (signed) =>
      options.memory.add({ chain: [...chain, signed], nodes: new Map<NodeId, Seen>() }),
  };
}

const justDo: NonNullable<SessionOptions['during']> = (_step, work) => work();

const newest = (chain: readonly SignedKeyset[]): SignedKeyset => chain[chain.length - 1]!;

type Chain = readonly SignedKeyset[];

/**
 * The keysets that the server shows, through the pinned one; where that is older than the site's own file, the latter.
 * @throws wrong_site for a server of another site, the codes of the chain, and what the client throws
 */
export async function shownChain(client: Client, site: Site): Promise<Chain> {
  const answer = await client.site();
  if (!equalBytes(fromHex(answer.site), site.id)) {
    throw fail('wrong_site', `the server serves site ${answer.site}, not ${toHex(site.id)}`);
  }
  const chain = decodeChain(fromBase64Url(answer.chain));
  const own = keysetsOf(site);
  const isOlder = own.some(
    (link) => link !== site.pinned && equalBytes(link.digest, newest(chain).digest),
  );
  if (isOlder) return own;
  verifyChain(chain, site.pinned);
  return chain;
}

/** A chain to the newest keyset that the store has. @throws does_not_verify, and what reading throws */
async function followed(objects: Pick<Objects, 'read'>, shown: Chain): Promise<Chain> {
  const chain = [...shown];
  for (;;) {
    const last = newest(chain);
    const key = keysetKey(last.keyset.version + 1);
    const bytes = await objects.read(key, MAX_KEYSET_BYTES);
    if (bytes === undefined) return chain;
    const next = decodeSignedKeyset(bytes);
    verifyLink(last, next);
    chain.push(next);
  }
}

/** Why a key is not good, and what to do. */
function notAmong({ signKey }: Pick<KeyPorts, 'signKey'>, chain: Chain): string {
  const { version, keys } = newest(chain).keyset;
  const was = chain.findLast((link) =>
    link.keyset.keys.some((k) => equalBytes(k.signKey, signKey)),
  );
  const names = keys.map(({ name }) => name).join(', ');
  if (was === undefined) {
    return `this key is not in keyset ${version} of the site: one of its administrators (${names}) adds it with coatcheck keys add; a server knows of it within a minute`;
  }
  return `this key was taken away after keyset ${was.keyset.version} of the site: ask its administrators (${names})`;
}

function checkChainAgainst(
  memory: Memory,
  chain: readonly SignedKeyset[],
  doubted: (said: Doubt) => void,
): void {
  const known = newest(memory.chain);
  const seen = known.keyset.version;
  const now = chain.find(({ keyset }) => keyset.version === seen);
  if (now === undefined) {
    doubted({ code: 'keyset_hidden', shown: newest(chain).keyset.version, seen });
  } else if (!equalBytes(now.digest, known.digest)) {
    throw fail('bad_chain', `keyset ${seen} is not the one that this tool has seen`);
  }
}
