import * as fs from 'node:fs';
import { join } from 'node:path';
import { run } from '../../programs/run.ts';
import { readIfThere } from '../lease.ts';
import type { RawLease } from '../lease.ts';
import { clientFailed, endEarlier, isProgram } from './client.ts';
import { ASK_SECONDS, RUN_FOLDER } from './dhcp-program.ts';
import type { DhcpProgram } from './dhcp-program.ts';

const leasesOf = (name: string): string => join(RUN_FOLDER, `dhclient-${name}.leases`);

/** dhclient(8) of ISC, with lease and process files of its own. */
export const dhclient: DhcpProgram = {
  name: 'dhclient',
  isHere: () => isProgram('dhclient', ['--version']),
  async start({ name }) {
    fs.mkdirSync(RUN_FOLDER, { recursive: true, mode: 0o755 });
    const pid = join(RUN_FOLDER, `dhclient-${name}.pid`);
    endEarlier(pid);
    const args = ['-4', '-1', '-pf', pid, '-lf', leasesOf(name), name];
    const ran = await run('dhclient', args, { timeoutSeconds: ASK_SECONDS + 10 });
    if (ran.status !== 0) throw clientFailed('dhclient', args, ran);
  },
  lease({ name }) {
    return parseLeases(readIfThere(leasesOf(name)) ?? '');
  },
};

/** The last lease of a dhclient.leases(5). */
export function parseLeases(text: string): RawLease | undefined {
  const last = text
    .split(/^lease \{$/m)
    .slice(1)
    .at(-1);
  if (last === undefined) return undefined;
  const option = (name: string): string =>
    new RegExp(`^  option ${name} (.*);$`, 'm').exec(last)?.[1]!.replaceAll('"', '') ?? '';
  return {
    domain: option('domain-name'),
    search: option('domain-search'),
    dns: option('domain-name-servers'),
    hostname: option('host-name'),
  };
}
