import * as fs from 'node:fs';
import { join } from 'node:path';
import { run } from '../../programs/run.ts';
import { addressesOf, hasIpv6 } from '../interface-addresses.ts';
import { readIfThere } from '../lease.ts';
import type { RawLease } from '../lease.ts';
import { clientFailed, endEarlier, isProgram } from './client.ts';
import { ASK_SECONDS, RUN_FOLDER } from './dhcp-program.ts';
import type { DhcpProgram } from './dhcp-program.ts';

const leasesOf = (name: string, family: 4 | 6): string =>
  join(RUN_FOLDER, `dhclient${family === 6 ? '6' : ''}-${name}.leases`);

/**
 * dhclient(8) of ISC, with lease and process files of its own. Where nobody answers over IPv4, a router
 * may have given an address of IPv6: then DHCPv6 is asked for resolvers and names, or else for all.
 */
export const dhclient: DhcpProgram = {
  name: 'dhclient',
  isHere: () => isProgram('dhclient', ['--version']),
  async start({ name }, signal) {
    const ask = async (family: 4 | 6, ...how: readonly string[]): Promise<void> => {
      fs.mkdirSync(RUN_FOLDER, { recursive: true, mode: 0o755 });
      const leases = leasesOf(name, family);
      const pid = leases.replace(/leases$/, 'pid');
      endEarlier(pid);
      const args = [`-${family}`, '-1', ...how, '-pf', pid, '-lf', leases, name];
      const ran = await run('dhclient', args, { timeoutSeconds: ASK_SECONDS + 10, signal });
      if (ran.status !== 0) throw clientFailed('dhclient', args, ran);
    };
    try {
      await ask(4);
    } catch (error) {
      if (signal?.aborted === true || !hasIpv6(name)) throw error;
      await ask(6, ...(addressesOf(name).length > 0 ? ['-S'] : []));
    }
  },
  lease({ name }) {
    return (
      parseLeases(readIfThere(leasesOf(name, 4)) ?? '') ??
      parseLeases(readIfThere(leasesOf(name, 6)) ?? '')
    );
  },
};

/** The last lease of a dhclient.leases(5), of either kind. */
export function parseLeases(text: string): RawLease | undefined {
  const last = text
    .split(/^lease6? \{$/m)
    .slice(1)
    .at(-1);
  if (last === undefined) return undefined;
  const option = (name: string): string =>
    new RegExp(`^  option ${name} (.*);$`, 'm').exec(last)?.[1]!.replaceAll('"', '') ?? '';
  return {
    domain: option('domain-name'),
    search: `${option('domain-search')} ${option('dhcp6.domain-search')}`,
    dns: `${option('domain-name-servers')} ${option('dhcp6.name-servers')}`,
    hostname: option('host-name'),
  };
}
