import { fail, hasCode } from '../../protocol/errors.ts';
import { addressesOf, builtUpon, defaultRouteOf } from './interface-addresses.ts';
import { masterOf } from './interfaces.ts';
import { cleanLease, leaseOfResolvConf } from './lease.ts';
import type { Lease, RawLease } from './lease.ts';
import { dhclient } from './dhcp/dhclient.ts';
import { networkManager } from './dhcp/network-manager.ts';
import { networkd } from './dhcp/networkd.ts';
import { ASK_SECONDS } from './dhcp/dhcp-program.ts';
import type { DhcpProgram, LinkIndex } from './dhcp/dhcp-program.ts';
import { udhcpc } from './dhcp/udhcpc.ts';
import { until } from './until.ts';

/** NetworkManager first: where it runs it manages every interface, and networkd those that it is told. */
export const PROGRAMS: readonly DhcpProgram[] = [networkManager, networkd, udhcpc, dhclient];

/**
 * Has the network on the boot interface, through what the image has: NetworkManager, systemd-networkd,
 * udhcpc or dhclient. One that has it already is left alone. Where all that there is is an address that
 * a router advertised, it is asked all the same, and that is good enough where nobody answers.
 *
 * @param over ends a program that is asking
 * @returns what the network says of itself: nobody vouches for it
 * @throws network_down: no such program, what it ended with and said, or no address after a minute
 */
export async function bringUp(
  link: LinkIndex,
  programs: readonly DhcpProgram[] = PROGRAMS,
  over?: AbortSignal,
): Promise<Lease> {
  const before = await leaseNow(link, programs);
  if (before !== undefined && before.isBare !== true) return before;
  let failure: Error;
  try {
    const lease = await ask(link, programs, over);
    if (!(lease instanceof Error)) return lease;
    failure = lease;
  } catch (error) {
    if (!hasCode(error, 'network_down')) throw error;
    failure = error as Error;
  }
  const bare = over?.aborted === true ? undefined : await leaseNow(link, programs);
  if (bare === undefined) throw failure;
  return bare;
}

async function ask(
  link: LinkIndex,
  programs: readonly DhcpProgram[],
  over: AbortSignal | undefined,
): Promise<Lease | Error> {
  let found: DhcpProgram | undefined;
  for (const program of programs) {
    if (found === undefined && (await program.isHere())) found = program;
  }
  if (found === undefined) {
    const names = programs.map(({ name }) => name).join(', ');
    return fail('network_down', `${link.name} has no address, and this image has none of ${names}`);
  }
  await found.start(standingOver(link), over);
  const look = async (): Promise<Lease | 'over' | undefined> => {
    const lease = await leaseNow(link, programs);
    return over?.aborted === true ? 'over' : lease?.isBare === true ? undefined : lease;
  };
  const lease = await until(look, ASK_SECONDS);
  if (typeof lease === 'object') return lease;
  return fail(
    'network_down',
    `${found.name} has no address for ${link.name} after ${ASK_SECONDS} s: does a DHCP server answer there? Where there is none, ip= on the kernel's command line says the address`,
  );
}

/** A member of a bond or a bridge has no address of its own: that is for what it is a member of. */
function standingOver(link: LinkIndex): LinkIndex {
  const master = masterOf(link.name);
  const over = builtUpon(link.name).find(({ name }) => name === master);
  return over === undefined ? link : standingOver(over);
}

/**
 * The network as it is: undefined unless the interface, or what is built upon it (a bond, a bridge, a
 * VLAN), has an address that reaches further than the link, and a lease or a default route.
 */
export async function leaseNow(
  link: LinkIndex,
  programs: readonly DhcpProgram[] = PROGRAMS,
): Promise<Lease | undefined> {
  for (const { name, index } of [link, ...builtUpon(link.name)]) {
    const addresses = addressesOf(name);
    if (addresses.length === 0) continue;
    const raw = await rawLease({ name, index }, programs);
    const route = defaultRouteOf(name);
    if (raw === undefined && route === undefined) continue;
    const { gateway } = route ?? {};
    const rest = cleanLease(merged(raw ?? {}, leaseOfResolvConf()), { name, index });
    const isNamed = rest.dns.some((resolver) => !isOwn(resolver));
    const isBare = raw === undefined && !isNamed && addresses.every((one) => one.includes(':'));
    return {
      ...{ interface: name, addresses, ...rest },
      ...(gateway !== undefined && { gateway }),
      ...(isBare && { isBare }),
    };
  }
  return undefined;
}

/** systemd-resolved and its like: they know no more than they were told. */
const isOwn = (resolver: string): boolean => /^(127\.|::1$)/.test(resolver);

async function rawLease(
  link: LinkIndex,
  programs: readonly DhcpProgram[],
): Promise<RawLease | undefined> {
  for (const program of programs) {
    const raw = await program.lease(link);
    if (raw !== undefined) return raw;
  }
  return undefined;
}

/** resolv.conf for what the lease does not say: domains, and resolvers. */
function merged(lease: RawLease, system: RawLease): RawLease {
  const { dns, domain, search } = cleanLease(lease);
  const hasDomain = domain !== undefined || search.length > 0;
  return {
    ...lease,
    ...(dns.length === 0 && { dns: system.dns ?? '' }),
    ...(!hasDomain && { domain: system.domain ?? '', search: system.search ?? '' }),
  };
}
