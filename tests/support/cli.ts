import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { localKey } from '../../admin/local-key.ts';
import { emptyMemory } from '../../admin/memory.ts';
import { createSession } from '../../admin/session.ts';
import type { Session } from '../../admin/session.ts';
import { openKeyFile } from '../../cli/key-file.ts';
import { createClient } from '../../protocol/client.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { parseCa } from '../../net/certificates.ts';
import { parseSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import { createFilesystemStore } from '../../store/filesystem.ts';
import type { ObjectStore } from '../../store/port.ts';
import type { Identity } from '../../bundle/identity.ts';
import { toHex } from '../../bundle/bytes.ts';
import { listen } from './run.ts';
import type { Run } from './run.ts';
import { propose } from './site.ts';

/** `coatcheck` as it is published. */
export const cliProgram = (): string => join(inject('commands'), 'coatcheck.mjs');

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** a shell redirection of stdout, for what only a real file can do */
  readonly stdout?: string;
  /** what runs the command, instead of the Node of the tests */
  readonly runtime?: readonly string[];
}

/** Starts the real command. Neither the terminal nor the environment of the tests reach it. */
export async function startCli(
  args: readonly string[],
  options: CliOptions = {},
): Promise<{ child: ChildProcess; said: { stdout: string; stderr: string }; done: Promise<Run> }> {
  const command = [...(options.runtime ?? [process.execPath]), cliProgram(), ...args];
  const [program, ...rest] =
    options.stdout === undefined
      ? command
      : ['/bin/sh', '-c', `exec "$@" > ${options.stdout}`, 'sh', ...command];
  const child = spawn(program!, rest, {
    env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, ...listen(child) };
}

export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<Run> {
  return (await startCli(args, options)).done;
}

/** `coatcheck serve`, once it has said where. */
export interface Served {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it has said so far, the log of its requests too. */
  readonly said: { stdout: string; stderr: string };
  stop(): Promise<Run>;
}

/**
 * Starts the real server on a free port.
 * @throws with what it said, if it ends instead
 */
export async function startServe(
  args: readonly string[],
  options: CliOptions = {},
): Promise<Served> {
  const { child, said, done } = await startCli([...args, '--port', '0'], options);
  while (!said.stdout.includes('\n')) {
    if (child.exitCode !== null) throw new Error((await done).stderr);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const stop = (): Promise<Run> => {
    child.kill('SIGINT');
    return done;
  };
  return { url: /https?:[^\s"]+/.exec(said.stdout)![0], child, said, stop };
}

/** The exit code and the code of the one line on stderr. */
export function refusal({ code, stderr }: Run): [exit: number | null, code: string | undefined] {
  return [code, /^coatcheck: .* \[([a-z_0-9]+)\]\n$/.exec(stderr)?.[1]];
}

/** A session with the key of a desk, in this process: what many commands would take long for. */
export async function openSession(
  { home, site, url }: Desk,
  options: Pick<Parameters<typeof createSession>[0], 'looksInStore' | 'now'> = {},
): Promise<Session> {
  const keyFile = join(home, 'admin.key');
  const identity = await openKeyFile(fs.readFileSync(keyFile), async () => '', keyFile);
  return createSession({
    ...{ site, server: url, key: localKey(identity), program: 'a test', ...options },
    memory: { load: async () => emptyMemory(site), add: async () => undefined },
  });
}

/** An administrator with a site of their own, and the real server beside. */
export interface Desk {
  readonly home: string;
  readonly site: Site;
  readonly url: string;
  /** What somebody could do who owns the store. */
  readonly store: ObjectStore;
  run(...args: string[]): Promise<Run>;
  /** As `run`, with `--json`, of a command that must succeed. */
  json<T = Record<string, unknown>>(...args: string[]): Promise<T>;
  /** Uploads a bundle of the node, made in this process. @returns its digest */
  propose(
    node: Identity,
    options: Omit<Parameters<typeof propose>[0], 'keyset' | 'node'> & { after?: string },
  ): Promise<string>;
  close(): Promise<void>;
}

export async function openDesk(initArgs: readonly string[] = []): Promise<Desk> {
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-desk-'));
  const home = join(folder, 'site');
  const made = await runCli([
    '--home',
    home,
    'init',
    '--no-passphrase',
    '--admin-name',
    'ada',
    ...initArgs,
  ]);
  if (made.code !== 0) throw new Error(made.stderr);
  const site = parseSite(fs.readFileSync(join(home, 'site.json'), 'utf8'), parseCa);
  const server = await startServe(['--home', home, 'serve']);
  const { url } = server;
  const run = (...args: string[]): Promise<Run> =>
    runCli(['--home', home, '--server', url, ...args]);
  return {
    ...{ home, site, url, run },
    store: createFilesystemStore(join(home, 'store')),
    json: async <T>(...args: string[]) => {
      const { code, stdout, stderr } = await run('--json', ...args);
      if (code !== 0) throw new Error(`${args.join(' ')}: exit ${code}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
    propose: async (node, { after, ...options }) => {
      const { bytes, digest } = propose({ keyset: site.pinned.keyset, node, ...options });
      const client = createClient({ server: url, site: site.id, identity: node });
      const { put } = await client.propose(node.id, {
        digest: toHex(digest) as DigestHex,
        size: bytes.length,
        ...(after === undefined ? {} : { after: after as DigestHex }),
      });
      await client.put(put, bytes);
      return toHex(digest);
    },
    close: async () => {
      await server.stop();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}
