import { fromBase64Url } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { decodeSignedKeyset } from '../../bundle/keyset.ts';
import { decodeSignedStatement } from '../../bundle/statement.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import type { Answer, Query } from '../../protocol/http.ts';
import {
  digestHex,
  isObjectKey,
  parseDigest,
  parseKey,
  parseNodeId,
  pendingKey,
} from '../../protocol/keys.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import type { ObjectInfo, ObjectStore, UrlSigner } from '../../store/port.ts';
import { cosign } from '../approval/cosign.ts';
import { decide } from '../approval/decide.ts';
import { MAX_NODES } from '../approval/demands.ts';
import type { DecisionRequest } from '../approval/demands.ts';
import { forget } from '../approval/forget.ts';
import type { NodeRecord } from '../approval/publish.ts';
import { createKeyset } from '../approval/new-keyset.ts';
import { repair, settleDecided } from '../approval/repair.ts';
import { withdraw } from '../approval/withdraw.ts';
import { createEvents } from '../events.ts';
import type { EventSource } from '../events.ts';
import type { Call, Handlers } from '../route.ts';
import { createStatesReader } from '../states.ts';
import type { PublicState } from '../states.ts';
import { unixSeconds } from './time.ts';

/** What the administrators' routes work with. */
export interface AdminDeps {
  /** With the rights of the admin credential. */
  readonly store: ObjectStore;
  readonly signer: UrlSigner;
  /** Whether the server asks strangers for an enrolment token (`UploadDeps`): then it bounds their number. */
  readonly hasToken?: boolean;
  /** Without a token: how many nodes that approve for themselves are let in, 1 to {@link MAX_NODES}, the default. */
  readonly maxNodes?: number;
  /** Tells when something else waits; absent: one that holds no question, as in a function. */
  readonly events?: EventSource;
}

/** A node takes `issued` for a clock: far ahead, it would end what expires before its time. */
const MAX_AHEAD_SECONDS = 24 * 3600;
const READ_URL_SECONDS = 300;
/** Each node of a page of `pending/` costs the reading of its history. */
const PENDING_PAGE = 100;
const PAGE = 1000;
const PARALLEL_NODES = 4;
/** What is read for a first decision, and what others have signed of it: about a node that has a history there is none. */
const FOR_FIRST: readonly string[] = ['pending', 'keysets', 'cosign'];

/** What administrators ask: decisions, listings, and URLs to read by. Signs GETs only. */
export function adminRoutes(
  site: Site,
  {
    store,
    signer,
    hasToken = false,
    maxNodes = MAX_NODES,
    events = createEvents(store, { holdSeconds: 0 }),
  }: AdminDeps,
): Pick<
  Handlers,
  | 'decide'
  | 'cosign'
  | 'accept'
  | 'repair'
  | 'withdraw'
  | 'forget'
  | 'keyset'
  | 'list'
  | 'read'
  | 'states'
  | 'events'
