import { createClient } from '../../protocol/client.ts';
import type { Client } from '../../protocol/client.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import type { Node } from '../node.ts';

/** The servers of a site, any of which is as good as the others. */
export interface Servers {
  /**
   * Asks the server that answered last, then the others in their order. Only a server that is not
   * there, or is none of ours, is passed over: a refusal is an answer.
   * @throws what the last of them threw
   */
  ask<T>(question: (client: Client) => Promise<T>): Promise<T>;
}

/**
 * @param servers origins; the site's own where it is undefined
 * @throws usage if there is none
 */
export function createServers(node: Node, server?: string): Servers {
  const { site, identity, now } = node;
  const origins = server === undefined ? site.servers : [server];
  let clients = origins.map((origin) =>
    createClient({ server: origin, site: site.id, identity, now, datesByServer: true }),
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
          if (!hasCode(error, 'server_unreachable', 'server_garbage')) throw error;
          last = error;
        }
      }
      throw last;
    },
  };
}
