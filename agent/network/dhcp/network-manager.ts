import { failure, run } from '../../programs/run.ts';
import type { RawLease } from '../lease.ts';
import { isEnabled, startUnit } from './service.ts';
import { ASK_SECONDS } from './dhcp-program.ts';
import type { DhcpProgram } from './dhcp-program.ts';

const UNIT = 'NetworkManager.service';

/** NetworkManager, by nmcli(1): the profile of the image for the interface, or its default, DHCP. */
export const networkManager: DhcpProgram = {
  name: 'NetworkManager',
  isHere: async () => (await isRunning()) || (await isEnabled(UNIT)),
  async start({ name }, signal) {
    await manage(name, signal);
    const args = ['--wait', String(ASK_SECONDS), 'device', 'connect', name];
    const ran = await run('nmcli', args, { timeoutSeconds: ASK_SECONDS + 10, signal });
    if (ran.status !== 0) throw failure('network_down', 'nmcli', args, ran);
  },
  async lease({ name }) {
    const args = ['-t', '-e', 'no', '-f', 'IP4,DHCP4,IP6,DHCP6', 'device', 'show', name];
    const ran = await run('nmcli', args);
    return ran.status === 0 ? parseDevice(ran.stdout.toString('utf8')) : undefined;
  },
};

/** Has it run, and manage an interface. @throws network_down with what systemctl said */
export async function manage(name: string, signal?: AbortSignal): Promise<void> {
  if (!(await isRunning())) await startUnit(UNIT, signal);
  await run('nmcli', ['device', 'set', name, 'managed', 'yes']);
}

async function isRunning(): Promise<boolean> {
  const { status, stdout } = await run('nmcli', ['-t', '-f', 'RUNNING', 'general']);
  return status === 0 && stdout.toString('utf8').trim() === 'running';
}

/** `IP4.DNS[1]:10.77.0.1` and `DHCP4.OPTION[3]:host_name = node7`; undefined without a lease. */
export function parseDevice(text: string): RawLease | undefined {
  const lines = text.split('\n').flatMap((line) => {
    const [, field, value] = /^([A-Z0-9]+\.[A-Z]+)\[\d+\]:(.*)$/.exec(line) ?? [];
    return field === undefined ? [] : [{ field, value: value! }];
  });
  const all = (...fields: string[]): string =>
    lines.flatMap(({ field, value }) => (fields.includes(field) ? [value] : [])).join(' ');
  const options = new Map<string, string>(
    lines.flatMap(({ field, value }) => {
      const [, name, text] = /^(\w+) = (.*)$/.exec(value) ?? [];
      return /^DHCP[46]\.OPTION$/.test(field) && name !== undefined ? [[name, text!] as const] : [];
    }),
  );
  const domains = all('IP4.DOMAIN', 'IP6.DOMAIN');
  if (options.size === 0 && domains === '' && all('IP4.DNS', 'IP6.DNS') === '') return undefined;
  const searched = ['domain_search', 'dhcp6_domain_search'].map((name) => options.get(name));
  return {
    domain: options.get('domain_name') ?? domains,
    search: [...searched, all('IP4.SEARCHES', 'IP6.SEARCHES', 'IP4.DOMAIN', 'IP6.DOMAIN')].join(
      ' ',
    ),
    dns: all('IP4.DNS', 'IP6.DNS'),
    hostname: options.get('host_name') ?? '',
  };
}
