import type { promises as dns, SrvRecord } from 'node:dns';
import type { Site } from '../../protocol/site.ts';
import type { Orders } from '../answers/cmdline/orders.ts';
import type { Lease } from './lease.ts';
import { inOrder } from './srv.ts';
import { withoutZone } from './zoned-resolver.ts';

/** TLS first: where both are offered, whoever reads along learns nothing. */
const SERVICES = [
  { name: '_coatcheck-tls._tcp', scheme: 'https' },
  { name: '_coatcheck._tcp', scheme: 'http' },
] as const;

/** A resolver, as far as it is asked. */
export interface SrvResolver {
  resolveSrv(name: string): Promise<SrvRecord[]>;
}

/** What names servers; the rest is for tests to change. */
export interface FindOptions {
  readonly orders: Pick<Orders, 'server'>;
  readonly site: Pick<Site, 'servers'>;
  readonly lease?: Pick<Lease, 'domain' | 'search' | 'dns'> | undefined;
  readonly resolver?: SrvResolver;
  readonly random?: () => number;
  /** Takes what of DNS's answers is left out, one sentence each */
  readonly note?: (line: string) => void;
}

/**
 * The servers to ask, in the order in which to try them: `coatcheck.server=` alone where it is given;
 * otherwise those of DNS (SRV `_coatcheck-tls._tcp`, then `_coatcheck._tcp`), in the domain of the
 * lease, then in each of its search list, and behind them those of `site.json`. The first domain
 * that names any is the last that is asked. DNS and DHCP prove nothing, and need not: whatever
 * these servers give is believed only with the signatures of the site.
 *
 * @returns addresses, each once, those of DNS without a path; none if nobody names one
 */
export async function findServers(options: FindOptions): Promise<readonly string[]> {
  const { orders, site, lease, random = Math.random, note = () => undefined } = options;
  if (orders.server !== undefined) return [orders.server];
  const resolver = options.resolver ?? (await resolverOf(lease));
  const domains = new Set([
    ...(lease?.domain === undefined ? [] : [lease.domain]),
    ...(lease?.search ?? []),
  ]);
  const found = new Set<string>();
  for (const domain of domains) {
    const answers = await Promise.all(
      SERVICES.map(({ name }) => recordsOf(resolver, `${name}.${domain}`, note)),
    );
    SERVICES.forEach(({ name: service, scheme }, index) => {
      const { order, leftOut } = inOrder(answers[index]!, random);
      for (const what of leftOut) note(`SRV ${service}.${domain}: left out is ${what}`);
      for (const { name, port } of order) found.add(new URL(`${scheme}://${name}:${port}`).origin);
    });
    if (found.size > 0) break;
  }
  return [...new Set([...found, ...site.servers])];
}

/** Node reads resolv.conf when it starts, and the lease came later. */
export async function resolverOf(lease: Pick<Lease, 'dns'> | undefined): Promise<dns.Resolver> {
  const { promises } = process.getBuiltinModule('node:dns');
  const resolver = new promises.Resolver({ timeout: 3000, tries: 2 });
  const servers = await Promise.all((lease?.dns ?? []).map(withoutZone));
  if (servers.length > 0) resolver.setServers(servers);
  return resolver;
}

/** A name that does not exist and a resolver that does not answer are the same here: go on. */
async function recordsOf(
  resolver: SrvResolver,
  name: string,
  note: (line: string) => void,
): Promise<SrvRecord[]> {
  try {
    return await resolver.resolveSrv(name);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!/^(ENOTFOUND|ENODATA)?$/.test(code)) note(`SRV ${name}: no good answer of DNS (${code})`);
    return [];
  }
}
