import { readFileSync } from 'node:fs';
import { hasCode } from '../../protocol/errors.ts';
import { readCommandLine } from '../answers/cmdline/read.ts';
import { readNamedSite } from '../boot/node.ts';
import { bringUp } from '../network/bring-up.ts';
import { findServers } from '../network/find-servers.ts';
import { chooseInterface } from '../network/interfaces.ts';
import { programsFor } from '../network/network.ts';
import { agentCommand } from './options.ts';

/**
 * What a boot does before it asks anybody, for whoever wants to know why it finds no server: has the
 * network that the kernel's command line asks for, and says what is there.
 *
 * Throws network_down, bad_argument, file_malformed.
 */
export const networkCommand = agentCommand({
  usage: 'network',
  about: 'have the network that this machine boots over, and find the servers there',
  async run({ places, console, server }) {
    const { orders, answers } = readCommandLine(readFileSync('/proc/cmdline', 'latin1'));
    const link = await chooseInterface(orders);
    const lease = await bringUp(link, programsFor(link, answers));
    const named = server === undefined ? orders : { server };
    const servers = await findServers({
      ...{ orders: named, site: siteServers(places.site), lease },
      note: (line) => console.note(line),
    });
    const { addresses, gateway, domain, search, dns, hostname } = lease;
    const lines = [
      `interface  ${lease.interface} ${link.mac}`,
      `addresses  ${addresses.join(' ')}${gateway === undefined ? '' : `, gateway ${gateway}`}`,
      `name       ${hostname ?? 'none'}`,
      `domains    ${[...(domain === undefined ? [] : [domain]), ...search].join(' ') || 'none'}`,
      `resolvers  ${dns.join(' ') || 'none'}`,
      `servers    ${servers.join(' ') || 'none: the kernel, DNS and site.json name none'}`,
    ];
    console.result(lines.join('\n'), { ...lease, mac: link.mac, servers });
  },
});

/** A machine without a site still has a network. */
function siteServers(path: string): { servers: readonly string[] } {
  try {
    return readNamedSite(path);
  } catch (error) {
    if (hasCode(error, 'file_missing')) return { servers: [] };
    throw error;
  }
}
