import { readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { readIfThere } from './lease.ts';

/** With the length of their prefix; without those that are good on the link only (169.254/16, fe80::/10). */
export function addressesOf(name: string): string[] {
  return (networkInterfaces()[name] ?? []).flatMap(({ address, cidr }) =>
    cidr === null || /^(169\.254\.|fe[89ab])/i.test(address) ? [] : [cidr],
  );
}

/** Whether an interface has an address of IPv6, if only on the link. */
export const hasIpv6 = (name: string): boolean =>
  (networkInterfaces()[name] ?? []).some(({ family }) => family === 'IPv6');

const IFA_F_TENTATIVE = 0x40;

/** Whether the kernel still looks if another has one of its addresses of IPv6: nothing leaves from there yet. */
export const isTentative = (name: string, proc = '/proc/net'): boolean =>
  (readIfThere(join(proc, 'if_inet6')) ?? '').split('\n').some((line) => {
    const [, , , scope, flags = '', device] = line.trim().split(/\s+/);
    return device === name && scope === '00' && (parseInt(flags, 16) & IFA_F_TENTATIVE) !== 0;
  });

const RTF_UP = 1;
const RTF_REJECT = 0x200;

/** Whether a default route leads over the interface, and its gateway where that is of IPv4; proc(5). */
export function defaultRouteOf(
  name: string,
  proc = '/proc/net',
): { readonly gateway?: string } | undefined {
  const rows = (file: string): string[][] =>
    (readIfThere(join(proc, file)) ?? '').split('\n').map((line) => line.trim().split(/\s+/));
  const isUp = (flags = ''): boolean => (parseInt(flags, 16) & (RTF_UP | RTF_REJECT)) === RTF_UP;

  const v4 = rows('route').find(
    ([device, destination, , flags, , , , mask]) =>
      device === name && /^0+$/.test(`${destination}${mask}`) && isUp(flags),
  );
  if (v4 !== undefined) {
    const gateway = dotted(v4[2]!);
    return gateway === '0.0.0.0' ? {} : { gateway };
  }
  const v6 = rows('ipv6_route').some(
    ([destination = '', prefix, , , , , , , flags, device]) =>
      device === name && /^0{32}$/.test(destination) && prefix === '00' && isUp(flags),
  );
  return v6 ? {} : undefined;
}

/** The kernel writes an address as the number that it is in memory: the bytes turned on all our machines. */
const dotted = (hex: string): string =>
  (hex.match(/../g) ?? [])
    .reverse()
    .map((byte) => parseInt(byte, 16))
    .join('.');

/** What is built upon an interface, nearest first: its bond or bridge, and VLANs. */
export function builtUpon(
  name: string,
  sys = '/sys/class/net',
): { readonly name: string; readonly index: number }[] {
  let entries: string[];
  try {
    entries = readdirSync(join(sys, name));
  } catch {
    return [];
  }
  const uppers = entries.flatMap((entry) => (entry.startsWith('upper_') ? [entry.slice(6)] : []));
  return uppers.flatMap((upper) => [
    { name: upper, index: Number(readIfThere(join(sys, upper, 'ifindex'))) },
    ...builtUpon(upper, sys),
  ]);
}
