import * as fs from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { naming } from '../../files/errors.ts';
import { isIpv6Address, addressed, planNetwork } from '../answers/autoinstall/network-files.ts';
import type { NetworkPlan } from '../answers/autoinstall/network-files.ts';
import type { Answers } from '../answers/cmdline/answers.ts';
import { missingAnswers } from '../answers/cmdline/together.ts';
import { failure, run } from '../programs/run.ts';
import type { RunOptions } from '../programs/run.ts';
import { ASK_SECONDS, RUN_FOLDER } from './dhcp/dhcp-program.ts';
import type { DhcpProgram, LinkIndex } from './dhcp/dhcp-program.ts';
import { manage, networkManager } from './dhcp/network-manager.ts';
import { addressesOf, isTentative } from './interface-addresses.ts';
import type { Interface } from './interfaces.ts';
import { leaseOfResolvConf } from './lease.ts';
import type { RawLease } from './lease.ts';
import { until } from './until.ts';

/** What an interface is given for this boot. */
interface Fixed extends Required<Pick<RawLease, 'dns' | 'domain'>> {
  /** With the length of its prefix */
  readonly address4?: string;
  readonly gateway?: string;
  readonly address6?: string;
}

/** The command line's address, where it has one: what sets it, or why this boot asks for one all the same. */
export type FixedAddress = { readonly program: DhcpProgram } | { readonly why: string };

/**
 * What the kernel's command line says of the boot interface's own address (`ip=<address>`): nobody is asked
 * for one then. It is set by NetworkManager, if the image works with it, which would take away what it does not
 * know; else by ip(8). An address for another interface, a VLAN or a bond is for the configuration alone.
 *
 * @returns undefined where the command line has no address
 */
export function fixedAddress(answers: Answers, link: Interface): FixedAddress | undefined {
  const { ip = 'off', ipv6 = 'off', hostname = '' } = answers;
  if (ip === 'dhcp' || (ip === 'off' && !isIpv6Address(ipv6))) return undefined;
  if (missingAnswers(answers).length > 0) return { why: `ip=${ip} has no netmask` };
  const device = { name: link.name, mac: link.mac };
  const plan = planNetwork(answers, device);
  if (plan.base !== device || plan.vlan !== undefined || plan.bond !== undefined) {
    const other = (plan.base !== device && plan.base.mac) || addressed(plan);
    return { why: `the command line's address is for ${other}` };
  }
  const [, domain = ''] = hostname.split(/\.(.*)/s);
  return { program: setting(fixedOf(plan, domain)) };
}

function fixedOf({ ipv4, ipv6, dns }: NetworkPlan, domain: string): Fixed {
  const { address, gateway } = typeof ipv4 === 'object' ? ipv4 : {};
  return {
    ...(address !== undefined && { address4: address }),
    ...(gateway !== undefined && { gateway }),
    ...(isIpv6Address(ipv6) && { address6: ipv6 }),
    ...{ dns: dns.join(' '), domain },
  };
}

/** As a program of the image that has the address at once. */
function setting(fixed: Fixed): DhcpProgram {
  const wanted = [fixed.address4, fixed.address6].filter((address) => address !== undefined);
  return {
    name: "the command line's address",
    isHere: async () => Promise.resolve(true),
    async start(link, signal) {
      const isManaged = await networkManager.isHere();
      await (isManaged ? byNetworkManager(fixed, link, signal) : byIp(fixed, link));
    },
    lease({ name }) {
      const has = addressesOf(name);
      return wanted.every((address) => has.includes(address)) ? fixed : undefined;
    },
  };
}

const PROFILE = 'coatcheck-boot';

/** As a profile in memory: no later boot finds it, and it is taken up by itself by nobody. */
async function byNetworkManager(
  { address4, gateway, address6, dns, domain }: Fixed,
  { name }: LinkIndex,
  signal?: AbortSignal,
): Promise<void> {
  await manage(name, signal);
  // Of an earlier try.
  await run('nmcli', ['connection', 'delete', 'id', PROFILE]);
  const servers = (family: 4 | 6): string =>
    dns
      .split(' ')
      .filter((server) => isIP(server) === family)
      .join(',');
  const settings = {
    'connection.autoconnect': 'no',
    'ipv4.method': address4 === undefined ? 'disabled' : 'manual',
    'ipv4.addresses': address4,
    'ipv4.gateway': gateway,
    'ipv4.dns': address4 === undefined ? '' : servers(4),
    'ipv4.dns-search': address4 === undefined ? '' : domain,
    'ipv6.method': address6 === undefined ? 'disabled' : 'auto',
    'ipv6.addresses': address6,
    'ipv6.dns': address6 === undefined ? '' : servers(6),
    'ipv6.dns-search': address6 === undefined ? '' : domain,
  };
  const given = Object.entries(settings).flatMap(([key, value]) => (value ? [key, value] : []));
  const head = ['connection', 'add', 'save', 'no', 'type', 'ethernet'];
  await must('nmcli', [...head, 'ifname', name, 'con-name', PROFILE, ...given]);
  const up = ['--wait', String(ASK_SECONDS), 'connection', 'up', 'id', PROFILE];
  await must('nmcli', up, { timeoutSeconds: ASK_SECONDS + 10, signal });
}

async function byIp(
  { address4, gateway, address6, dns, domain }: Fixed,
  { name }: LinkIndex,
): Promise<void> {
  const here = addressesOf(name);
  await must('ip', ['link', 'set', 'dev', name, 'up']);
  for (const address of [address4, address6]) {
    if (address === undefined || here.includes(address)) continue;
    await must('ip', ['address', 'add', address, 'dev', name]);
  }
  if (address6 !== undefined) await until(() => !isTentative(name) || undefined, DAD_SECONDS);
  if (gateway !== undefined) {
    // Of one alone in its network the router is on the link all the same.
    const route = [gateway, 'dev', name];
    if (address4?.endsWith('/32') === true) await must('ip', ['route', 'replace', ...route]);
    await must('ip', ['route', 'replace', 'default', 'via', ...route]);
  }
  nameResolvers(dns, domain);
  // until-applied takes it back where another root's own programs follow.
  fs.mkdirSync(RUN_FOLDER, { recursive: true, mode: 0o755 });
  fs.writeFileSync(join(RUN_FOLDER, `fixed-${name}`), '');
}

/** How long the kernel may look if another has an address: one second, and longer by its settings. */
const DAD_SECONDS = 5;
const RESOLV_CONF = '/etc/resolv.conf';

/** Where nobody else does: a link leads to the file of whoever keeps it. */
function nameResolvers(dns: string, domain: string): void {
  const isLink = fs.lstatSync(RESOLV_CONF, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  if (dns === '' || isLink || leaseOfResolvConf().dns !== '') return;
  const lines = [
    ...(domain === '' ? [] : [`search ${domain}`]),
    ...dns.split(' ').map((server) => `nameserver ${server}`),
  ];
  naming(RESOLV_CONF, () => fs.writeFileSync(RESOLV_CONF, `${lines.join('\n')}\n`));
}

/** @throws network_down with what it said */
async function must(program: string, args: readonly string[], options?: RunOptions): Promise<void> {
  const ran = await run(program, args, options);
  if (ran.status !== 0) throw failure('network_down', program, args, ran);
}
