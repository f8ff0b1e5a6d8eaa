import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { ObjectStore } from '../../store/port.ts';
import { createCommands } from './commands.ts';
import type { Commands, Run } from './commands.ts';
import { openStorage } from './storage.ts';
import type { StorageKind } from './storage.ts';
import { createNarrator } from './tell.ts';
import type { Narrator } from './tell.ts';

export interface DemoOptions {
  readonly store: StorageKind;
  /** where the two built commands are */
  readonly dist: string;
}

/** What every chapter of the story works with. */
export interface Lab {
  readonly narrator: Narrator;
  readonly folder: string;
  /** the options of `serve` and `doctor` that name the store */
  readonly storeArgs: readonly string[];
  /** the store as an attacker sees it who can write the bucket */
  readonly store: ObjectStore;
  /** A command of the administrator, told as it happens. */
  coatcheck(args: readonly string[], maxLines?: number): Promise<Run>;
  /** A command of a machine, told as it happens. */
  agent(machine: Machine, args: readonly string[], maxLines?: number): Promise<Run>;
  /** The JSON document that a command prints, not told. */
  ask<T>(args: readonly string[]): Promise<T>;
  askAgent<T>(machine: Machine, args: readonly string[]): Promise<T>;
  /** Starts the server; commands find it from then on. */
  serve(): Promise<void>;
  serverLog(): string;
  stopServer(): Promise<void>;
  close(options: { keep: boolean }): Promise<void>;
}

/** A machine: its root folder, and what it carries. */
export interface Machine {
  readonly root: string;
  readonly key: string;
  readonly state: string;
}

export async function openLab(options: DemoOptions): Promise<Lab> {
  const narrator = createNarrator(process.stdout);
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-demo-'));
  const home = join(folder, 'site');
  const passphrase = randomBytes(12).toString('base64url');
  const commands: Commands = createCommands(options.dist, {
    env: { COATCHECK_PASSPHRASE: passphrase, HOME: folder },
    cwd: folder,
  });
  const storage = await openStorage(options.store, folder, home).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  let server: Awaited<ReturnType<Commands['start']>> | undefined;
  let url = '';

  const adminArgs = (args: readonly string[]): string[] => [
    ...['--home', home],
    ...(url === '' ? [] : ['--server', url]),
    ...args,
  ];
  const agentArgs = ({ root, key, state }: Machine, args: readonly string[]): string[] => [
    ...['--root', root, '--key', key, '--state', state],
    ...['--site', join(home, 'site.json'), '--server', url],
    ...args,
  ];
  async function told(line: string, run: () => Promise<Run>, maxLines?: number): Promise<Run> {
    narrator.command(line);
    const done = await run();
    const text = `${done.stdout}${done.stderr}`;
    if (text !== '') narrator.output(text, maxLines);
    return done;
  }
  function parsed(run: Run, args: readonly string[]): unknown {
    // A doctor that finds something says what on stdout, and fails.
    if (run.stdout === '') throw new Error(`${args.join(' ')}: exit ${run.code}: ${run.stderr}`);
    return JSON.parse(run.stdout);
  }

  return {
    narrator,
    folder,
    storeArgs: storage.args,
    store: storage.store,
    coatcheck: (args, maxLines) =>
      told(
        `coatcheck ${args.map(quoted).join(' ')}`,
        () => commands.run('coatcheck', adminArgs(args)),
        maxLines,
      ),
    agent: (machine, args, maxLines) =>
      told(
        `coatcheck-agent --root ${machine.root.replace(`${folder}/`, '')} ${args.map(quoted).join(' ')}`,
        () => commands.run('coatcheck-agent', agentArgs(machine, args)),
        maxLines,
      ),
    ask: async <T>(args: readonly string[]) =>
      parsed(await commands.run('coatcheck', adminArgs(['--json', ...args])), args) as T,
    askAgent: async <T>(machine: Machine, args: readonly string[]) =>
      parsed(
        await commands.run('coatcheck-agent', agentArgs(machine, ['--json', ...args])),
        args,
      ) as T,
    serve: async () => {
      const args = ['serve', '--port', '0', ...storage.args];
      narrator.command(`coatcheck serve${options.store === 'minio' ? ' --store s3://...' : ''}`);
      server = await commands.start('coatcheck', ['--home', home, ...args]);
      narrator.output(server.firstLine);
      url = /https?:\/\/\S+$/.exec(server.firstLine)?.[0] ?? '';
    },
    serverLog: () => server?.log() ?? '',
    stopServer: async () => server?.stop(),
    close: async ({ keep }) => {
      await commands.stop();
      await storage.close();
      if (!keep) await rm(folder, { recursive: true, force: true });
    },
  };
}

const quoted = (arg: string): string => (/^[\w./:=@-]+$/.test(arg) ? arg : `'${arg}'`);

/** Overwrites an object, as somebody with write access to the bucket can. */
export async function overwrite(
  store: ObjectStore,
  key: ObjectKey,
  body: Uint8Array,
): Promise<void> {
  const there = await store.head(key);
  if (there === undefined) await store.create(key, body);
  else await store.replace(key, body, there.etag);
}
