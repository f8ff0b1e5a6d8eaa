import { usbMirror, webMirror, withMirrors } from '../boot/mirrors.ts';
import { createServers } from '../boot/servers.ts';
import type { Servers } from '../boot/servers.ts';
import { createSource } from '../boot/source.ts';
import type { Source } from '../boot/source.ts';
import type { Orders } from '../answers/cmdline/orders.ts';
import type { Invocation } from '../boot/invocation.ts';
import { openOwnNode } from '../boot/own-node.ts';
import { findServers } from '../network/find-servers.ts';
import type { Node } from '../boot/node.ts';
import { fail } from '../../protocol/errors.ts';
import type { Fetch } from '../../protocol/objects.ts';
import { readPath } from '../tree/files.ts';
import type { Network } from '../network/network.ts';
import { policyOf } from './unreachable.ts';

/** The kernel's own limit is 4 KiB on most machines (COMMAND_LINE_SIZE); a bootconfig adds to it. */
const MAX_COMMAND_LINE_BYTES = 64 * 1024;

/** @throws file_missing, file_denied, too_large */
export function readCommandLineFile(path: string): string {
  return Buffer.from(readPath(path, MAX_COMMAND_LINE_BYTES)).toString('latin1');
}

/**
 * The machine, by the agent's options, and where they say nothing by the kernel's command line.
 * @throws as `openOwnNode`
 */
export function openOrderedNode(
  invocation: Invocation,
  orders: Pick<Orders, 'key' | 'memory'>,
  flags: { readonly takeOver: boolean },
): Node {
  const { places } = invocation;
  const { key = orders.key, memory = orders.memory } = places;
  return openOwnNode({ ...invocation, places: { ...places, key, memory } }, flags);
}

/**
 * The servers of a machine and where it looks for decisions: in its mirrors too, unless it is to wait.
 * Servers are found when they are asked, and again as long as none is: network and resolver may come up
 * later.
 * @param options.server of the agent's own command line: it goes before the kernel's
 * @throws bad_argument as `policyOf`
 */
export function reach(
  node: Node,
  orders: Pick<Orders, 'server' | 'mirrors' | 'unreachable'>,
  options: {
    readonly server: string | undefined;
    readonly network: Network;
    readonly fetch: Fetch;
  },
): { servers: Servers; source: Source } {
  const { server = orders.server, network, fetch } = options;
  const named = server === undefined ? {} : { server };
  const servers = foundServers(async () => {
    await network.check();
    const { lease } = network;
    const origins = await findServers({ orders: named, site: node.site, lease });
    if (origins.length > 0) return createServers(node, origins, fetch);
    throw fail('server_unreachable', 'neither the command line, DNS nor site.json names a server');
  });
  const places = policyOf(orders) === 'wait' ? [] : orders.mirrors;
  const mirrors = places.map((place) =>
    place === 'usb' ? usbMirror(node) : webMirror(node, place, fetch),
  );
  return { servers, source: withMirrors(createSource(node, servers), node, mirrors) };
}

function foundServers(findThem: () => Promise<Servers>): Servers {
  let found: Servers | undefined;
  return {
    async ask(question) {
      found ??= await findThem();
      return await found.ask(question);
    },
    passOver: () => found?.passOver(),
  };
}
