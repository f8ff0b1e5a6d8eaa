import { CoatcheckError } from '../../bundle/errors.ts';
import { createCaller, nodeClient } from '../../protocol/node-client.ts';
import type { NodeClient } from '../../protocol/node-client.ts';
import { codeOf, ERRORS, fail, hasCode } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { leavingAlone } from '../../protocol/leave-alone.ts';
import type { Fetch } from '../../protocol/objects.ts';
import { agentFetch } from '../network/fetch.ts';
import type { Node } from './node.ts';

/** The servers of a site, any of which is as good as the others. */
export interface Servers {
  /**
   * Asks the server that answered last, then the others in their order. A server is passed over that
   * is not there, is broken, belongs to another site, or refuses for good: nobody vouches for its word,
   * and the next may be a true one. Anything else that a server says, an error too, is the answer.
   * @throws where all were passed over: a refusal for good only if every one of them refused; otherwise
   *   what the last of the others failed with, since that one may come back
   */
  ask<T>(question: (client: NodeClient) => Promise<T>): Promise<T>;
  /**
   * What the one that answered last gave was no good: the others are asked before it, once. One that
   * somebody else brought into the list cannot hold up a machine that knows a true one.
   */
  passOver(): void;
  /** Whether any of them ever answered */
  hasAnswered(): boolean;
}

/** `rollback_refused` is of this machine, where a server shows an old chain of keysets. */
const PASSED_OVER: readonly ErrorCode[] = [
  ...(['server_unreachable', 'server_garbage', 'answer_refused'] as const),
  ...(['wrong_site', 'no_such_route', 'internal', 'rollback_refused'] as const),
];

/** Whether the same request can never succeed. One that was decided meanwhile: the next look shows it. */
const isForGood = (error: unknown): boolean =>
  ERRORS[codeOf(error)].node === 'stop' && !hasCode(error, 'already_decided');

/**
 * What a question failed with, where another try may help: at another server, if there is one.
 * @throws what no try will mend, and a bug
 */
export function tryAgain(servers: Servers, error: unknown): CoatcheckError {
  if (!(error instanceof CoatcheckError) || isForGood(error)) throw error;
  servers.passOver();
  return error as CoatcheckError;
}

/**
 * @param addresses in the order in which they are tried
 * @param left who asked to be left alone: a server that is found again, or the store of several
 * @throws usage if there is none
 */
export function createServers(
  node: Node,
  addresses: readonly string[] = node.site.servers,
  fetch: Fetch = agentFetch(node),
  left = leavingAlone(false),
): Servers {
  const { site, identity, now } = node;
  let clients = addresses.map((server) =>
    nodeClient(
      createCaller({
        ...{ server, site: site.id, stores: site.stores, identity, fetch, now, left },
        datesByServer: {
          notBefore: () => Math.max(node.built ?? 0, node.memory.load()?.issued ?? 0),
        },
      }),
    ),
  );
  let answered: NodeClient | undefined;
  let hasAnswered = false;
  if (clients.length === 0) {
    throw fail('usage', 'no server is known: name one with --server, or in site.json');
  }
  return {
    async ask(question) {
      let refusal: unknown;
      let failure: unknown;
      for (const client of clients) {
        try {
          const answer = await question(client);
          answered = client;
          hasAnswered = true;
          clients = [client, ...clients.filter((other) => other !== client)];
          return answer;
        } catch (error) {
          if (isForGood(error)) refusal = error;
          else if (hasCode(error, ...PASSED_OVER)) failure = error;
          else {
            answered = client;
            hasAnswered = true;
            throw error;
          }
        }
      }
      throw failure ?? refusal;
    },
    passOver() {
      if (answered === undefined) return;
      clients = [...clients.filter((other) => other !== answered), answered];
      answered = undefined;
    },
    hasAnswered: () => hasAnswered,
  };
}

/**
 * Servers that are looked for when they are asked, and again as long as none is found or none can be
 * reached: network and resolver may come up later, or know more by then.
 * @param look throws where there is none
 * @param whyNot what is said where none can be reached
 */
export function foundServers(
  look: () => Promise<Servers>,
  whyNot: (error: CoatcheckError) => CoatcheckError = (error) => error,
): Servers {
  let found: Servers | undefined;
  let hasAnswered = false;
  return {
    async ask(question) {
      found ??= await look();
      try {
        return await found.ask(question);
      } catch (error) {
        if (!hasCode(error, 'server_unreachable')) throw error;
        hasAnswered ||= found.hasAnswered();
        found = undefined;
        throw whyNot(error as CoatcheckError);
      }
    },
    passOver: () => found?.passOver(),
    hasAnswered: () => hasAnswered || found?.hasAnswered() === true,
  };
}
