import {
  CoatcheckError,
  decodeChain,
  equalBytes,
  fromBase64Url,
  fromHex,
  toHex,
  verifyChain,
} from '../bundle/index.ts';
import type { Identity, Keyset, NodeId, SignedKeyset } from '../bundle/index.ts';
import { createClient } from '../protocol/client.ts';
import type { Client } from '../protocol/client.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { createFetch } from '../net/fetch.ts';
import { MAX_ENTRY_BYTES, readHistory } from '../protocol/history.ts';
import type { History, HistoryObject } from '../protocol/history.ts';
import { MAX_READ_KEYS } from '../protocol/http.ts';
import { parseKey } from '../protocol/keys.ts';
import type { ParsedKey, Prefix } from '../protocol/keys.ts';
import type { Site } from '../protocol/site.ts';
import { unlock } from './context.ts';
import type { Context } from './context.ts';
import { readSite } from './home.ts';
import { serverAddress } from './server-address.ts';
import { doubt, readMemory, writeMemory } from './memory.ts';
import type { Memory, Seen } from './memory.ts';

/** One object of a listing; keys that are none of ours are left out. */
export interface Listed {
  readonly key: string;
  readonly parsed: ParsedKey;
  /** bytes */
  readonly size: number;
  /** unix seconds */
  readonly modified: number;
}

/** An object that was asked for: its bytes, neither if it is not there, or why it cannot be read. */
export interface ReadObject {
  readonly key: string;
  readonly bytes?: Uint8Array;
  readonly error?: CoatcheckError;
}

const PARALLEL_READS = 8;

