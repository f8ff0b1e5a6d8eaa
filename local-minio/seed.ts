import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { exists } from '../files/write.ts';
import { fail } from '../protocol/errors.ts';

/** Where the parts of a lab are. */
export interface LabFolders {
  /** `--home` of the administrator */
  readonly home: string;
  /** one folder per machine: its root, its key, what it remembers */
  readonly machines: string;
}

/** The machines of a new lab: one with an approved configuration, one whose proposal waits. */
const MACHINES: Readonly<Record<string, { address: string; approved: boolean }>> = {
  alpha: { address: '10.77.0.50', approved: true },
  beta: { address: '10.77.0.51', approved: false },
};

const repository = join(import.meta.dirname, '..');

/** Runs one of our two commands from its source. @returns what it prints on stdout */
async function run(main: string, args: readonly string[]): Promise<string> {
  const all = ['--import', 'tsx', join(repository, main), ...args];
  try {
    return (await promisify(execFile)(process.execPath, all, { cwd: repository })).stdout;
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    throw fail('probe_failed', `${main} ${args.join(' ')} failed: ${stderr?.trim() ?? ''}`, {
      cause,
    });
  }
}

/** Makes a site, by the command that a person would use, unless the lab has one. */
export async function makeSite(folders: LabFolders, server: string): Promise<void> {
  if (await exists(join(folders.home, 'site.json'))) return;
  await coatcheck(folders, server, ['init', '--name', 'lab', '--no-passphrase']);
}

/** Lets two new machines propose, and approves one, unless the lab has them. Needs the server. */
export async function seedMachines(folders: LabFolders, server: string): Promise<void> {
  if (await exists(folders.machines)) return;
  try {
    for (const name of Object.keys(MACHINES)) await seedMachine(folders, server, name);
  } catch (error) {
    await rm(folders.machines, { recursive: true, force: true });
    throw error;
  }
}

async function seedMachine(folders: LabFolders, server: string, name: string): Promise<void> {
  const { address, approved } = MACHINES[name]!;
  const folder = join(folders.machines, name);
  const files = {
    'etc/hostname': `${name}\n`,
    'etc/hosts': `127.0.0.1 localhost\n${address} ${name}.lab.test ${name}\n`,
    'etc/resolv.conf': 'nameserver 10.77.0.1\nsearch lab.test\n',
    'etc/systemd/network/10-lan.network': `[Match]\nName=en*\n\n[Network]\nAddress=${address}/24\n`,
    'etc/ssh/sshd_config.d/50-lab.conf': 'PasswordAuthentication no\nPermitRootLogin no\n',
  };
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, 'root', path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  await agent(folders, server, name, ['key', 'make', 'file', join(folder, 'key')]);
  await agent(folders, server, name, ['propose']);
  if (!approved) return;
  const { node } = JSON.parse(await agent(folders, server, name, ['--json', 'id'])) as {
    node: string;
  };
  await coatcheck(folders, server, ['approve', node, '--yes', '--reason', 'the first of the lab']);
}

function coatcheck({ home }: LabFolders, server: string, args: readonly string[]): Promise<string> {
  return run('cli/main.ts', ['--home', home, '--server', server, ...args]);
}

function agent(
  { home, machines }: LabFolders,
  server: string,
  name: string,
  args: readonly string[],
): Promise<string> {
  const folder = join(machines, name);
  const options = [
    ...['--root', join(folder, 'root'), '--key', join(folder, 'key')],
    ...['--state', join(folder, 'state'), '--site', join(home, 'site.json'), '--server', server],
  ];
  return run('agent/main.ts', [...options, ...args]);
}
