import * as fs from 'node:fs';
import { join } from 'node:path';
import { now } from '../../../files/calls.ts';
import { reading } from '../../../files/read.ts';
import { fail } from '../../../protocol/errors.ts';
import { errnoOf, treeError } from '../../../files/errors.ts';

/**
 * UUIDs that vendors put into many machines. All bytes alike is another rule, below.
 * The first two are the same 16 bytes, as SMBIOS before and since 2.6 reads them.
 */
const SHARED_UUIDS: readonly string[] = [
  '03000200-0400-0500-0006-000700080009', // boards with AMI firmware (oshi issue 2417)
  '00020003-0004-0005-0006-000700080009', // the same (FOG Project's list)
  '12345678-1234-5678-90ab-cddeefaabbcc', // Supermicro and others (FOG Project's list)
  'ffffff00-ffff-ffff-ffff-ffffffffffff', // FOG Project's list
  '8a95d198-7f46-11e5-bf8b-08002704d48e', // every SolidRun LX2160A (lx2160a_uefi issue 4)
];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** linux/if_arp.h and linux/netdevice.h */
const ARPHRD_ETHER = '1';
const NET_ADDR_PERM = '0';
const NET_ADDR_RANDOM = '1';

/**
 * What tells this machine from others: `uuid <SMBIOS system UUID>`, or `mac <the lowest permanent
 * MAC address of its wired interfaces>` where the UUID is missing, all zeros, all ones, or one that
 * its vendor gives to many. The same at every boot as long as the hardware is.
 * @param sys where sysfs is mounted
 * @throws file_denied where only root may read it; device_missing where there is neither;
 *   device_failed for an interface whose permanent address nobody knows any more
 */
export function machineName(sys: string): string {
  const uuid = read(join(sys, 'class/dmi/id/product_uuid'))?.toLowerCase();
  if (uuid !== undefined && UUID.test(uuid) && !isShared(uuid)) return `uuid ${uuid}`;
  const macs = interfaces(sys).flatMap((path) => permanentMac(path) ?? []);
  const lowest = macs.sort()[0];
  if (lowest !== undefined) return `mac ${lowest}`;
  const why = uuid === undefined ? 'no SMBIOS UUID' : `the SMBIOS UUID ${uuid.slice(0, 64)}`;
  throw fail(
    'device_missing',
    `this machine has ${why} and no wired interface with a permanent address: nothing tells it from others, so it needs another source of its key`,
  );
}

function isShared(uuid: string): boolean {
  const bytes = uuid.replaceAll('-', '').match(/../g)!;
  return new Set(bytes).size === 1 || SHARED_UUIDS.includes(uuid);
}

/** Those of Ethernet that are hardware, not bridges, bonds or VLANs, and not wireless. */
function interfaces(sys: string): string[] {
  const folder = join(sys, 'class/net');
  return names(folder)
    .map((name) => join(folder, name))
    .filter(
      (path) =>
        fs.existsSync(join(path, 'device')) &&
        !fs.existsSync(join(path, 'wireless')) &&
        read(join(path, 'type')) === ARPHRD_ETHER,
    );
}

/**
 * Undefined for one that never had any. In a bond, an interface has the bond's address, and the
 * kernel tells its own elsewhere.
 */
function permanentMac(path: string): string | undefined {
  const assigned = read(join(path, 'addr_assign_type'));
  if (assigned === NET_ADDR_RANDOM) return undefined;
  const bonded = read(join(path, 'bonding_slave/perm_hwaddr'));
  const mac = bonded ?? (assigned === NET_ADDR_PERM ? read(join(path, 'address')) : undefined);
  if (mac !== undefined && MAC.test(mac)) return mac;
  throw fail(
    'device_failed',
    `the permanent address of ${path} is not known, since another was set: with it or without it, this might be another machine`,
  );
}

/** Undefined if there is no such file. @throws file_denied */
function read(path: string): string | undefined {
  try {
    const { content } = now(reading(path, { maxBytes: 4096 }));
    return Buffer.from(content).toString('latin1').trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENODEV') return undefined;
    throw treeError(error, path);
  }
}

function names(folder: string): string[] {
  try {
    return fs.readdirSync(folder).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw treeError(error, folder);
  }
}
