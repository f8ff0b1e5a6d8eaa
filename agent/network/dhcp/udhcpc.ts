import * as fs from 'node:fs';
import { join } from 'node:path';
import { run } from '../../programs/run.ts';
import { readAssignments } from '../lease.ts';
import { clientFailed, endEarlier, isProgram } from './client.ts';
import { ASK_SECONDS, RUN_FOLDER } from './dhcp-program.ts';
import type { DhcpProgram } from './dhcp-program.ts';

/** What configures the interface, where Debian and Alpine have it. */
const SCRIPTS = ['/etc/udhcpc/default.script', '/usr/share/udhcpc/default.script'];
const TRY_SECONDS = 4;
/** What it says instead of a host name or a domain that is no name, such as one of several words. */
const NO_NAME = 'bad';

/**
 * udhcpc of BusyBox. It tells its lease only to the script that it calls, so one of ours stands
 * before the image's: it writes the lease down. Where /run may not hold programs, the image's alone
 * runs, and resolv.conf is what there is to read.
 */
export const udhcpc: DhcpProgram = {
  name: 'udhcpc',
  isHere: () => isProgram('udhcpc', ['--help']),
  async start({ name }, signal) {
    const hook = await makeHook();
    const pid = join(RUN_FOLDER, `udhcpc-${name}.pid`);
    endEarlier(pid);
    const args = [
      ...['-i', name, '-n', '-t', String(ASK_SECONDS / TRY_SECONDS), '-T', String(TRY_SECONDS)],
      // 119 is the search list, RFC 3397
      ...['-O', '119', '-p', pid],
      ...(hook === undefined ? [] : ['-s', hook]),
    ];
    const ran = await run('udhcpc', args, { timeoutSeconds: ASK_SECONDS + 10, signal });
    if (ran.status !== 0) throw clientFailed('udhcpc', args, ran);
  },
  lease({ name }) {
    const said = readAssignments(join(RUN_FOLDER, `udhcpc-hook.${name}`));
    return (
      said && Object.fromEntries(Object.entries(said).filter(([, value]) => value !== NO_NAME))
    );
  },
};

async function makeHook(): Promise<string | undefined> {
  const script = SCRIPTS.find((path) => fs.existsSync(path));
  if (script === undefined) return undefined;
  const hook = join(RUN_FOLDER, 'udhcpc-hook');
  fs.mkdirSync(RUN_FOLDER, { recursive: true, mode: 0o755 });
  fs.writeFileSync(hook, hookBefore(script), { mode: 0o755 });
  return (await run(hook, ['probe'])).status === 0 ? hook : undefined;
}

function hookBefore(script: string): string {
  return `#!/bin/sh
# Written by coatcheck-agent: keeps what the lease says, then does as the image does.
case "$1" in
probe) exit 0 ;;
bound | renew)
  printf '%s\\n' "domain=$domain" "search=$search" "dns=$dns" "hostname=$hostname" > "$0.$interface.new" &&
    mv "$0.$interface.new" "$0.$interface" ;;
deconfig) rm -f "$0.$interface" ;;
esac
exec ${script} "$@"
`;
}
