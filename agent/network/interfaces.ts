import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../protocol/errors.ts';
import type { BootInterface, Orders } from '../answers/cmdline/orders.ts';
import { run } from '../programs/run.ts';
import { readIfThere } from './lease.ts';
import { until } from './until.ts';
import type { Sleep } from './until.ts';

/** A network interface that speaks Ethernet. */
export interface Interface {
  readonly name: string;
  /** The kernel's number for it */
  readonly index: number;
  /** Lower case, six pairs of hex digits with colons */
  readonly mac: string;
  /** Whether something answers at the other end of the cable; never while it is down. */
  readonly hasLink: boolean;
  /** A port of the machine (or a veth). Not what is built upon others: bridge, bond, VLAN, and not Wi-Fi. */
  readonly isPort: boolean;
}

const SYS = '/sys/class/net';
const ARPHRD_ETHER = '1';

/** In the order of their names, `eth2` before `eth10`. Never the loopback. */
export function listInterfaces(sys = SYS): Interface[] {
  const about = (name: string, what: string): string =>
    (readIfThere(join(sys, name, what)) ?? '').trim();
  return readdirSync(sys)
    .filter((name) => /^[A-Za-z0-9._-]+$/.test(name) && about(name, 'type') === ARPHRD_ETHER)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => ({
      name,
      index: Number(about(name, 'ifindex')),
      mac: about(name, 'address'),
      hasLink: about(name, 'carrier') === '1',
      // The kernel says DEVTYPE=bridge, bond, vlan, wlan, ... of all others (SET_NETDEV_DEVTYPE).
      isPort: !/^DEVTYPE=/m.test(about(name, 'uevent')),
    }));
}

/** How an interface is waited for: for tests to change. */
export interface ChooseOptions {
  readonly list?: () => readonly Interface[];
  /** Sets an interface up: it has no link before. */
  readonly raise?: (name: string) => Promise<void>;
  readonly sleep?: Sleep;
  /** Drivers load late, and a switch takes its time. */
  readonly seconds?: number;
}

/** How long the first interfaces are waited for after another one already has link. */
const SETTLE_LOOKS = 20;

/**
 * The interface to boot over: BOOTIF by its address, which the firmware has from the card, or by its
 * name; with `BOOTIF=link`, or without BOOTIF, the first port with link, in the order of their names.
 * One that is missing or has no link is waited for.
 *
 * @throws bad_argument where BOOTIF is required and missing; network_down, which lists what there is
 */
export async function chooseInterface(
  orders: Pick<Orders, 'bootInterface' | 'bootInterfaceRequired'>,
  options: ChooseOptions = {},
): Promise<Interface> {
  const { list = listInterfaces, raise = setUp, sleep, seconds = 60 } = options;
  if (orders.bootInterface === undefined && orders.bootInterfaceRequired) {
    throw fail(
      'bad_argument',
      'coatcheck.bootif=required, and the kernel has no BOOTIF: let the boot loader add it (pxelinux: IPAPPEND 2; iPXE: BOOTIF=01-${net0/mac:hexhyp})',
    );
  }
  const wanted = orders.bootInterface;
  const raised = new Set<string>();
  let looks = 0;
  const chosen = await until(
    async () => {
      const fitting = list().filter((one) => fits(one, wanted));
      for (const { name, hasLink } of fitting) {
        if (!hasLink && !raised.has(name)) await raise(name);
        raised.add(name);
      }
      // The first may only be slower than others.
      const isSettled = fitting[0]?.hasLink === true || looks++ >= SETTLE_LOOKS;
      return isSettled ? fitting.find(({ hasLink }) => hasLink) : undefined;
    },
    seconds,
    sleep,
  );
  if (chosen !== undefined) return chosen;
  throw fail('network_down', `${said(wanted)} after ${seconds} s; there is ${told(list())}`);
}

/** Whether it may be the one to boot over, with or without link. */
export function fits(one: Interface, wanted: BootInterface = { by: 'link' }): boolean {
  if (wanted.by === 'name') return one.name === wanted.name;
  return one.isPort && (wanted.by === 'link' || one.mac === wanted.mac);
}

function said(wanted: BootInterface = { by: 'link' }): string {
  if (wanted.by === 'link') return 'no network interface has link';
  const which = wanted.by === 'name' ? wanted.name : `the one with address ${wanted.mac}`;
  return `the boot interface (BOOTIF), ${which}, is missing or has no link`;
}

function told(interfaces: readonly Interface[]): string {
  const each = interfaces.map(
    ({ name, mac, hasLink }) => `${name} ${mac} ${hasLink ? 'with' : 'without'} link`,
  );
  return each.join(', ') || 'none at all: is its driver in the image?';
}

/** What it failed with shows in that there is no link. */
async function setUp(name: string): Promise<void> {
  await run('ip', ['link', 'set', 'dev', name, 'up']);
}
