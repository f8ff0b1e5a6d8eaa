import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A TPM of its own in software, whose state outlives it as that of a chip does the power. */
export interface Swtpm {
  /** For TPM2TOOLS_TCTI, where the agent is to find it: a device. */
  readonly tcti: string;
  /** A tool of tpm2-tools on it. */
  tool(program: string, ...args: string[]): string;
  /**
   * From now on: the next command of this code that the agent gives is not answered, and not even done where
   * `when` is `before`. `held` resolves once it came.
   */
  hold(code: number, when: 'before' | 'after'): Promise<{ readonly held: Promise<unknown> }>;
  start(): Promise<void>;
  /** The power goes: no TPM2_Shutdown comes first. */
  stop(): Promise<void>;
  remove(): Promise<void>;
}

const DEVICE = join(import.meta.dirname, 'tpm-device.py');

/**
 * Makes what a chip has when its vendor sells it: an endorsement key that is kept, and its certificate.
 * @param authority a folder for the vendor's CA, with a root above it: {@link vendorAuthorities} has both certificates
 */
async function manufacture(state: string, authority: string): Promise<void> {
  mkdirSync(authority, { recursive: true });
  const at = (name: string): string => join(authority, name);
  const ca = [
    ...[`statedir = ${authority}`, `signingkey = ${at('ca.key')}`, `issuercert = ${at('ca.pem')}`],
    `certserial = ${at('serial')}`,
  ];
  writeFileSync(at('ca.conf'), ca.join('\n'));
  const tool = [
    ...[
      'create_certs_tool = /usr/bin/swtpm_localca',
      `create_certs_tool_config = ${at('ca.conf')}`,
    ],
    'create_certs_tool_options = /etc/swtpm-localca.options',
  ];
  writeFileSync(at('setup.conf'), tool.join('\n'));
  const args = ['--tpm2', '--create-ek-cert', '--tpmstate', state, '--config', at('setup.conf')];
  await promisify(execFile)('swtpm_setup', args);
}

/** The certificates of a vendor's CA and of the root above it. */
export const vendorAuthorities = (authority: string): { ca: string; root: string } => ({
  ca: join(authority, 'ca.pem'),
  root: join(authority, 'swtpm-localca-rootca-cert.pem'),
});

/** A new one, running. @param authority folder of the CA of its vendor; absent: it has no certificate */
export async function startSwtpm(authority?: string): Promise<Swtpm> {
  const folder = mkdtempSync(join(tmpdir(), 'swtpm-'));
  const [state, socket] = [join(folder, 'state'), join(folder, 'socket')];
  mkdirSync(state);
  if (authority !== undefined) await manufacture(state, authority);
  const toolTcti = `swtpm:path=${socket}`;
  let child: ReturnType<typeof spawn> | undefined;
  const start = async (): Promise<void> => {
    child = spawn(
      'swtpm',
      [
        ...['socket', '--tpm2', '--tpmstate', `dir=${state}`, '--flags', 'startup-clear'],
        ...['--server', `type=unixio,path=${socket}`, '--ctrl', `type=unixio,path=${socket}.ctrl`],
      ],
      { stdio: 'ignore' },
    );
    while (!existsSync(socket) || !existsSync(`${socket}.ctrl`)) {
      if (child.exitCode !== null) throw new Error(`swtpm ended with ${child.exitCode}`);
      await sleep(10);
    }
  };
  const stop = async (): Promise<void> => {
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    child = undefined;
    for (const path of [socket, `${socket}.ctrl`]) rmSync(path, { force: true });
  };
  await start();
  const device = spawn('python3', [DEVICE, socket], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: device.stdout });
  const [path] = (await once(lines, 'line')) as [string];
  return {
    ...{ tcti: `device:${path}`, start, stop },
    tool: (program, ...args) =>
      execFileSync(program, args, {
        env: { ...process.env, TPM2TOOLS_TCTI: toolTcti },
        encoding: 'utf8',
        stdio: 'pipe',
      }),
    hold: async (code, when) => {
      const held = once(lines, 'line');
      const order = `hold ${code.toString(16)} ${when}\n`;
      await new Promise((written) => device.stdin.write(order, written));
      return { held };
    },
    remove: async () => {
      const ended = once(device, 'exit');
      device.stdin.end();
      await ended;
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}
