import type { LookupFunction } from 'node:net';
import { parseCa } from '../../net/certificates.ts';
import { createFetch } from '../../net/fetch.ts';
import type { Fetch } from '../../protocol/objects.ts';
import { MAX_CA_BYTES } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import type { Orders } from '../answers/cmdline/orders.ts';
import { readPath } from '../tree/files.ts';
import { resolverOf } from './find-servers.ts';
import type { Lease } from './lease.ts';

/** What decides whom a request believes, and how it resolves names. */
export interface AgentFetchOptions {
  readonly site: Pick<Site, 'ca'>;
  readonly orders?: Pick<Orders, 'ca'>;
  readonly lease?: Pick<Lease, 'dns'> | undefined;
}

/**
 * What every request of the agent goes through, to server, store and mirrors. Over TLS it believes the
 * CA of `coatcheck.ca=`, or else of `site.json`, and no other; where neither names one, those that
 * Node has. A name that the system cannot resolve is asked of the lease's resolvers: an image may
 * have a DHCP client that leaves resolv.conf alone.
 *
 * @throws file_missing, file_denied, file_malformed, of the CA
 */
export function agentFetch({ site, orders, lease }: AgentFetchOptions): Fetch {
  const ca = orders?.ca === undefined ? site.ca : readCa(orders.ca);
  return createFetch({ ca, lookup: lookupBy(lease) });
}

function readCa(path: string): string {
  const text = Buffer.from(readPath(path, MAX_CA_BYTES)).toString('latin1');
  return parseCa(text, `coatcheck.ca=${path}`).join('\n');
}

/** The system's resolution of names, and where it fails that of the lease's resolvers. */
export function lookupBy(lease: Pick<Lease, 'dns'> | undefined): LookupFunction {
  return (name, options, answer) => {
    const { lookup } = process.getBuiltinModule('node:dns');
    lookup(name, options, (error, ...found) => {
      if (error === null || lease === undefined || lease.dns.length === 0) {
        (answer as (error: Error | null, ...found: unknown[]) => void)(error, ...found);
        return;
      }
      void addressesOf(name, lease).then((addresses) => {
        const [first] = addresses;
        if (first === undefined) answer(error, []);
        else if (options.all === true) answer(null, addresses);
        else answer(null, first.address, first.family);
      });
    });
  };
}

async function addressesOf(
  name: string,
  lease: Pick<Lease, 'dns'>,
): Promise<{ address: string; family: number }[]> {
  const resolver = await resolverOf(lease);
  const [v4, v6] = await Promise.all([
    resolver.resolve4(name).catch(() => []),
    resolver.resolve6(name).catch(() => []),
  ]);
  return [
    ...v4.map((address) => ({ address, family: 4 })),
    ...v6.map((address) => ({ address, family: 6 })),
  ];
}
