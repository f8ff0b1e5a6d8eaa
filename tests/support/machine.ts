import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inject } from 'vitest';
import { makeKeyFile, readKeyFile } from '../../agent/identity/keys/key-file.ts';
import { deriveIdentity } from '../../bundle/identity.ts';
import type { Identity } from '../../bundle/identity.ts';
import { formatSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import { listen } from './run.ts';
import type { Run } from './run.ts';

/** The agent as one file, as images carry it. */
export const agentProgram = (): string => join(inject('commands'), 'coatcheck-agent.mjs');

/** A root folder with a key and a site, and the agent to run on it. */
export interface Machine {
  readonly root: string;
  readonly identity: Identity;
  path(path: string): string;
  read(path: string): string;
  write(path: string, text: string, mode?: number): void;
  /** Every path that is no folder, but for the agent's own, with mode and content or target. */
  tree(): Record<string, string>;
  run(...args: string[]): Promise<Run>;
  /** As `run`, with `--json`, of a command that must succeed. */
  json(...args: string[]): Promise<Record<string, unknown>>;
  start(
    command: readonly string[],
    args: readonly string[],
  ): { child: ChildProcess; done: Promise<Run> };
  /** Another root with the same key and site: the same machine after a reboot, without memory. */
  reboot(): Machine;
  remove(): void;
}

export function makeMachine(site: Site, keyFrom?: string): Machine {
  const root = fs.mkdtempSync(join(tmpdir(), 'machine-'));
  const path = (name: string): string => join(root, name);
  const write = (name: string, text: string, mode = 0o644): void => {
    fs.mkdirSync(dirname(path(name)), { recursive: true });
    fs.writeFileSync(path(name), text);
    fs.chmodSync(path(name), mode);
  };
  write('etc/coatcheck/site.json', formatSite(site));
  const seed = keyFrom === undefined ? makeKeyFile(path('etc/coatcheck/key')) : undefined;
  if (keyFrom !== undefined) fs.copyFileSync(keyFrom, path('etc/coatcheck/key'));
  const start: Machine['start'] = (command, args) => {
    const child = spawn(command[0]!, [...command.slice(1), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { child, done: listen(child).done };
  };
  const run = async (...args: string[]): Promise<Run> =>
    start([process.execPath, agentProgram()], ['--root', root, ...args]).done;
  return {
    root,
    identity: deriveIdentity(seed ?? readKeyFile(path('etc/coatcheck/key'))),
    path,
    read: (name) => fs.readFileSync(path(name), 'utf8'),
    write,
    tree: () => treeOf(root, ''),
    run,
    async json(...args) {
      const { code, stdout, stderr } = await run('--json', ...args);
      if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
      return JSON.parse(stdout) as Record<string, unknown>;
    },
    start,
    reboot: () => makeMachine(site, path('etc/coatcheck/key')),
    remove: () => fs.rmSync(root, { recursive: true, force: true }),
  };
}

function treeOf(root: string, folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of fs.readdirSync(join(root, folder)).sort()) {
    const path = folder === '' ? name : `${folder}/${name}`;
    if (['etc/coatcheck', 'usr/lib/coatcheck', 'var/lib/coatcheck'].includes(path)) continue;
    const full = join(root, path);
    const stat = fs.lstatSync(full);
    if (stat.isDirectory()) Object.assign(found, treeOf(root, path));
    else if (stat.isSymbolicLink()) found[path] = `-> ${fs.readlinkSync(full)}`;
    else found[path] = `${(stat.mode & 0o7777).toString(8)} ${fs.readFileSync(full, 'latin1')}`;
  }
  return found;
}