/** An administrator at work: the key is open, the server answers, the keysets are checked. */
export interface Session {
  readonly site: Site;
  readonly identity: Identity;
  readonly client: Client;
  /** to the newest, through the pinned one, verified */
  readonly chain: readonly SignedKeyset[];
  readonly keyset: Keyset;
  /** the position of this administrator's key in `keyset` */
  readonly keyIndex: number;
  list(prefix: Prefix, node?: NodeId): AsyncGenerator<Listed>;
  /** An object's bytes; undefined if it is not there. @throws too_large */
  read(key: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Many objects, in the order of their keys, a few fetched at a time. */
  readEach(keys: readonly string[], maxBytes: number): AsyncGenerator<ReadObject>;
  /** The verified record of a node. Warns if it is shorter than this tool remembers. */
  history(node: NodeId): Promise<History>;
  /** The newest decision about the node that this tool has seen. */
  seen(node: NodeId): Seen | undefined;
  /** Where the store contradicted what this tool remembers, so far: warned of, one sentence each. */
  readonly doubts: readonly string[];
  /** Keeps in memory.json that this decision was seen. */
  remember(node: NodeId, seen: Seen): Promise<void>;
}

/** @throws wrong_site, not_an_admin, and what the client and the key file throw */
export async function openSession(context: Context): Promise<Session> {
  const site = await readSite(context.home);
  const named = context.server ?? site.servers[0];
  if (named === undefined) {
    throw fail('usage', 'the site names no server: give one with --server');
  }
  const server = serverAddress(named);
  const identity = await unlock(context);
  const ca = site.ca === undefined ? {} : { fetch: createFetch({ ca: site.ca }) };
  const client = createClient({ server, site: site.id, identity, ...ca });
  const { terminal } = context;
  const memory = await readMemory(context.home.memoryFile, site);
  const chain = await terminal.waiting('asking the server', () => newestChain(client, site));
  const { keyset } = newest(chain);
  const doubts: string[] = [];
  const doubted = (said: string): void => {
    doubts.push(said);
    terminal.warn(said);
  };
  checkChainAgainst(memory, chain, doubted);
  const keyIndex = keyset.keys.findIndex((key) => equalBytes(key.signKey, identity.signKey));
  if (keyIndex < 0) {
    throw fail('not_an_admin', `this key is not in keyset ${keyset.version} of the site`);
  }
  const opened = { site, identity, client, chain, keyset, keyIndex, doubts };
  return createSession(context, opened, memory, doubted);
}

type Opened = Pick<
  Session,
  'site' | 'identity' | 'client' | 'chain' | 'keyset' | 'keyIndex' | 'doubts'
>;

const newest = (chain: readonly SignedKeyset[]): SignedKeyset => chain[chain.length - 1]!;

async function newestChain(client: Client, site: Site): Promise<readonly SignedKeyset[]> {
  const answer = await client.site();
  if (!equalBytes(fromHex(answer.site), site.id)) {
    throw fail('wrong_site', `the server serves site ${answer.site}, not ${toHex(site.id)}`);
  }
  const chain = decodeChain(fromBase64Url(answer.chain));
  verifyChain(chain, site.pinned);
  return chain;
}

function checkChainAgainst(
  memory: Memory,
  chain: readonly SignedKeyset[],
  doubted: (said: string) => void,
): void {
  const known = newest(memory.chain);
  const now = chain.find(({ keyset }) => keyset.version === known.keyset.version);
  if (now === undefined) {
    doubted(
      `the server shows keyset ${newest(chain).keyset.version}, and this tool has seen ${known.keyset.version}: a backup was restored or somebody hides the newer one`,
    );
  } else if (!equalBytes(now.digest, known.digest)) {
    throw fail(
      'bad_chain',
      `keyset ${known.keyset.version} is not the one that this tool has seen`,
    );
  }
}

function createSession(
  context: Context,
  opened: Opened,
  initial: Memory,
  doubted: (said: string) => void,
): Session {
  const { client, site, chain } = opened;
  const { terminal, home } = context;
  const nodes = new Map(initial.nodes);

  async function* list(prefix: Prefix, node?: NodeId): AsyncGenerator<Listed> {
    let after: string | undefined;
    do {
      const page = await client.list({
        prefix,
        ...(node === undefined ? {} : { node }),
        ...(after === undefined ? {} : { after }),
      });
      for (const object of page.objects) {
        const parsed = parseKey(object.key);
        if (parsed !== undefined) yield { ...object, parsed };
      }
      // In the order of the keys, or there would be no end to it.
      if (page.next !== undefined && page.next <= (after ?? '')) {
        throw fail('server_garbage', 'the server lists the same objects again and again');
      }
      after = page.next;
    } while (after !== undefined);
  }

  async function* readEach(keys: readonly string[], maxBytes: number): AsyncGenerator<ReadObject> {
    for (let start = 0; start < keys.length; start += MAX_READ_KEYS) {
      const asked = keys.slice(start, start + MAX_READ_KEYS);
      const { urls } = await client.read(asked);
      const urlOf = new Map(urls.map(({ key, url }) => [key, url]));
      for (let i = 0; i < asked.length; i += PARALLEL_READS) {
        const batch = asked.slice(i, i + PARALLEL_READS);
        yield* await Promise.all(batch.map((key) => readObject(key, urlOf.get(key), maxBytes)));
      }
    }
  }

  async function readObject(
    key: string,
    url: string | undefined,
    maxBytes: number,
  ): Promise<ReadObject> {
    if (url === undefined) return { key };
    try {
      const object = await client.get(url, maxBytes);
      return object.found ? { key, bytes: object.body } : { key };
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      return { key, error: error as CoatcheckError };
    }
  }

  async function read(key: string, maxBytes: number): Promise<Uint8Array | undefined> {
    for await (const { bytes, error } of readEach([key], maxBytes)) {
      if (error !== undefined) throw error;
      return bytes;
    }
    return undefined;
  }

  async function historyObject(key: string, slot: number): Promise<HistoryObject> {
    try {
      const bytes = await read(key, MAX_ENTRY_BYTES);
      // Nothing is ever deleted there, so this is no "not found".
      if (bytes === undefined) {
        throw fail('store_unavailable', `the store lists ${key} and does not give it: try again`);
      }
      return { slot, bytes };
    } catch (error) {
      if (hasCode(error, 'too_large')) return { slot };
      throw error;
    }
  }

  async function history(node: NodeId): Promise<History> {
    const objects: HistoryObject[] = [];
    await terminal.waiting(`reading the history of ${node}`, async () => {
      for await (const { key, parsed } of list('history', node)) {
        if (parsed.prefix === 'history') objects.push(await historyObject(key, parsed.slot));
      }
    });
    const record = readHistory(objects, site, node);
    const head = record.head && {
      seq: record.head.frame.statement.seq,
      digest: toHex(record.head.frame.statementDigest),
    };
    const said = doubt(nodes.get(node), head);
    if (said !== undefined) doubted(said);
    else if (head !== undefined) await remember(node, head);
    warnOfOldKeyset(record);
    for (const { slot, code } of record.junk) {
      terminal.warn(
        `slot ${slot} holds something that does not verify (${code}); it changes nothing`,
      );
    }
    return record;
  }

  function warnOfOldKeyset({ inForce }: History): void {
    const version = inForce?.frame.keyset.version ?? Infinity;
    const pinned = site.pinned.keyset.version;
    if (version >= pinned) return;
    terminal.warn(
      `what is in force was decided under keyset ${version}, before the pinned ${pinned}: a machine whose image pins that refuses it; decide again`,
    );
  }

  async function remember(node: NodeId, seen: Seen): Promise<void> {
    const known = nodes.get(node);
    if (known !== undefined && known.seq >= seen.seq) return;
    nodes.set(node, seen);
    await writeMemory(home.memoryFile, site, { chain, nodes });
  }

  return { ...opened, list, read, readEach, history, seen: (node) => nodes.get(node), remember };
}
