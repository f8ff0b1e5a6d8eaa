import { createClient } from '../../protocol/client.ts';
import type { Client } from '../../protocol/client.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { Fetch } from '../../protocol/objects.ts';
import { agentFetch } from '../network/fetch.ts';
import type { Node } from '../node.ts';

/** The servers of a site, any of which is as good as the others. */
export interface Servers {
  /**
   * Asks the server that answered last, then the others in their order. Only a server that is not
   * there, is broken, or is none of this site is passed over: a refusal is an answer.
   * @throws what the last of them threw
   */
  ask<T>(question: (client: Client) => Promise<T>): Promise<T>;
  /**
   * What the one that answered last gave was no good: the others are asked before it. One that somebody
   * else brought into the list cannot hold up a machine that knows a true one.
   */
  passOver(): void;
}

const PASSED_OVER: readonly ErrorCode[] = [
  ...(['server_unreachable', 'server_garbage', 'wrong_site', 'no_such_route', 'internal'] as const),
];

/**
 * @param origins in the order in which they are tried
 * @throws usage if there is none
 */
export function createServers(
  node: Node,
  origins: readonly string[] = node.site.servers,
  fetch: Fetch = agentFetch(node),
): Servers {
  const { site, identity, now } = node;
  let clients = origins.map((origin) =>
    createClient({ server: origin, site: site.id, identity, fetch, now, datesByServer: true }),
  );
  if (clients.length === 0) {
    throw fail('usage', 'no server is known: name one with --server, or in site.json');
  }
  return {
    async ask(question) {
      let last: unknown;
      for (const client of clients) {
        try {
          const answer = await question(client);
          clients = [client, ...clients.filter((other) => other !== client)];
          return answer;
        } catch (error) {
          if (!hasCode(error, ...PASSED_OVER)) throw error;
          last = error;
        }
      }
      throw last;
    },
    passOver() {
      const [last, ...others] = clients;
      clients = [...others, last!];
    },
  };
}
