import * as fs from 'node:fs';
import { fail } from '../../../protocol/errors.ts';
import { failure, run } from '../../programs/run.ts';
import { readAssignments } from '../lease.ts';
import { until } from '../until.ts';
import { isEnabled, startUnit } from './service.ts';
import type { DhcpProgram, LinkIndex } from './dhcp-program.ts';

const UNIT = 'systemd-networkd.service';
const STATE = '/run/systemd/netif';
const SETUP_SECONDS = 20;

/**
 * systemd-networkd(8). Where a .network file of the image is for this interface, that is what
 * configures it; where none is, one of ours, behind all others, so that a configuration which is
 * applied later counts before it. UseHostname=no, since nothing else may name the machine.
 */
export const networkd: DhcpProgram = {
  name: 'systemd-networkd',
  isHere: async () => isRunning() || (await isEnabled(UNIT)),
  async start(link, signal) {
    if (!isRunning()) await startUnit(UNIT, signal);
    // `pending` until udev is done with the interface.
    const setUp = await until(
      () => (signal?.aborted === true ? 'over' : settledState(link)),
      SETUP_SECONDS,
    );
    if (setUp === undefined) {
      throw fail('network_down', `systemd-networkd does not know ${link.name}: is udev running?`);
    }
    if (setUp !== 'unmanaged') return;
    const file = `/run/systemd/network/zz-coatcheck-${link.name}.network`;
    fs.mkdirSync('/run/systemd/network', { recursive: true });
    fs.writeFileSync(file, networkFile(link.name));
    const ran = await run('networkctl', ['reload']);
    if (ran.status !== 0) throw failure('network_down', 'networkctl', ['reload'], ran);
  },
  lease({ index }) {
    const lease = readAssignments(`${STATE}/leases/${index}`);
    // Those of IPv6, of router advertisements and of DHCPv6, are there only.
    const { DNS, DOMAINS } = readAssignments(`${STATE}/links/${index}`) ?? {};
    if (lease === undefined && !DNS && !DOMAINS) return undefined;
    const { DNS: dns4, DOMAINNAME, DOMAIN_SEARCH_LIST, HOSTNAME } = lease ?? {};
    return {
      domain: DOMAINNAME ?? '',
      search: [DOMAIN_SEARCH_LIST, DOMAINS].join(' '),
      dns: [dns4, DNS].join(' '),
      hostname: HOSTNAME ?? '',
    };
  },
};

const isRunning = (): boolean => fs.existsSync(`${STATE}/state`);

function settledState({ index }: LinkIndex): string | undefined {
  const state = readAssignments(`${STATE}/links/${index}`)?.['ADMIN_STATE'];
  return state === 'pending' ? undefined : state;
}

/** systemd.network(5) */
function networkFile(name: string): string {
  return `# Written by coatcheck-agent: no other file is for the interface that this machine boots over.
[Match]
Name=${name}
[Network]
DHCP=yes
[DHCPv4]
UseDomains=yes
UseHostname=no
[DHCPv6]
UseDomains=yes
UseHostname=no
[IPv6AcceptRA]
UseDomains=yes
`;
}
