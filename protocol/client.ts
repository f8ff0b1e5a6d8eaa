import * as v from 'valibot';
import { toBase64Url } from '../bundle/bytes.ts';
import type { NodeId } from '../bundle/identity.ts';
import { ROUTES } from './http.ts';
import type { Answer, DecisionSource, Query } from './http.ts';
import type { DigestHex } from './keys.ts';
import { createCaller, decisionBody, nodeClient } from './node-client.ts';
import type { Asked, ClientOptions, NodeClient } from './node-client.ts';

export { IS_IT_THERE } from './node-client.ts';
export type { ClientOptions, ProposalRequest } from './node-client.ts';

/**
 * Typed calls of every route. Each throws `CoatcheckError`: with the server's own code and details
 * if it refused, `server_unreachable` if nothing answered, `server_garbage` if what answered is
 * not a coatcheck server.
 */
export interface Client extends NodeClient {
  /** False if nothing waits there. */
  withdraw(node: NodeId, digest: DigestHex): Promise<Answer<'withdraw'>>;
  /**
   * @param statement a signed statement, encoded
   * @param nodeBoxKey 32 bytes; needed where the node made the bundle that `from` names
   */
  decide(
    node: NodeId,
    statement: Uint8Array,
    from?: DecisionSource,
    nodeBoxKey?: Uint8Array,
  ): Promise<Answer<'decide'>>;
  /** As {@link Client.decide}, with one signature of several that it lacks. */
  cosign(
    node: NodeId,
    statement: Uint8Array,
    from?: DecisionSource,
    nodeBoxKey?: Uint8Array,
  ): Promise<Answer<'cosign'>>;
  repair(node: NodeId): Promise<Answer<'repair'>>;
  /** @param head statement digest of the revoke that is its newest decision */
  forget(node: NodeId, head: DigestHex): Promise<Answer<'forget'>>;
  /** @param keyset signed, encoded */
  keyset(keyset: Uint8Array): Promise<Answer<'keyset'>>;
  list(query: Query<'list'>): Promise<Answer<'list'>>;
  states(query?: Query<'states'>): Promise<Answer<'states'>>;
  /** Held for up to 20 s, where the server can. @param signal ends it, as `server_unreachable` */
  events(query?: Query<'events'>, signal?: AbortSignal): Promise<Answer<'events'>>;
  read(keys: readonly string[]): Promise<Answer<'read'>>;
  /** Asks a route that is not in the table, with an empty body. */
  ask<S extends v.GenericSchema>(route: Asked & { readonly answer: S }): Promise<v.InferOutput<S>>;
}

/** A client of one server. Sends nothing until it is used. */
export function createClient(options: ClientOptions): Client {
  const caller = createCaller(options);
  const { call } = caller;
  const { withdraw, decide, cosign, repair, forget, keyset, list, states, events, read } = ROUTES;
  return {
    ...nodeClient(caller),
    withdraw: (node, digest) => call('withdraw', withdraw, { node, body: { digest } }),
    decide: (node, ...decision) =>
      call('decide', decide, { node, body: decisionBody(...decision) }),
    cosign: (node, ...decision) =>
      call('cosign', cosign, { node, body: decisionBody(...decision) }),
    repair: (node) => call('repair', repair, { node, body: {} }),
    forget: (node, head) => call('forget', forget, { node, body: { head } }),
    keyset: (signed) => call('keyset', keyset, { body: { keyset: toBase64Url(signed) } }),
    list: (query) => call('list', list, { query }),
    states: (query = {}) => call('states', states, { query }),
    events: (query = {}, signal) => call('events', events, { query, signal }),
    read: (keys) => call('read', read, { body: { keys: [...keys] } }),
    ask: (route) => call(route.path, { ...route, body: v.object({}) }, { body: {} }),
  };
}