> {
  const reader = createStatesReader(store, site);
  function requested(
    { node, body, now }: Pick<Call<'decide'>, 'node' | 'body' | 'now'>,
    by: 'admin' | 'node',
  ): NodeRecord & DecisionRequest {
    const { from, nodeBoxKey } = body;
    const statement = decodeSignedStatement(fromBase64Url(body.statement));
    if (statement.statement.issued > now + MAX_AHEAD_SECONDS) {
      throw fail(
        'bad_time',
        'the statement is issued in the future: set the clock, and sign again',
      );
    }
    return {
      store,
      site,
      node,
      by,
      statement,
      ...(by === 'node' && !hasToken && { strangersUpTo: maxNodes }),
      ...(from === undefined ? {} : { from }),
      ...(nodeBoxKey === undefined ? {} : { nodeBoxKey: fromBase64Url(nodeBoxKey) }),
    };
  }

  return {
    decide: async (call) => decide(requested(call, 'admin')),
    cosign: async (call) => cosign(requested(call, 'admin'), call.signer!.signKey),
    accept: async (call) => {
      if (site.approval !== 'none') {
        throw fail('approval_required', 'at this site an administrator approves, not the node');
      }
      try {
        return await decide(requested(call, 'node'));
      } catch (error) {
        // A node signs after what it is shown. Where a crash left that behind, nobody else may come
        // to publish what was decided, and it would be refused for ever.
        if (hasCode(error, 'head_moved', 'approval_required')) {
          await repair({ store, site, node: call.node }).catch((reason: unknown) => {
            if (!(reason instanceof CoatcheckError)) throw reason;
          });
        }
        throw error;
      }
    },

    repair: async ({ node }) => {
      const { published, junk, cleaned, written } = await repair({ store, site, node });
      return { published, junk: [...junk], cleaned: [...cleaned], written: [...written] };
    },

    withdraw: async ({ node, body, signer }) => ({
      withdrawn: await withdraw({ store, site, node }, parseDigest(body.digest), signer!.signKey),
    }),

    forget: async ({ node, body }) => {
      const { slots, removed, junk } = await forget({ store, site, node }, parseDigest(body.head));
      return { slots: [...slots], removed: [...removed], junk: [...junk] };
    },

    keyset: async ({ body }) => {
      const signed = decodeSignedKeyset(fromBase64Url(body.keyset));
      const outcome = await createKeyset(store, site, signed);
      return { outcome, version: signed.keyset.version, digest: digestHex(signed.digest) };
    },

    list: async ({ query }) => {
      const limit = query.prefix === 'pending' ? PENDING_PAGE : PAGE;
      const { after } = query;
      const page = await store.list(
        listPrefix(query),
        after === undefined ? { limit } : { limit, after },
      );
      const ours = page.objects.filter((object) => isAsked(object, query));
      const shown = query.prefix === 'pending' ? await undecided({ store, site }, ours) : ours;
      return {
        objects: shown.map(({ key, size, modified, version }) => ({
          ...{ key, size, modified: unixSeconds(modified) },
          ...(version === undefined ? {} : { version }),
        })),
        ...(page.next === undefined ? {} : { next: page.next }),
      };
    },

    read: async ({ body, by }) => {
      const urls = await Promise.all(
        body.keys.map(async (text) => {
          if (!isObjectKey(text)) throw fail('bad_request', 'keys: one is not a key of a site');
          if (by === 'first' && !FOR_FIRST.includes(parseKey(text)!.prefix)) {
            throw fail(
              'key_not_allowed',
              `a "first" key is shown what waits, and not ${text}: ask with another key`,
            );
          }
          const { url, expiresAt } = await signer.signGet(text, {
            expiresInSeconds: READ_URL_SECONDS,
          });
          return { key: text, url, expiresAt: unixSeconds(expiresAt) };
        }),
      );
      return { urls };
    },

    states: async ({ query, now }) => {
      const { states, next } = await reader.page(
        query.after === undefined ? undefined : parseNodeId(query.after),
      );
      return { nodes: states.map(plainState), ...(next === undefined ? {} : { next }), now };
    },

    events: ({ query }) => events.wait(query.after),
  };
}

function plainState(state: PublicState): Answer<'states'>['nodes'][number] {
  const { node, words, waiting, shown, reported, problem } = state;
  const since = waiting.map((one) => one.since);
  return {
    ...{ node, words },
    ...(since.length === 0 ? {} : { waitingSince: Math.min(...since) }),
    ...(shown === undefined ? {} : { type: shown.type, seq: shown.seq, issued: shown.issued }),
    ...(shown?.expires === undefined ? {} : { expires: shown.expires }),
    ...(reported === undefined ? {} : { reported }),
    ...(problem === undefined ? {} : { problem }),
  };
}

function listPrefix({ prefix, node }: Query<'list'>): string {
  return node === undefined ? `${prefix}/` : `${prefix}/${node}`;
}

/** Keys that are not ours are for `doctor` to find, not for a tool to trip over. */
function isAsked({ key }: ObjectInfo, { node }: Query<'list'>): boolean {
  const parsed = parseKey(key);
  if (parsed === undefined) return false;
  return node === undefined || ('node' in parsed && parsed.node === node);
}

/** What of a page of `pending/` waits for a decision; the rest is settled on the way. */
async function undecided(
  where: { store: ObjectStore; site: Site },
  objects: readonly ObjectInfo[],
): Promise<ObjectInfo[]> {
  const digests = new Map<NodeId, DigestHex[]>();
  for (const { key } of objects) {
    const parsed = parseKey(key);
    if (parsed?.prefix !== 'pending') continue;
    digests.set(parsed.node, [...(digests.get(parsed.node) ?? []), parsed.digest]);
  }
  const hidden = new Set<string>();
  const nodes = [...digests];
  for (let i = 0; i < nodes.length; i += PARALLEL_NODES) {
    await Promise.all(
      nodes.slice(i, i + PARALLEL_NODES).map(async ([node, waiting]) => {
        const decided = await settleDecided({ ...where, node }, waiting);
        for (const digest of decided) hidden.add(pendingKey(node, digest));
      }),
    );
  }
  return objects.filter(({ key }) => !hidden.has(key));
}
