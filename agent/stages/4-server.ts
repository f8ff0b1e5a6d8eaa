import type { Orders } from '../answers/cmdline/orders.ts';
import { usbMirror, webMirror, withMirrors } from '../boot/mirrors.ts';
import type { Node } from '../boot/node.ts';
import { watchOutage } from '../boot/outage.ts';
import type { Outage } from '../boot/outage.ts';
import { createServers, foundServers } from '../boot/servers.ts';
import type { Servers } from '../boot/servers.ts';
import { createSource } from '../boot/source.ts';
import type { Source } from '../boot/source.ts';
import { notingOnce } from '../console/console.ts';
import { followDates } from '../network/clock/adjust.ts';
import { agentFetch, lookupBy } from '../network/fetch.ts';
import { findServers } from '../network/find-servers.ts';
import type { Network } from '../network/network.ts';
import type { CoatcheckError } from '../../bundle/errors.ts';
import { fail } from '../../protocol/errors.ts';
import { leavingAlone } from '../../protocol/leave-alone.ts';
import { policyOf } from './unreachable.ts';

/** Where a machine asks, and where it looks for decisions. */
export interface Contact {
  readonly servers: Servers;
  readonly source: Source;
  /** How long `source` has failed */
  readonly outage: Outage;
}

/** What decides over the way to the servers. */
export interface ContactOptions {
  /** Of the agent's own command line: it goes before the kernel's. */
  readonly server: string | undefined;
  readonly network: Network;
  /**
   * Whether the machine boots: somebody is told what it asks, and the clock may be set where a certificate's
   * dates show that it is wrong.
   */
  readonly isBoot: boolean;
}

/**
 * Stage 4 of docs/node.md. All that a request or a look goes through is put together here, from the
 * wire up; each layer is what it wraps, and adds one thing:
 *
 * | layer           | what it adds                                                                  |
 * | --------------- | ----------------------------------------------------------------------------- |
 * | `agentFetch`    | TLS by the site's CA; names by the resolvers of the lease                     |
 * | `followDates`   | a clock that certificates show to be wrong is set                             |
 * | `createServers` | `ask`: the server that answered last, then the others                         |
 * | `foundServers`  | `ask`: they are looked for when they are asked, and again while none answers  |
 * | `createSource`  | `inForce`: URLs are asked for, a copy fetched, verified and remembered        |
 * | `withMirrors`   | `inForce`: where that failed, the copies of mirrors                           |
 * | `watchOutage`   | `inForce`: how long it has failed                                             |
 *
 * @throws file_missing, file_denied, file_malformed as `agentFetch`; bad_argument as `policyOf`
 */
export function contact(
  node: Node,
  orders: Pick<Orders, 'server' | 'ca' | 'mirrors' | 'unreachable'>,
  { server = orders.server, network, isBoot }: ContactOptions,
): Contact {
  const { site, built, console } = node;
  const { lease } = network;

  const plain = agentFetch({ site, orders, lease });
  const fetch = isBoot ? followDates(plain, { console, built, lookup: lookupBy(lease) }) : plain;

  const note = notingOnce(console);
  const left = leavingAlone(false);
  const servers = foundServers(
    async () => {
      await network.check();
      const named = server === undefined ? {} : { server };
      const origins = await findServers({ orders: named, site, lease, note });
      if (origins.length > 0) {
        if (isBoot) note(`asking ${origins.join(' ')} for what is approved`);
        return createServers(node, origins, fetch, left);
      }
      throw fail(
        'server_unreachable',
        'neither the command line, DNS nor site.json names a server',
      );
    },
    (error) => whyUnreachable(error, lease),
  );

  const places = policyOf(orders) === 'wait' ? [] : orders.mirrors;
  const mirrors = places.map((place) =>
    place === 'usb' ? usbMirror(node) : webMirror(node, place, fetch, left),
  );
  const outage = watchOutage(withMirrors(createSource(node, servers), node, mirrors));
  return { servers, source: outage.source, outage };
}

/** Where the machine has no way to a server, that is the network, and not the server. */
export function whyUnreachable(error: CoatcheckError, lease: Network['lease']): CoatcheckError {
  const { addresses, isBare } = lease;
  if (isBare !== true && !/\b(ENETUNREACH|EADDRNOTAVAIL)\b/.test(error.message)) return error;
  const has = addresses.length === 0 ? 'no address' : addresses.join(' ');
  const only = isBare === true ? ', which a router advertised, no lease and no resolver' : '';
  const said = `this machine has ${has}${only}: ${error.message}`;
  return fail('network_down', said, { cause: error });
}
